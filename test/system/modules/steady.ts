/** A trial of a fraction of a second that reports as it goes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineExperiment } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'steady',
  hparams: { x: 0, steps: 10, stepMs: 40 },
  train: async ({ hparams, reporter, run }) => {
    for (let step = 0; step < hparams.steps; step += 1) {
      await sleep(hparams.stepMs)
      reporter.report(hparams.x + step, step)
    }
    return { value: hparams.x, pid: process.pid, attempt: run.attempt }
  },
})
