/** Two kinds of input that meet in one model, given as a list of lists. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, optimization, space, study, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

function genDataset() {
  const rows = range(60)
  const who = rows.map((row) => [numberAt(row, 0), numberAt(row, 1)])
  const what = rows.map((row) => [numberAt(row, 2), numberAt(row, 3), numberAt(row, 4)])
  const how = rows.map((_, row) => [(who[row]?.[0] ?? 0) * (what[row]?.[1] ?? 0)])
  return [[tf.tensor2d(who), tf.tensor2d(what)], [tf.tensor2d(how)]] as const
}

function genModel({ units }: { units: number }) {
  const [who, what] = [tf.input({ shape: [2], name: 'who' }), tf.input({ shape: [3], name: 'what' })]
  const left = tf.layers.dense({ name: 'left', units, activation: 'relu' }).apply(who) as tf.SymbolicTensor
  const right = tf.layers.dense({ name: 'right', units, activation: 'relu' }).apply(what) as tf.SymbolicTensor
  const both = tf.layers.concatenate({ name: 'both' }).apply([left, right])
  const deep = tf.layers.dense({ name: 'deep', units: 4, activation: 'relu' }).apply(both)
  return tf.model({
    inputs: [who, what],
    outputs: tf.layers.dense({ name: 'out', units: 1 }).apply(deep) as tf.SymbolicTensor,
  })
}

export default defineExperiment(import.meta.url, {
  name: 'multi-input',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.05, units: 4, batchSize: 12, epochs: 2, shuffle: true },
  train: async ({ dataset, model, hparams, reporter }) => {
    const [xs, ys] = dataset()
    const net = model(hparams)
    const optimizer = tf.train.sgd(hparams.lr)
    net.compile({ optimizer, loss: 'meanSquaredError' })
    const { batchSize, epochs, shuffle } = hparams
    const { history } = await net.fit([...xs], [...ys], {
      batchSize,
      epochs,
      shuffle,
      verbose: 0,
      callbacks: [tf.callbacks.earlyStopping({ monitor: 'loss' }), reporter.callbacks()],
    })
    tf.dispose([...xs, ...ys])
    net.dispose()
    optimizer.dispose()
    return { loss: history['loss']?.at(-1) as number }
  },
  contexts: {
    tune: optimization({ space: { units: space.integer(2, 6) }, trials: 2, metric: 'loss', direction: 'minimize' }),
    ablate: ablation({ study: study().layers('left', 'deep', 'both'), metric: 'loss', direction: 'minimize' }),
    train: training({ workers: 2 }),
  },
})
