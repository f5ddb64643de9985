/** An experiment as a card in a list, and as the head of its page. Pure. */
import { own, type Context } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'
import type { Reading } from '../history/index.ts'
import { outlineOf, summarize, trialResult } from '../store/index.ts'
import type { Card, Standing } from './wire.ts'

const sparkPoints = 60

/** undefined: its beginning is gone, and nothing is known of it. */
export function cardOf(reading: Reading): Card | undefined {
  const context = reading.history?.submission.context
  if (context === undefined) return undefined
  const { best, conclusion, problem, ...outline } = outlineOf(reading)
  const { experiment, name, contextName, state, wanted, counts, objectives, startedAt, endedAt } = outline
  const metric = objectives[0]?.metric
  const value = best === null || metric === undefined ? null : (own(best.metrics, metric) ?? null)
  return {
    experiment,
    name,
    contextName,
    kind: context.kind,
    state,
    wanted,
    counts,
    objectives,
    startedAt,
    endedAt,
    best: best === null ? null : { trial: best.trial, value },
    spark: sparkOf(reading),
    ...(conclusion === undefined ? {} : { conclusion }),
    ...(problem === undefined ? {} : { problem }),
  }
}

/** The best value of the first objective after each result, in the order of the results' ends. */
function sparkOf(reading: Reading): number[] {
  const { history } = reading
  const objective = history?.submission.context.objectives[0]
  if (history === null || objective === undefined) return []
  const ended: { at: number; value: number; loss: number }[] = []
  for (const [trial, { value: state, context }] of history.trials) {
    const value = own(context.metrics, objective.metric)
    const loss = lossOf(context.metrics, objective)
    if (state !== 'done' || typeof value !== 'number' || Number.isNaN(loss)) continue
    ended.push({ at: reading.trial(trial)?.endedAt ?? 0, value, loss })
  }
  ended.sort((a, b) => a.at - b.at)
  let bar = Infinity
  let best = NaN
  const line = ended.map(({ value, loss }) => {
    if (loss < bar) [bar, best] = [loss, value]
    return best
  })
  if (line.length <= sparkPoints) return line
  return Array.from(
    { length: sparkPoints },
    (_, place) => line[Math.round((place * (line.length - 1)) / (sparkPoints - 1))] as number,
  )
}

/** undefined: its beginning is gone. An ablation compares its trials anew each time: they are few. */
export function standingOf(reading: Reading): Standing | undefined {
  const context = reading.history?.submission.context
  if (context === undefined) return undefined
  const { best, searched, notes = [], space, ...outline } = outlineOf(reading)
  return {
    ...outline,
    kind: context.kind,
    space,
    searched,
    best: best?.trial ?? null,
    notes,
    driver: reading.driver,
    plugins: pluginsOf(context),
    fixed: context.hparams,
    maxAttempts: context.policy.maxAttempts,
    repeats: reading.history?.repeats ?? 1,
    ring: ringOf(context),
    ...(context.kind === 'ablation' ? { components: context.components } : {}),
    ...ablationOf(reading, context),
  }
}

function pluginsOf(context: Context): Standing['plugins'] {
  return {
    ...(context.kind === 'optimization' ? { optimizer: context.optimizer.name } : {}),
    ...(context.kind === 'ablation' ? { ablator: context.ablator.name } : {}),
    ...(context.pruner === null ? {} : { pruner: context.pruner.name }),
  }
}

function ringOf(context: Context): Standing['ring'] {
  if (!('ring' in context) || context.ring === undefined) return null
  const { workers, encoding, algorithm } = context.ring
  return { ...workers, encoding, algorithm }
}

function ablationOf(reading: Reading, context: Context): Pick<Standing, 'ablation'> {
  if (context.kind !== 'ablation') return {}
  const { ablation } = summarize(reading)
  return ablation === undefined ? {} : { ablation }
}

/** The trials of these numbers. */
export function trialsOf(reading: Reading, numbers: Iterable<number>) {
  return [...numbers].flatMap((trial) => trialResult(reading, trial) ?? [])
}
