/** What schedulers share: their options, checked, and the sampler that gives them new hparams. */
import { problem, type Hparams, type MaggyError, type Observation } from '../../protocol/index.ts'
import { isOwnPoint, type Question, type SamplerPlugin } from '../samplers/index.ts'
import type { SchedulerPlugin } from './scheduler.ts'

export type Setting = Parameters<SchedulerPlugin['create']>[0]
type Options = Setting['options']

/** The samplers that a scheduler can be given by name. */
export type Bases = ReadonlyMap<string, SamplerPlugin>

export function unfit(optimizer: string, path: string, reason: string): MaggyError {
  return problem('OPTIMIZER_UNFIT', { optimizer, path, reason })
}

/** Throws for options that the scheduler does not have, and for a space that has a budget of its own. */
export function refuse(optimizer: string, { space, options }: Setting, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw unfit(optimizer, `options.${name}`, `is unknown; ${optimizer} has ${known.join(', ')}`)
    }
  }
  if (Object.hasOwn(space, 'budget')) {
    throw unfit(optimizer, 'space.budget', `is what ${optimizer} sets itself: call yours something else`)
  }
}

export function positive(optimizer: string, options: Options, name: string, fallback?: number): number {
  const value = options[name] ?? fallback
  if (value === undefined) {
    const reason = 'is missing: say how far a trial goes at most; random or tpe need no budgets'
    throw unfit(optimizer, `options.${name}`, reason)
  }
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw unfit(optimizer, `options.${name}`, `is ${JSON.stringify(value)}, not a number above 0`)
}

export function whole(optimizer: string, options: Options, name: string, fallback: number, least: number): number {
  const value = options[name] ?? fallback
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw unfit(optimizer, `options.${name}`, `is ${JSON.stringify(value)}, not a whole number of at least ${least}`)
}

export function fraction(optimizer: string, options: Options, name: string, fallback: number): number {
  const value = options[name] ?? fallback
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw unfit(optimizer, `options.${name}`, `is ${JSON.stringify(value)}, not a number from 0 to 1`)
}

/** Gives new hparams; it is asked about that part of the history that is comparable. */
export type Base = (question: Question, history: readonly Observation[]) => Hparams | 'exhausted'

/** The sampler of `options.sampler`: a name, or { name, …options }. */
export function baseOf(optimizer: string, setting: Setting, bases: Bases, fallback: string | Options): Base {
  const given = setting.options['sampler'] ?? fallback
  const { name, ...options } = typeof given === 'object' && given !== null ? (given as Options) : { name: given }
  const plugin = typeof name === 'string' ? bases.get(name) : undefined
  if (plugin === undefined) {
    throw unfit(optimizer, 'options.sampler', `is ${JSON.stringify(name)}; there are ${[...bases.keys()].join(', ')}`)
  }
  const sampler = plugin.create({ ...setting, options })
  const { enqueued = 0 } = setting
  return (question, history) => {
    const point = question.history.filter((trial) => isOwnPoint(trial, enqueued)).length
    return sampler({ ...question, history, point, tried: question.history })
  }
}
