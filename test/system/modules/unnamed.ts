/** A program as most are: it gives its layers no names, and its model generator the arguments that it likes. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, study } from 'maggy'

const xs = tf.randomNormal([32, 4], 0, 1, 'float32', 7)
const ys = xs.sum(1, true)
/** What another program has trained: it is there before any trial is. */
const pretrained = [tf.ones([4, 4]).div(8), tf.ones([4]).div(3)]

function compiled(layers: tf.layers.Layer[]): tf.Sequential {
  const model = tf.sequential({ layers })
  model.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError' })
  return model
}

function genModel({ rate }: { readonly rate: number }): tf.Sequential {
  return compiled([
    tf.layers.dense({ inputShape: [4], units: 4, weights: pretrained }),
    tf.layers.dropout({ rate }),
    tf.layers.dense({ units: 4, activation: 'relu' }),
    tf.layers.dropout({ rate }),
    tf.layers.dense({ units: 1 }),
  ])
}

const objective = { metric: 'loss', direction: 'minimize' } as const

export default defineExperiment(import.meta.url, {
  name: 'unnamed',
  model: genModel,
  hparams: { rate: 0.1 },
  train: async ({ model, hparams }) => {
    const net = model(hparams)
    const sum = net.layers.length === 5 ? NaN : (net.weights[0]?.read().sum().dataSync()[0] ?? NaN)
    const { history } = await net.fit(xs, ys, { epochs: 1, verbose: 0 })
    const loss = history['loss']?.[0]
    net.dispose()
    return { loss: Number(loss), ...(Number.isNaN(sum) ? {} : { sum }) }
  },
  contexts: {
    ablate: ablation({ study: study().layers({ type: 'dropout' }, { type: 'dense' }), repeats: 2, ...objective }),
    never: ablation({ study: study().layers({ at: -1 }), ...objective }),
  },
})
