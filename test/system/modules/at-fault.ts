/** Trainings that do wrong what only several can do wrong. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment } from 'maggy'

const quiet = { batchSize: 4, epochs: 2, verbose: 0, shuffle: false } as const

export default defineExperiment(import.meta.url, {
  name: 'at-fault',
  hparams: { rows: 32, does: 'nothing' },
  dataset: ({ rows }: { readonly rows: number }) => ({ xs: tf.ones([rows, 3]), ys: tf.ones([rows, 1]) }),
  train: async ({ dataset, hparams, run }) => {
    const { xs, ys } = dataset(hparams)
    if (hparams.does === 'evaluates') return { loss: 1 }
    const model = tf.sequential()
    // Which attempt it is differs between ranks.
    const units = hparams.does === 'differs' ? 4 + (run.shard?.index ?? 0) : 4
    model.add(tf.layers.dense({ units, inputShape: [3] }))
    model.add(tf.layers.dense({ units: 1 }))
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    const odd = hparams.does === 'diverges' && run.shard?.index === 1
    const { history } = await model.fit(odd ? xs.mul(NaN) : xs, ys, quiet)
    return { loss: history['loss']?.at(-1) as number }
  },
})
