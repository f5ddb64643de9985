/** A small model on data that it can learn, with as many steps as the test allows. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment } from 'maggy'
import { keepPace } from '../../support/pace.ts'

export default defineExperiment(import.meta.url, {
  name: 'trained',
  hparams: { epochs: 4, rows: 256, pace: '' },
  dataset: ({ rows }: { rows: number }) => {
    const xs = tf.randomNormal([rows, 4], 0, 1, 'float32', 7)
    const ys = xs.sum(1, true)
    return { xs, ys }
  },
  model: () => {
    const net = tf.sequential()
    net.add(tf.layers.dense({ units: 8, activation: 'tanh', inputShape: [4] }))
    net.add(tf.layers.dense({ units: 1 }))
    net.compile({ optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError' })
    return net
  },
  async train({ dataset, model, hparams, reporter }) {
    const { xs, ys } = dataset(hparams)
    const net = model()
    let taken = 0
    const paced = { onBatchEnd: () => keepPace(hparams.pace, (taken += 1)) }
    const { history } = await net.fit(xs, ys, {
      epochs: hparams.epochs,
      batchSize: 16,
      verbose: 0,
      callbacks: [reporter.callbacks({ every: 'batch', metrics: ['loss'] }), paced],
    })
    const losses = history['loss'] as number[]
    return { first: losses[0] ?? Number.NaN, loss: losses.at(-1) ?? Number.NaN }
  },
})
