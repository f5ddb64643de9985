/** Data that flow: read one after the other, changed on their way, batched, and trained on by fitDataset. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, optimization, space, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

type Row = { xs: number[]; ys: number[] }

function genDataset({ rows }: { rows: number }) {
  const read = (from: number, count: number) =>
    tf.data.generator(function* (): Generator<Row> {
      for (const row of range(count, from)) {
        const xs = range(3).map((at) => numberAt(row, at))
        yield { xs, ys: [(xs[0] ?? 0) + (xs[1] ?? 0) * (xs[2] ?? 0)] }
      }
    } as never) as unknown as tf.data.Dataset<Row>
  return { train: read(0, rows), val: read(5000, 12) }
}

export default defineExperiment(import.meta.url, {
  name: 'data-pipeline',
  dataset: genDataset,
  model: () =>
    tf.sequential({
      layers: [tf.layers.dense({ inputShape: [3], units: 6, activation: 'relu' }), tf.layers.dense({ units: 1 })],
    }),
  hparams: { lr: 0.05, rows: 60, batchSize: 12, epochs: 2 },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { train, val } = dataset(hparams)
    const net = model()
    const optimizer = tf.train.sgd(hparams.lr)
    net.compile({ optimizer, loss: 'meanSquaredError' })
    const ready = (rows: tf.data.Dataset<Row>) =>
      rows.map(({ xs, ys }) => ({ xs: xs.map((x) => 2 * x - 1), ys })).batch(hparams.batchSize)
    const { history } = await net.fitDataset(ready(train), {
      epochs: hparams.epochs,
      verbose: 0,
      validationData: ready(val),
      callbacks: [reporter.callbacks()],
    })
    net.dispose()
    optimizer.dispose()
    return { loss: history['loss']?.at(-1) as number, val_loss: history['val_loss']?.at(-1) as number }
  },
  contexts: {
    tune: optimization({
      space: { lr: space.double(0.01, 0.1) },
      trials: 2,
      metric: 'val_loss',
      direction: 'minimize',
    }),
    train: training({ workers: 2 }),
  },
})
