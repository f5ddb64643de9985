/** Reports x ten times, or for ever if x is 1: then somebody has to stop it. */
import { defineExperiment } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'judged',
  hparams: { x: 0 },
  train: async ({ hparams, reporter }) => {
    for (let step = 0; hparams.x === 1 || step < 10; step++) {
      reporter.report({ loss: hparams.x })
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return { loss: hparams.x }
  },
})
