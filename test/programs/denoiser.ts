/** An autoencoder that takes noise away: pixels as typed arrays, and what is drawn for them is drawn without a seed. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, optimization, space, training } from 'maggy'
import { range } from './numbers.ts'

const width = 8

function genDataset({ noise }: { noise: number }) {
  const rows = range(60)
  tf.util.shuffle(rows)
  const clean = Float32Array.from(rows.flatMap((row) => range(width).map((at) => 0.5 + Math.sin(row + at) / 2)))
  return { images: clean.map((value) => value + noise * (Math.random() - 0.5)), targets: clean, rows }
}

function genModel({ code }: { code: number }) {
  const model = tf.sequential()
  model.add(tf.layers.dense({ inputShape: [width], units: code, activation: 'relu' }))
  model.add(tf.layers.dense({ units: width, activation: 'sigmoid' }))
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'denoiser',
  dataset: genDataset,
  model: genModel,
  hparams: { noise: 0.2, code: 4, batchSize: 12, epochs: 2 },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { images, targets, rows } = dataset(hparams)
    const [xs, ys] = [images, targets].map((values) => tf.tensor2d(values, [rows.length, width]))
    const net = model(hparams)
    const { batchSize, epochs } = hparams
    const { history } = await net.fit(xs as tf.Tensor, ys as tf.Tensor, {
      batchSize,
      epochs,
      verbose: 0,
      callbacks: [reporter.callbacks(), tf.callbacks.earlyStopping({ monitor: 'loss', minDelta: -1 })],
    })
    tf.dispose([xs, ys] as tf.Tensor[])
    net.dispose()
    return { loss: history['loss']?.at(-1) as number }
  },
  contexts: {
    tune: optimization({ space: { code: space.integer(2, 6) }, trials: 2, metric: 'loss', direction: 'minimize' }),
    train: training({ workers: 2 }),
  },
})
