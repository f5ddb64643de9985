/** Two heads on one trunk: what is in the image, and where. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, study, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

const side = 6

function genDataset() {
  const rows = range(48).map((row) => ({
    kind: row % 2,
    x: Math.floor(numberAt(row, 1) * (side - 1)),
    y: Math.floor(numberAt(row, 2) * (side - 1)),
  }))
  const image = ({ kind, x, y }: (typeof rows)[number]) =>
    range(side).map((v) =>
      range(side).map((u) => [Number(u === x && v === y) + Number(kind === 1 && u === x + 1 && v === y + 1)]),
    )
  return {
    images: tf.tensor4d(rows.map(image)),
    targets: {
      kind: tf.tensor2d(rows.map(({ kind }) => [kind])),
      box: tf.tensor2d(rows.map(({ x, y }) => [x / side, y / side])),
    },
  }
}

function genModel() {
  const input = tf.input({ shape: [side, side, 1] })
  const seen = tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu', name: 'trunk' }).apply(input)
  const flat = tf.layers.flatten().apply(seen)
  const hidden = tf.layers.dense({ units: 8, activation: 'relu', name: 'shared' }).apply(flat)
  const kind = tf.layers.dense({ units: 1, activation: 'sigmoid', name: 'kind' }).apply(hidden) as tf.SymbolicTensor
  const box = tf.layers.dense({ units: 2, name: 'box' }).apply(hidden) as tf.SymbolicTensor
  return tf.model({ inputs: input, outputs: [kind, box] })
}

export default defineExperiment(import.meta.url, {
  name: 'detection',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.05, batchSize: 12, epochs: 2, shuffle: true },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { images, targets } = dataset()
    const net = model()
    const optimizer = tf.train.sgd(hparams.lr)
    net.compile({ optimizer, loss: { kind: 'binaryCrossentropy', box: 'meanSquaredError' }, metrics: ['mae'] })
    const { batchSize, epochs, shuffle } = hparams
    const { history } = await net.fit(images, targets, {
      batchSize,
      epochs,
      shuffle,
      verbose: 0,
      callbacks: reporter.callbacks({ metrics: ['loss'] }),
    })
    tf.dispose([images, targets.kind, targets.box])
    net.dispose()
    optimizer.dispose()
    return { loss: history['loss']?.at(-1) as number }
  },
  contexts: {
    ablate: ablation({ study: study().layers('trunk', 'shared', 'box'), metric: 'loss', direction: 'minimize' }),
    train: training({ workers: 2 }),
  },
})
