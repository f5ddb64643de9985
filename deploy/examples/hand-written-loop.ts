/**
 * A training loop written by hand, with gradients that are clipped by their global norm. It runs unchanged alone and on a ring of
 * workers: what `tf.variableGrads` returns is then the mean over all of them, so the norm is that of the whole step.
 */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, training } from 'maggy'

/** Points on two spirals, and on which of the two each lies: xs [samples, 2], ys [samples, 1]. */
function genDataset({ samples }: { readonly samples: number }) {
  const points = (from: number, count: number) => {
    const angles = Array.from({ length: count }, (_, at) => (((from + at) * 0.618034) % 1) * 3 * Math.PI)
    const side = Array.from({ length: count }, (_, at) => (from + at) % 2)
    const xs = angles.map((angle, at) => {
      const turned = angle + Math.PI * (side[at] ?? 0)
      return [(angle / 10) * Math.cos(turned), (angle / 10) * Math.sin(turned)]
    })
    return { xs: tf.tensor2d(xs), ys: tf.tensor2d(side, [count, 1], 'float32') }
  }
  // What is called `train` is cut into shards; the rest is whole on every worker.
  return { train: points(0, samples), test: points(samples, 512) }
}

function genModel({ units }: { readonly units: number }) {
  const model = tf.sequential()
  model.add(tf.layers.dense({ inputShape: [2], units, activation: 'tanh' }))
  model.add(tf.layers.dense({ units, activation: 'tanh' }))
  model.add(tf.layers.dense({ units: 1 }))
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'hand-written-loop',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.01, units: 32, samples: 2048, batchSize: 64, epochs: 30, clip: 1 },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { lr, batchSize, epochs, clip } = hparams
    const { train, test } = dataset(hparams)
    const net = model(hparams)
    const optimizer = tf.train.adam(lr)
    const scores = (xs: tf.Tensor) => net.apply(xs, { training: true }) as tf.Tensor
    const rows = train.xs.shape[0]
    for (let epoch = 0; epoch < epochs; epoch += 1) {
      let loss = 0
      for (let at = 0; at < rows; at += batchSize) {
        loss = tf.tidy(() => {
          const size = Math.min(batchSize, rows - at)
          const [xs, ys] = [train.xs.slice(at, size), train.ys.slice(at, size)]
          const { value, grads } = tf.variableGrads(() => tf.losses.sigmoidCrossEntropy(ys, scores(xs)))
          const squares = Object.values(grads).map((gradient) => gradient.square().sum())
          const norm = Math.sqrt(tf.addN(squares).dataSync()[0] ?? 0)
          const shrink = Math.min(1, clip / Math.max(norm, 1e-12))
          optimizer.applyGradients(
            Object.entries(grads).map(([name, gradient]) => ({ name, tensor: gradient.mul(shrink) })),
          )
          return value.dataSync()[0] ?? NaN
        })
      }
      reporter.report({ loss })
    }
    const accuracy = tf.tidy(() => {
      const right = scores(test.xs).greater(0).toFloat().equal(test.ys)
      return right.toFloat().mean().dataSync()[0] ?? NaN
    })
    return { accuracy }
  },
  contexts: { train: training({ workers: 2 }) },
})
