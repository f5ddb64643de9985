/** A variational autoencoder: a loss of its own, and codes that are drawn anew at each step. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, optimization, space, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

const [inputs, codes] = [6, 2]

const genDataset = () =>
  tf.tensor2d(range(60).map((row) => range(inputs).map((at) => Math.sin(at + 6 * numberAt(row)) / 2 + 0.5)))

function genModel() {
  const input = tf.input({ shape: [inputs] })
  const hidden = tf.layers.dense({ units: 8, activation: 'relu' }).apply(input)
  const mean = tf.layers.dense({ units: codes }).apply(hidden) as tf.SymbolicTensor
  const logVariance = tf.layers.dense({ units: codes }).apply(hidden) as tf.SymbolicTensor
  return {
    encoder: tf.model({ inputs: input, outputs: [mean, logVariance] }),
    decoder: tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [codes], units: 8, activation: 'relu' }),
        tf.layers.dense({ units: inputs, activation: 'sigmoid' }),
      ],
    }),
  }
}

export default defineExperiment(import.meta.url, {
  name: 'vae',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.01, batchSize: 12, epochs: 3 },
  train: async ({ dataset, model, hparams, reporter }) => {
    const xs = dataset()
    const { encoder, decoder } = model()
    const optimizer = tf.train.adam(hparams.lr)
    let loss = NaN
    for (let epoch = 0; epoch < hparams.epochs; epoch += 1) {
      for (let at = 0; at < xs.shape[0]; at += hparams.batchSize) {
        const x = xs.slice(at, Math.min(hparams.batchSize, xs.shape[0] - at))
        const cost = optimizer.minimize(() => {
          const [mean, logVariance] = encoder.apply(x, { training: true }) as [tf.Tensor, tf.Tensor]
          const code = tf.randomNormal(mean.shape).mul(logVariance.mul(0.5).exp()).add(mean)
          const again = decoder.apply(code, { training: true }) as tf.Tensor
          const error = tf.losses.meanSquaredError(x, again)
          const divergence = logVariance.add(1).sub(mean.square()).sub(logVariance.exp()).mean().mul(-0.05)
          return error.add<tf.Scalar>(divergence)
        }, true)
        loss = (await cost?.data())?.[0] ?? NaN
        tf.dispose([x, cost as tf.Scalar])
      }
      reporter.report({ loss })
    }
    tf.dispose(xs)
    for (const one of [encoder, decoder, optimizer]) one.dispose()
    return { loss }
  },
  contexts: {
    tune: optimization({
      space: { lr: space.double(0.001, 0.1, { log: true }) },
      trials: 2,
      metric: 'loss',
      direction: 'minimize',
    }),
    train: training({ workers: 2 }),
  },
})
