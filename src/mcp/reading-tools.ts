/** The tools that only read: list, show, compare. What they say is bounded, whatever there is. */
import { Type } from 'typebox'
import { own, problem } from '../../protocol/index.ts'
import { importances } from '../importance/index.ts'
import { rank, searchedHparams, type Outline, type Result, type TrialResult } from '../store/index.ts'
import { tool, type Waits } from './tool.ts'

const id = (description: string) => Type.String({ description, minLength: 1, maxLength: 128 })
const listed = 50
const shown = 20
const lastShown = 5

export const list = tool({
  name: 'list',
  title: 'List experiments',
  description: `The experiments that there are, the last ${listed} by default: state, counts of trials, the best one, what it waits for.`,
  takes: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) }),
  async answer(house, { limit = listed }) {
    const all = await house.outlines()
    return { experiments: all.slice(-limit).map(inShort), total: all.length }
  },
})

export const show = tool({
  name: 'show',
  title: 'Show an experiment',
  description: `One experiment: the best trials (${shown} by default) and the last ${lastShown}, failures, notes, and how much each hyperparameter matters.`,
  takes: Type.Object({
    experiment: Type.Optional(id('its id; by default the one that was active last')),
    top: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  }),
  async answer(house, { experiment, top = shown }) {
    const result = await house.result(experiment)
    const { trials, notes, holes, ablation, pareto, objectives, mean } = result
    const ranked = rank(trials, objectives)
    const best = objectives.length > 1 ? pareto : ranked.slice(0, top)
    return {
      ...inShort(result),
      mean,
      notes: notes ?? [],
      ...(holes === undefined ? {} : { holes }),
      trials: trials.length,
      best: best.slice(0, top).map((trial) => trialIn(result, trial)),
      last: trials.slice(-lastShown).map((trial) => trialIn(result, trial)),
      failures: trials
        .filter(({ problem }) => problem !== undefined)
        .slice(0, lastShown)
        .map((trial) => trialIn(result, trial)),
      importance: importances(result),
      ...(ablation === undefined ? {} : { ablation }),
    }
  },
})

export const compare = tool({
  name: 'compare',
  title: 'Compare experiments',
  description:
    'Several experiments side by side: what each came to, the best hparams, and which has the best value of the first objective.',
  takes: Type.Object({ experiments: Type.Array(id('an id'), { minItems: 2, maxItems: 20 }) }),
  async answer(house, { experiments }) {
    const results: (Result & Waits)[] = []
    for (const experiment of experiments) results.push(await house.result(experiment))
    const [objective] = results[0]?.objectives ?? []
    const isShared = (result: Result) =>
      result.objectives[0]?.metric === objective?.metric && result.objectives[0]?.direction === objective?.direction
    if (objective === undefined || !results.every(isShared)) {
      const reason = 'do not aim at the same: the first objective of each must be the same metric in the same direction'
      throw problem('OPTION_INVALID', { option: 'experiments', reason })
    }
    const sides = results.map((result) => {
      const [first] = rank(result.trials, result.objectives)
      return {
        ...inShort(result),
        mean: result.mean,
        value: first === undefined ? null : (own(first.metrics, objective.metric) ?? null),
        importance: importances(result),
      }
    })
    const sign = objective.direction === 'minimize' ? 1 : -1
    const order = sides
      .filter((side): side is typeof side & { value: number } => side.value !== null)
      .sort((a, b) => sign * (a.value - b.value))
    return { objective, experiments: sides, ranking: order.map(({ experiment }) => experiment) }
  },
})

/** An experiment in a few lines. */
function inShort(outline: Outline & Waits) {
  const {
    experiment,
    name,
    contextName,
    state,
    objectives,
    wanted,
    counts,
    best,
    startedAt,
    durationMs,
    conclusion,
    tags,
    remarks,
    waiting,
  } = outline
  return {
    experiment,
    name,
    context: contextName,
    state,
    objectives,
    wanted,
    counts,
    bestTrial: best === null ? null : trialIn(outline, best),
    startedAt: startedAt === null ? null : new Date(startedAt).toISOString(),
    durationMs,
    ...(waiting === null ? {} : { waiting }),
    ...(tags === undefined ? {} : { tags }),
    ...(remarks === undefined
      ? {}
      : { notesOfUsers: remarks.slice(-lastShown).map(({ text }) => text.slice(0, 1000)) }),
    ...(conclusion === undefined ? {} : { conclusion }),
    ...(outline.problem === undefined ? {} : { problem: withoutStack(outline.problem) }),
  }
}

function trialIn(outline: Pick<Outline, 'searched'>, trial: TrialResult) {
  const { trial: number, state, metrics, durationMs, attempts, ablated } = trial
  return {
    trial: number,
    state,
    metrics,
    hparams: searchedHparams(outline, trial),
    durationMs,
    attempts,
    ...(ablated === undefined ? {} : { without: ablated.components.map(({ name }) => name) }),
    ...(trial.problem === undefined ? {} : { problem: withoutStack(trial.problem) }),
  }
}

const withoutStack = ({ code, message, remedy }: NonNullable<TrialResult['problem']>) => ({
  code,
  message: message.slice(0, 1000),
  ...(remedy === undefined ? {} : { remedy }),
})
