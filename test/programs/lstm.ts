/** An LSTM that tells rising series from falling ones; the series come as plain arrays. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, optimization, space, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

const steps = 6

function genDataset() {
  const rows = range(72)
  const series = rows.map((row) =>
    range(steps).map((step) => [(row % 2 === 0 ? step : -step) / steps + numberAt(row, step) - 0.5]),
  )
  return { series, rising: rows.map((row) => (row % 2 === 0 ? 1 : 0)) }
}

function genModel({ units }: { units: number }) {
  const model = tf.sequential()
  model.add(tf.layers.lstm({ units, inputShape: [steps, 1] }))
  model.add(tf.layers.dense({ units: 1, activation: 'sigmoid' }))
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'lstm',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.03, units: 4, batchSize: 12, epochs: 2, shuffle: true },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { series, rising } = dataset()
    const [xs, ys] = [tf.tensor3d(series), tf.tensor2d(rising, [rising.length, 1])]
    const net = model(hparams)
    const optimizer = tf.train.adam(hparams.lr)
    net.compile({ optimizer, loss: 'binaryCrossentropy' })
    const { batchSize, epochs, shuffle } = hparams
    const { history } = await net.fit(xs, ys, {
      batchSize,
      epochs,
      shuffle,
      verbose: 0,
      callbacks: reporter.callbacks(),
    })
    tf.dispose([xs, ys])
    net.dispose()
    optimizer.dispose()
    return { loss: history['loss']?.at(-1) as number }
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
