/** Trials that take their time, throw, or use memory as they are told. */
import { existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { defineExperiment } from 'maggy'

interface Hparams {
  readonly x: number
  readonly ms?: number
  /** A file: while it is not there, trials with an x above 0.5 throw. */
  readonly mended?: string
  /** Throws in the first attempts. */
  readonly throws?: number
  readonly megabytes?: number
  /** Adds noise that follows from the seed. */
  readonly noisy?: boolean
}

export default defineExperiment(import.meta.url, {
  name: 'changing',
  train: async ({ hparams, reporter, run }) => {
    const { x, ms = 0, mended, throws = 0, megabytes = 0, noisy = false } = hparams as Hparams
    reporter.report({ value: -1 })
    if (ms > 0) await wait(ms)
    if (run.attempt <= throws) throw new Error('the data was not there')
    if (mended !== undefined && x > 0.5 && !existsSync(mended)) throw new Error('not mended')
    const held: number[][] = []
    // A megabyte of V8's heap.
    const numbers = Array.from({ length: 2 ** 17 }, (_, index) => index + 0.5)
    for (let count = 0; count < megabytes; count += 1) {
      held.push(numbers.slice())
      if (count % 16 === 0) await wait(1)
    }
    reporter.report({ value: x })
    return { value: x + (noisy ? (run.seed % 1000) / 1000 : 0), held: held.length }
  },
})
