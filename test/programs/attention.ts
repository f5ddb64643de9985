/** Attention in a layer of one's own: which of several numbers is the largest. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

const [tokens, width] = [5, 4]

/** Scaled dot products of one head (Vaswani et al., 2017). */
class Attention extends tf.layers.Layer {
  static readonly className = 'Attention'
  private query: tf.LayerVariable | undefined
  private key: tf.LayerVariable | undefined
  private value: tf.LayerVariable | undefined

  override build(inputShape: tf.Shape): void {
    const last = inputShape.at(-1) as number
    const weight = (name: string) => this.addWeight(name, [last, width], 'float32', tf.initializers.glorotNormal({}))
    this.query = weight('query')
    this.key = weight('key')
    this.value = weight('value')
    super.build(inputShape)
  }

  override computeOutputShape([batch, length]: tf.Shape): tf.Shape {
    return [batch as null, length as number, width]
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const xs = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor3D
      const rows = tf.reshape(xs, [-1, xs.shape[2]])
      const by = (weight: tf.LayerVariable | undefined) =>
        tf.reshape<tf.Rank.R3>(tf.matMul(rows, weight?.read() as tf.Tensor2D), [-1, xs.shape[1], width])
      const scores = tf.softmax(tf.div(tf.matMul(by(this.query), by(this.key), false, true), Math.sqrt(width)))
      return tf.matMul(scores, by(this.value))
    })
  }
}

function genDataset() {
  const rows = range(60)
  const numbers = rows.map((row) => range(tokens).map((at) => [numberAt(row, at), at / tokens]))
  const largest = numbers.map((row) =>
    row.reduce((best, one, at) => ((one[0] ?? 0) > (row[best]?.[0] ?? 0) ? at : best), 0),
  )
  return tf.tidy(() => [tf.tensor3d(numbers), tf.oneHot(tf.tensor1d(largest, 'int32'), tokens).toFloat()] as const)
}

function genModel() {
  const input = tf.input({ shape: [tokens, 2] })
  const attended = new Attention({}).apply(input) as tf.SymbolicTensor
  const flat = tf.layers.flatten().apply(attended) as tf.SymbolicTensor
  const which = tf.layers.dense({ units: tokens, activation: 'softmax' }).apply(flat) as tf.SymbolicTensor
  return tf.model({ inputs: input, outputs: which })
}

export default defineExperiment(import.meta.url, {
  name: 'attention',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.05, batchSize: 12, epochs: 2, shuffle: true },
  train: async ({ dataset, model, hparams, reporter }) => {
    const [xs, ys] = dataset()
    const net = model()
    const optimizer = tf.train.momentum(hparams.lr, 0.9)
    net.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
    const { batchSize, epochs, shuffle } = hparams
    const { history } = await net.fit(xs, ys, {
      batchSize,
      epochs,
      shuffle,
      verbose: 0,
      callbacks: reporter.callbacks({ metrics: { loss: 'loss' } }),
    })
    tf.dispose([xs, ys])
    net.dispose()
    optimizer.dispose()
    return history['loss']?.at(-1) as number
  },
  contexts: { train: training({ workers: 2 }) },
})
