/** A trial of a fraction of a second that reports as it goes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineExperiment } from 'maggy'
import { keepPace } from '../../support/pace.ts'

export default defineExperiment(import.meta.url, {
  name: 'steady',
  hparams: { x: 0, steps: 10, stepMs: 40, pace: '' },
  train: async ({ hparams, reporter, run }) => {
    for (let step = 0; step < hparams.steps; step += 1) {
      await sleep(hparams.stepMs)
      // Half way through, trials beyond those that the test allows wait.
      if (step === 5) await keepPace(hparams.pace, run.trial)
      reporter.report(hparams.x + step, step)
    }
    return { value: hparams.x, pid: process.pid, attempt: run.attempt }
  },
})
