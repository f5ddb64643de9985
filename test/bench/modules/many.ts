/** A search of as many trials as one likes, each of which costs nothing. */
import { defineExperiment, optimization, space } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'many',
  train: ({ hparams }: { hparams: { x: number; y: number } }) => ({ value: hparams.x * hparams.y }),
  contexts: {
    tune: optimization({
      optimizer: 'random',
      space: { x: space.double(-5, 10), y: space.double(0, 1) },
      trials: 100,
      metric: 'value',
      direction: 'minimize',
    }),
  },
})
