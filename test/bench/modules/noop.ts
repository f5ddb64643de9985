/** Trials that cost nothing, or a second of waiting. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineExperiment } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'noop',
  hparams: { x: 0, seconds: 0 },
  train: async ({ hparams }) => {
    if (hparams.seconds > 0) await sleep(hparams.seconds * 1000)
    return { value: hparams.x }
  },
})
