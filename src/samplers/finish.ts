/** The end of a search over numbers: there is always something left to gain near the best trial. */
import { countOf, cubeOf, relationsOf } from '../space/index.ts'
import { createLedger, isOpen } from './ledger.ts'
import { nearBest } from './local/trust-region.ts'
import type { Sampler, SamplerSetting } from './sampler.ts'

/** From this part of the budget on, four of five trials are near the best one. */
const from = 0.6

/** Whether every parameter that varies is a number, and one of them has no steps. */
export function hasFinish({ space }: SamplerSetting): boolean {
  const varying = Object.values(space).filter((parameter) => countOf(parameter) > 1)
  return (
    !relationsOf(space).conditional &&
    varying.every(({ type }) => type !== 'categorical') &&
    varying.some((parameter) => countOf(parameter) === Infinity)
  )
}

/** The trial at which the end begins. */
export const finishBegins = ({ trials }: SamplerSetting): number => Math.floor(from * trials)

export function withFinish(setting: SamplerSetting, before: Sampler): Sampler {
  const { space, objectives } = setting
  const cube = cubeOf(space)
  const since = finishBegins(setting)
  const ledger = createLedger(objectives[0], ({ hparams }) => cube.toCube(hparams))
  return (question) => {
    const { history, trial, random } = question
    if (trial < since || trial % 5 === 4) return before(question)
    ledger.show(history)
    const ended = ledger.entries.filter((entry) => !isOpen(entry))
    const pending = ledger.pending.map(({ row }) => row)
    return nearBest({ space, ended, pending, since, turn: trial, random }) ?? before(question)
  }
}
