/** A generator and a discriminator, each with its optimizer; the noise is part of the data. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

function genDataset() {
  const rows = range(48)
  return {
    real: tf.tensor2d(rows.map((row) => [2 + numberAt(row, 0), numberAt(row, 1) - 1])),
    noise: tf.tensor2d(rows.map((row) => [numberAt(row, 2), numberAt(row, 3), numberAt(row, 4)])),
  }
}

const genModel = () => ({
  generator: tf.sequential({
    layers: [tf.layers.dense({ inputShape: [3], units: 6, activation: 'relu' }), tf.layers.dense({ units: 2 })],
  }),
  discriminator: tf.sequential({
    layers: [tf.layers.dense({ inputShape: [2], units: 6, activation: 'tanh' }), tf.layers.dense({ units: 1 })],
  }),
})

const variablesOf = (model: tf.Sequential) => model.trainableWeights.map((weight) => weight.read() as tf.Variable)

export default defineExperiment(import.meta.url, {
  name: 'gan',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.02, batchSize: 12, epochs: 2 },
  train: ({ dataset, model, hparams, reporter }) => {
    const { real, noise } = dataset()
    const { generator, discriminator } = model()
    const [forger, judge] = [tf.train.adam(hparams.lr, 0.5), tf.train.adam(hparams.lr, 0.5)]
    const judged = (xs: tf.Tensor) => discriminator.apply(xs, { training: true }) as tf.Tensor
    const forged = (z: tf.Tensor) => generator.apply(z, { training: true }) as tf.Tensor
    const verdict = (scores: tf.Tensor, truth: number) =>
      tf.losses.sigmoidCrossEntropy<tf.Tensor, tf.Scalar>(tf.fill(scores.shape, truth), scores)
    const losses = { discriminator: NaN, generator: NaN }
    const rows = real.shape[0]
    for (let epoch = 0; epoch < hparams.epochs; epoch += 1) {
      for (let at = 0; at < rows; at += hparams.batchSize) {
        tf.tidy(() => {
          const size = Math.min(hparams.batchSize, rows - at)
          const [x, z] = [real.slice(at, size), noise.slice(at, size)]
          const judging = judge.minimize(
            () => verdict(judged(x), 1).add<tf.Scalar>(verdict(judged(forged(z)), 0)),
            true,
            variablesOf(discriminator),
          )
          const forging = forger.minimize(() => verdict(judged(forged(z)), 1), true, variablesOf(generator))
          losses.discriminator = judging?.dataSync()[0] ?? NaN
          losses.generator = forging?.dataSync()[0] ?? NaN
        })
      }
      reporter.report(losses)
    }
    tf.dispose([real, noise])
    for (const one of [generator, discriminator, forger, judge]) one.dispose()
    return losses
  },
  contexts: { train: training({ workers: 2 }) },
})
