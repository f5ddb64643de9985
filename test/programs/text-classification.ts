/** Sentences with a learned vector for each word; the vocabulary is longer than there are sentences. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

const [words, length] = [120, 5]

function genDataset() {
  const sentences = range(60).map((row) =>
    range(length).map((at) => Math.floor((numberAt(row, at) / 2 + (row % 2) / 2) * words)),
  )
  const labels = sentences.map((_, row) => row % 2)
  return {
    vocabulary: range(words).map((word) => `word${word}`),
    xs: tf.tensor2d(sentences.slice(0, 48), undefined, 'int32'),
    ys: tf.tensor2d(labels.slice(0, 48), [48, 1]),
    xTest: tf.tensor2d(sentences.slice(48), undefined, 'int32'),
    yTest: tf.tensor2d(labels.slice(48), [12, 1]),
  }
}

function genModel(vocabulary: readonly string[]) {
  const model = tf.sequential()
  model.add(tf.layers.embedding({ inputDim: vocabulary.length, outputDim: 3, inputLength: length }))
  model.add(tf.layers.globalAveragePooling1d({}))
  model.add(tf.layers.dense({ units: 1, activation: 'sigmoid' }))
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'text-classification',
  dataset: genDataset,
  model: genModel,
  hparams: { batchSize: 12, epochs: 2, shuffle: true },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { vocabulary, xs, ys, xTest, yTest } = dataset()
    const net = model(vocabulary)
    const optimizer = tf.train.adamax(0.05)
    net.compile({ optimizer, loss: 'binaryCrossentropy', metrics: ['accuracy'] })
    const { batchSize, epochs, shuffle } = hparams
    await net.fit(xs, ys, {
      batchSize,
      epochs,
      shuffle,
      verbose: 0,
      callbacks: reporter.callbacks({ every: 'batch', metrics: ['loss'] }),
    })
    const scores = net.evaluate(xTest, yTest) as tf.Scalar[]
    const [loss = NaN, accuracy = NaN] = scores.map((score) => score.dataSync()[0])
    tf.dispose([scores, xs, ys, xTest, yTest])
    net.dispose()
    optimizer.dispose()
    return { loss, accuracy }
  },
  contexts: { train: training({ workers: 2 }) },
})
