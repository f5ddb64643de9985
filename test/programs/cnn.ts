/** A convolutional network that tells where the bar in an image runs; its own loop over epochs, by trainOnBatch. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, study, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

const side = 8

function genDataset() {
  const images = (from: number, count: number) => {
    const kinds = range(count, from).map((row) => row % 3)
    const pixels = kinds.map((kind, at) =>
      range(side).map((y) =>
        range(side).map((x) => [
          (kind === 0 ? y === 3 : kind === 1 ? x === 3 : x === y) ? 1 : numberAt(from + at, x, y) * 0.3,
        ]),
      ),
    )
    return { pixels: tf.tensor4d(pixels), labels: tf.oneHot(tf.tensor1d(kinds, 'int32'), 3).toFloat() as tf.Tensor2D }
  }
  return tf.tidy(() => {
    const [train, test] = [images(0, 48), images(100, 24)]
    return { trainImages: train.pixels, trainLabels: train.labels, testImages: test.pixels, testLabels: test.labels }
  })
}

function genModel() {
  const model = tf.sequential()
  model.add(
    tf.layers.conv2d({ name: 'conv', inputShape: [side, side, 1], filters: 4, kernelSize: 3, activation: 'relu' }),
  )
  model.add(tf.layers.maxPooling2d({ name: 'pool', poolSize: 2 }))
  model.add(tf.layers.flatten({ name: 'flat' }))
  model.add(tf.layers.dense({ name: 'hidden', units: 8, activation: 'relu' }))
  model.add(tf.layers.dense({ name: 'kind', units: 3, activation: 'softmax' }))
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'cnn',
  dataset: genDataset,
  model: genModel,
  hparams: { batchSize: 12, epochs: 3 },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { trainImages, trainLabels, testImages, testLabels } = dataset()
    const net = model()
    const rows = trainImages.shape[0]
    for (let epoch = 0; epoch < hparams.epochs; epoch += 1) {
      let sum = 0
      for (let at = 0; at < rows; at += hparams.batchSize) {
        const size = Math.min(hparams.batchSize, rows - at)
        const [x, y] = [trainImages.slice(at, size), trainLabels.slice(at, size)]
        const [loss = NaN] = (await net.trainOnBatch(x, y)) as number[]
        sum += loss * size
        tf.dispose([x, y])
      }
      reporter.report({ loss: sum / rows })
    }
    const [loss, accuracy] = net.evaluate(testImages, testLabels) as [tf.Scalar, tf.Scalar]
    const scores = { loss: loss.dataSync()[0] ?? NaN, accuracy: accuracy.dataSync()[0] ?? NaN }
    tf.dispose([loss, accuracy, trainImages, trainLabels, testImages, testLabels])
    net.dispose()
    return scores
  },
  contexts: {
    ablate: ablation({
      study: study().layers('conv', 'pool', 'flat', 'hidden'),
      metric: 'loss',
      direction: 'minimize',
    }),
    train: training({ workers: 2 }),
  },
})
