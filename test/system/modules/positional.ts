/** A model generator with two arguments, which nobody but train knows. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, study } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'positional',
  model: (units: number, rate: number) => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ name: 'first', inputShape: [2], units }),
        tf.layers.dropout({ rate }),
        tf.layers.dense({ name: 'hidden', units: units + 1 }),
        tf.layers.dense({ name: 'out', units: 1 }),
      ],
    })
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    return model
  },
  hparams: { units: 3 },
  train: async ({ model, hparams }) => {
    const net = model(hparams.units, 0.1)
    await net.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 1, verbose: 0 })
    return { layers: net.layers.length }
  },
  contexts: {
    ablate: ablation({
      study: study().layers('hidden', { at: 1 }, 'out', 'nobody'),
      maxFailed: 1,
      metric: 'layers',
      direction: 'minimize',
    }),
    looks: ablation({ study: study().layers({ type: 'dense' }), metric: 'layers', direction: 'minimize' }),
  },
})
