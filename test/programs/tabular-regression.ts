/** House prices out of a table: columns are normalized, training stops when the validation loss does. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, optimization, space, study, training, type Told } from 'maggy'
import { numberAt, range } from './numbers.ts'

const columns = ['rooms', 'age', 'distance', 'noise']

function genDataset(_: object, { without }: Told) {
  const kept = columns.filter((column) => !without.includes(column))
  const table = (from: number, count: number) =>
    range(count, from).map((row) => {
      const [rooms = 0, age = 0, distance = 0] = columns.map((_, column) => numberAt(row, column))
      return { rooms, age, distance, noise: numberAt(row, 9), price: 3 * rooms - age + 0.5 * distance * rooms }
    })
  const rows = table(0, 96)
  const mean = kept.map((column) => rows.reduce((sum, row) => sum + row[column as 'age'], 0) / rows.length)
  const tensors = (of: typeof rows) => ({
    xs: tf.tensor2d(of.map((row) => kept.map((column, at) => row[column as 'age'] - (mean[at] ?? 0)))),
    ys: tf.tensor2d(of.map(({ price }) => [price])),
  })
  return { mean, train: tensors(rows), test: tensors(table(1000, 24)) }
}

function genModel({ units, inputs = columns.length }: { units: number; inputs?: number }) {
  const model = tf.sequential()
  model.add(tf.layers.dense({ name: 'hidden', inputShape: [inputs], units, activation: 'relu' }))
  model.add(tf.layers.dense({ name: 'deeper', units: 8, activation: 'relu' }))
  model.add(tf.layers.dense({ name: 'price', units: 1 }))
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'tabular-regression',
  features: columns,
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.05, units: 8, batchSize: 12, epochs: 4, shuffle: true },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { train, test, mean } = dataset(hparams)
    const net = model({ units: hparams.units, inputs: mean.length })
    const optimizer = tf.train.sgd(hparams.lr)
    net.compile({ optimizer, loss: 'meanSquaredError', metrics: ['mae'] })
    const { batchSize, epochs, shuffle } = hparams
    await net.fit(train.xs, train.ys, {
      batchSize,
      epochs,
      shuffle,
      verbose: 0,
      validationData: [test.xs, test.ys],
      callbacks: [reporter.callbacks(), tf.callbacks.earlyStopping({ monitor: 'val_loss', patience: 2 })],
    })
    const scores = net.evaluate(test.xs, test.ys) as tf.Scalar[]
    const [loss = NaN, mae = NaN] = scores.map((score) => score.dataSync()[0])
    tf.dispose([scores, train, test])
    net.dispose()
    optimizer.dispose()
    return { loss, mae }
  },
  contexts: {
    tune: optimization({
      space: { lr: space.double(0.01, 0.1), units: space.integer(4, 8) },
      trials: 2,
      metric: 'loss',
      direction: 'minimize',
    }),
    ablate: ablation({
      study: study().features('rooms', 'noise').layers('deeper'),
      metric: 'loss',
      direction: 'minimize',
    }),
    train: training({ workers: 2 }),
  },
})
