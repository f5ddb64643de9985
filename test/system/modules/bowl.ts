/** A function of its hparams alone: whoever computes it comes to the same. */
import { defineExperiment } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'bowl',
  hparams: { x: 0, k: 'a' },
  train: ({ hparams, reporter }) => {
    const loss = (hparams.x - 0.25) ** 2 + (hparams.k === 'b' ? 0 : 0.5)
    for (let step = 0; step < 3; step++) reporter.report({ loss: loss + 3 - step })
    return { loss }
  },
})
