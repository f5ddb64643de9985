/** Trials as a page holds them, in a few words. */
import { trialColumns } from '../../src/board/columns.ts'
import { Trials } from '../../src/board/model/trials.ts'
import type { TrialResult } from '../../src/store/index.ts'

export const trialOf = (trial: number, given: Partial<TrialResult> = {}): TrialResult => ({
  trial,
  state: 'done',
  hparams: {},
  seed: 0,
  metrics: {},
  attempts: 1,
  attempt: 1,
  worker: 'w1',
  startedAt: trial * 1000,
  endedAt: trial * 1000 + 500,
  durationMs: 500,
  points: 0,
  ...given,
})

export const columnsOf = (given: readonly TrialResult[]) => trialColumns(given, () => null)

export function trialsOf(...given: readonly TrialResult[]): Trials {
  const trials = new Trials()
  trials.merge(columnsOf(given))
  return trials
}
