/**
 * Configurations: hparams that are tried in several trials, each with a seed of its own. Repeat r of configuration c is trial
 * c × repeats + r. Where nothing is repeated, a configuration is its trial. Pure.
 * I1 It has settled when all its trials have. One that was pruned makes it pruned: the others are not needed any more.
 * I2 It is worth the mean of its trials, and only where all of them are done: to leave out what failed would flatter it.
 */
import type { Metrics } from '../../protocol/index.ts'
import { deviation, mean } from '../statistics/index.ts'
import { isFinal } from './final.ts'
import type { TrialSnapshot } from './trial.machine.ts'
import type { FinalState } from './verdict.ts'

export interface Configuration {
  /** Its number, from 0: which suggestion it was. */
  readonly configuration: number
  /** In the order of their numbers. */
  readonly trials: readonly TrialSnapshot[]
  readonly state: FinalState | 'pending'
  /** Of one that is done, means; of one that was pruned, the last that its pruned trial reported. */
  readonly metrics: Metrics
  /** Of one that is done: the standard errors of these means. */
  readonly errors: Metrics
  /** The trial that was pruned first, in the order of their numbers, or the first of all. */
  readonly spokesman: TrialSnapshot
}

/** The number of the configuration that a trial tries. */
export const configurationNumber = (trial: number, repeats: number): number => Math.floor(trial / repeats)

/** From the trials of one configuration, of which there is one at least. */
export function configurationOf(trials: readonly TrialSnapshot[], configuration: number): Configuration | undefined {
  const [first] = trials
  if (first === undefined) return undefined
  const state = stateOf(trials)
  const spokesman = trials.find(({ value, context }) => value === 'pruned' && context.end !== null) ?? first
  const plain = { configuration, trials, state, spokesman, errors: {} }
  if (trials.length === 1 || state === 'pruned') return { ...plain, metrics: spokesman.context.metrics }
  return state === 'done'
    ? { ...plain, ...summaryOf(trials.map(({ context }) => context.metrics)) }
    : { ...plain, metrics: {} }
}

function stateOf(trials: readonly TrialSnapshot[]): FinalState | 'pending' {
  const values = trials.map(({ value }) => value)
  if (!values.every(isFinal)) return 'pending'
  // I1, I2
  for (const state of ['pruned', 'failed', 'cancelled'] as const) if (values.includes(state)) return state
  return 'done'
}

/** Mean and standard error of each metric that all of them have. */
function summaryOf(all: readonly Metrics[]): { metrics: Metrics; errors: Metrics } {
  const metrics: Record<string, number | null> = {}
  const errors: Record<string, number | null> = {}
  for (const name of Object.keys(all[0] ?? {})) {
    const values = all.map((one) => (Object.hasOwn(one, name) ? one[name] : undefined))
    if (values.some((value) => value === undefined)) continue
    const numbers = values.filter((value) => typeof value === 'number')
    const isWhole = numbers.length === values.length
    metrics[name] = isWhole ? mean(numbers) : null
    errors[name] = isWhole ? deviation(numbers, 1) / Math.sqrt(numbers.length) : null
  }
  return { metrics, errors }
}
