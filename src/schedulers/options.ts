/** The parts that schedulers share: their options, checked, and the sampler that gives them new hparams. */
import type { Hparams, Observation } from '../../protocol/index.ts'
import { isOwnPoint, refuseUnknown, samplerNamed, unfit, type Question, type SamplerPlugin } from '../samplers/index.ts'
import type { SchedulerPlugin } from './scheduler.ts'

export type Setting = Parameters<SchedulerPlugin['create']>[0]
type Options = Setting['options']

/** The samplers that a scheduler can be given by name. */
export type Bases = ReadonlyMap<string, SamplerPlugin>

/** Throws for options that the scheduler does not have, and for a space that has a budget of its own. */
export function refuse(optimizer: string, { space, options }: Setting, known: readonly string[]): void {
  refuseUnknown(optimizer, options, known)
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

/** Gives new hparams; it is asked about that part of the history that is comparable. */
export type Base = (question: Question, history: readonly Observation[]) => Hparams | 'exhausted'

/** The sampler of `options.sampler`: a name, or { name, …options }. */
export function baseOf(optimizer: string, setting: Setting, bases: Bases, fallback: string | Options): Base {
  const { plugin, options } = samplerNamed(optimizer, setting.options['sampler'] ?? fallback, bases)
  const sampler = plugin.create({ ...setting, options })
  return (question, history) => {
    const point = question.history.filter((trial) => isOwnPoint(trial, setting)).length
    return sampler({ ...question, history, point, tried: question.history })
  }
}
