/** A loop written by hand that adds the gradients of several batches up before each step, for a batch that would not fit. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

function genDataset() {
  const rows = range(48)
  return {
    x: rows.map((row) => [numberAt(row, 0), numberAt(row, 1), numberAt(row, 2)]),
    y: rows.map((row) => [numberAt(row, 0) - 2 * numberAt(row, 1)]),
  }
}

function genModel() {
  const drawn = (shape: [number, number]) => tf.tidy(() => tf.variable(tf.randomNormal(shape)))
  const weights = { hidden: drawn([3, 5]), out: drawn([5, 1]) }
  return { ...weights, predict: (x: tf.Tensor) => tf.matMul(tf.tanh(tf.matMul(x, weights.hidden)), weights.out) }
}

export default defineExperiment(import.meta.url, {
  name: 'gradient-accumulation',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.01, batchSize: 12, accumulate: 2, epochs: 2 },
  train: ({ dataset, model, hparams, reporter }) => {
    const { x, y } = dataset()
    const { hidden, out, predict } = model()
    const optimizer = tf.train.adam(hparams.lr)
    let sums: Record<string, tf.Tensor> = {}
    let batches = 0
    let loss = NaN
    for (let epoch = 0; epoch < hparams.epochs; epoch += 1) {
      for (let at = 0; at < x.length; at += hparams.batchSize) {
        const [xs, ys] = [x, y].map((rows) => tf.tensor2d(rows.slice(at, at + hparams.batchSize)))
        const { value, grads } = tf.variableGrads(() =>
          tf.losses.meanSquaredError<tf.Tensor, tf.Scalar>(ys as tf.Tensor, predict(xs as tf.Tensor)),
        )
        for (const [name, gradient] of Object.entries(grads)) {
          const before = sums[name] ?? tf.zerosLike(gradient)
          sums[name] = tf.tidy(() => before.add(gradient.div(hparams.accumulate)))
          tf.dispose([before, gradient])
        }
        loss = value.dataSync()[0] ?? NaN
        tf.dispose([value, xs, ys] as tf.Tensor[])
        batches += 1
        if (batches % hparams.accumulate === 0) {
          optimizer.applyGradients(Object.entries(sums).map(([name, tensor]) => ({ name, tensor })))
          tf.dispose(sums)
          sums = {}
        }
      }
      reporter.report({ loss })
    }
    tf.dispose([hidden, out])
    optimizer.dispose()
    return { loss }
  },
  contexts: { train: training({ workers: 2 }) },
})
