/** What trials of a chaos run do: they write into a side file, which no part of the system reads, what they begin, report and return. */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineExperiment } from 'maggy'
import { keepPace } from '../support/pace.ts'

export interface SideLine {
  readonly kind: 'begin' | 'end'
  readonly trial: number
  readonly attempt: number
  readonly value: number
}

export default defineExperiment(import.meta.url, {
  name: 'chaos',
  hparams: { side: '', steps: 4, stepMs: 80, x: 0.5, pace: '' },
  switches: ['a', 'b', 'c'],
  train: async ({ hparams, reporter, run, ablated }) => {
    const { side, steps, stepMs, x, pace } = hparams
    const { trial, attempt } = run
    const value = x * 3 + trial
    // One write with O_APPEND: lines of several runners never mix.
    const note = (kind: SideLine['kind']): void =>
      appendFileSync(side, `${JSON.stringify({ kind, trial, attempt, value } satisfies SideLine)}\n`)
    note('begin')
    for (const name of ['a', 'b', 'c']) ablated.has(name)
    for (let step = 0; step < steps; step += 1) {
      reporter.report({ value: value + step / 8 })
      await sleep(stepMs)
    }
    await keepPace(pace, trial)
    note('end')
    return { value }
  },
})
