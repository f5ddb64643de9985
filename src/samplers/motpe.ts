/**
 * Multi-objective TPE (Ozaki, Tanigaki, Watanabe, Onishi, "Multiobjective tree-structured Parzen estimator for computationally
 * expensive optimization problems", 2020): trials are split into good and bad by front, and inside of a front by room; so
 * the sampler for one objective is asked with the place in that order as the value to minimize. Where the paper takes the
 * contribution to the hypervolume inside of a front, this takes the crowding distance, which costs less with many objectives.
 * Options: sampler: a name, or { name, …options }. Default: tpe; where a parameter takes any number, each is modelled alone, for the
 * good trials of a front are spread over the space, and a joint kernel around each of them finds the same ones again (bench quality,
 * family several). Among listed points that cannot happen: none is tried twice.
 */
import type { Objective, Observation, SearchSpace } from '../../protocol/index.ts'
import { bestFirst } from '../pareto/index.ts'
import { countOf } from '../space/index.ts'
import { samplerNamed } from './base.ts'
import { refuseUnknown } from './options.ts'
import type { SamplerPlugin } from './sampler.ts'

const place: readonly Objective[] = [{ metric: 'place', direction: 'minimize' }]

const usual = (space: SearchSpace) => ({
  name: 'tpe',
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
    const sampler = plugin.create({ ...setting, objectives: place, options })
    return (question) =>
      sampler({
        ...question,
        objectives: place,
        history: placed(question.history, question.objectives),
        tried: question.tried ?? question.history,
      })
  },
})

/** The history with one metric: the place among all that came to something. */
function placed(history: readonly Observation[], objectives: readonly Objective[]): Observation[] {
  const ended = history.filter(({ state }) => state === 'done' || state === 'pruned')
  const places = new Map(bestFirst(ended, objectives).map(({ trial }, index) => [trial, index]))
  return history.map((trial) => ({ ...trial, metrics: { place: places.get(trial.trial) ?? null } }))
}
