/**
 * Multi-objective TPE (Y. Ozaki, Y. Tanigaki, S. Watanabe, M. Nomura, M. Onishi, "Multiobjective Tree-Structured Parzen Estimator", 2022):
 * trials are split into good and bad by front, and inside of the front that is good in part by a subset that dominates as much as a greedy
 * choice finds. So the sampler for one objective is asked with the place in that order as the value to minimize. Options: sampler: a name,
 * or { name, …options }. Default: tpe with what `usual` says.
 */
import type { Objective, Observation, SearchSpace } from '../../protocol/index.ts'
import { bestFirst, lossesOf, volumeFirst } from '../pareto/index.ts'
import { countOf } from '../space/index.ts'
import { samplerNamed } from './base.ts'
import { refuseUnknown } from './options.ts'
import type { SamplerPlugin } from './sampler.ts'

/** As many as can count as good. */
const mostGood = 25

/**
 * The good trials of a front are spread over the space, so that no place on it is better than another: all weigh the same, and where a
 * parameter takes any number, each is modelled alone, for a joint kernel around each of them finds the same ones again (bench quality,
 * family several). Among listed points that cannot happen: none is tried twice. That two trials of a point have two places is no
 * noise.
 */
const usual = (space: SearchSpace) => ({
  name: 'tpe',
  gamma: 0.1,
  mostGood,
  weights: 'equal',
  priorWeight: 0.3,
  mostTries: 1,
  multivariate: Object.values(space).every((parameter) => countOf(parameter) !== Infinity),
})

/** `bases`: the samplers that it can ask. */
export const motpeSampler = (bases: () => ReadonlyMap<string, SamplerPlugin>): SamplerPlugin => ({
  name: 'motpe',
  adaptive: true,
  create(setting) {
    refuseUnknown('motpe', setting.options, ['sampler'])
    const others = new Map([...bases()].filter(([name]) => name !== 'motpe'))
    const { plugin, options } = samplerNamed('motpe', setting.options['sampler'] ?? usual(setting.space), others)
    const place = placeAmong(setting.objectives)
    const sampler = plugin.create({ ...setting, objectives: [place], options })
    return (question) =>
      sampler({
        ...question,
        objectives: [place],
        history: placed(question.history, question.objectives, place.metric),
        tried: question.tried ?? question.history,
      })
  },
})

/** The place as an objective, with the limits of the objectives that it stands for, under a name that none of them limits. */
function placeAmong(objectives: readonly Objective[]): Objective {
  const limits = objectives.flatMap((objective) => objective.limits ?? [])
  let metric = 'place'
  while (limits.some((limit) => limit.metric === metric)) metric += '_'
  return { metric, direction: 'minimize', ...(limits.length > 0 && { limits }) }
}

/** The history with one more metric: the place among all that came to something. What was pruned stands after what is done. */
function placed(history: readonly Observation[], objectives: readonly Objective[], metric: string): Observation[] {
  const done = history.flatMap(({ trial, state, metrics }) => {
    const losses = state === 'done' ? lossesOf(metrics, objectives) : undefined
    return losses === undefined ? [] : [{ trial, losses }]
  })
  const order = volumeFirst(
    done.map(({ losses }) => losses),
    mostGood,
  )
  const pruned = history.filter(({ state }) => state === 'pruned')
  const places = new Map(
    [...order.map((index) => done[index]?.trial), ...bestFirst(pruned, objectives).map(({ trial }) => trial)].map(
      (trial, index) => [trial, index],
    ),
  )
  return history.map((trial) => ({
    ...trial,
    metrics: { ...trial.metrics, [metric]: places.get(trial.trial) ?? null },
  }))
}
