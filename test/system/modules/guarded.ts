/** Trials that report, print and save while they run, for a system in which each may do no more than it needs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineExperiment, optimization, space } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'guarded',
  hparams: { x: 0, steps: 3, stepMs: 50, big: 0 },
  train: async ({ hparams, reporter, checkpoint }) => {
    const saved = await checkpoint.latest()
    for (let step = saved?.step ?? 0; step < hparams.steps; step += 1) {
      await sleep(hparams.stepMs)
      reporter.report({ value: hparams.x + step }, step)
      reporter.log(`step ${step}`)
      if (step === 1) await checkpoint.save(new Uint8Array(700_000 + hparams.big).fill(step))
    }
    return { value: hparams.x }
  },
  contexts: {
    tune: optimization({
      space: { x: space.double(0, 1) },
      trials: 8,
      metric: 'value',
      direction: 'maximize',
      hparams: { steps: 12 },
    }),
    // Longer than a worker waits for a word of its runner.
    long: optimization({
      space: { x: space.double(0, 1) },
      trials: 1,
      metric: 'value',
      direction: 'maximize',
      hparams: { steps: 17, stepMs: 1_000 },
    }),
  },
})
