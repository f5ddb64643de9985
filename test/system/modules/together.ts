/** A training that knows nothing of rings, and says at its end how many steps it took, and a digest of what it learnt. */
import * as tf from '@tensorflow/tfjs'
import { createHash } from 'node:crypto'
import { defineExperiment } from 'maggy'
import { block } from '../../support/block.ts'
import { keepPace } from '../../support/pace.ts'

const inputs = 16
const quiet = { verbose: 0 } as const

function genDataset({ samples }: { readonly samples: number }) {
  const xs = tf.tensor2d(
    Float32Array.from({ length: samples * inputs }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5),
    [samples, inputs],
  )
  return { train: { xs, ys: xs.slice([0, 0], [samples, 1]).mul(xs.slice([0, 1], [samples, 1])) } }
}

export default defineExperiment(import.meta.url, {
  name: 'together',
  dataset: genDataset,
  hparams: { samples: 960, batchSize: 8, epochs: 4, stepMs: 0, units: 32, pace: '', byHand: 0 },
  train: async ({ dataset, hparams, reporter }) => {
    const { batchSize, epochs, stepMs, units, pace, byHand } = hparams
    const { train } = dataset(hparams)
    const model = tf.sequential()
    model.add(tf.layers.dense({ inputShape: [inputs], units, activation: 'tanh' }))
    model.add(tf.layers.dense({ units: 1 }))
    const error = (wanted: tf.Tensor, predicted: tf.Tensor) => {
      // Within the step, as a larger model would compute for longer: who only passes a step does not wait.
      block(stepMs)
      return tf.metrics.meanSquaredError(wanted, predicted)
    }
    model.compile({ optimizer: tf.train.adam(0.01), loss: error })
    let loss = 0
    let taken = 0
    const report = reporter.callbacks({ every: 'batch', metrics: ['loss'] })
    const done = async (value: number): Promise<void> => {
      loss = value
      reporter.report({ loss })
      taken += 1
      await keepPace(pace, taken)
    }
    if (byHand !== 0) {
      const adam = tf.train.adam(0.01)
      // The loss does not reach it, so tfjs gives no gradient for it.
      tf.variable(tf.ones([3]))
      const rows = train.xs.shape[0]
      for (let at = 0; at < epochs * rows; at += batchSize) {
        const [xs, ys] = [train.xs, train.ys].map((one) => one.slice(at % rows, batchSize)) as [
          tf.Tensor2D,
          tf.Tensor2D,
        ]
        const cost = adam.minimize(() => tf.losses.meanSquaredError(ys, model.apply(xs) as tf.Tensor2D), true)
        await done(cost?.dataSync()[0] ?? NaN)
        tf.dispose([xs, ys])
        cost?.dispose()
      }
    } else
      await model.fit(train.xs, train.ys, {
        batchSize,
        epochs,
        ...quiet,
        yieldEvery: 'never',
        callbacks: {
          onBatchEnd: async (batch, logs) => {
            loss = logs?.loss ?? NaN
            await report.onBatchEnd(batch, { loss })
            taken += 1
            await keepPace(pace, taken)
          },
        },
      })
    const hash = createHash('sha256')
    for (const weight of model.getWeights()) hash.update(Buffer.from(weight.dataSync().buffer))
    // Small enough for its square to travel exactly: the mean of squares is the square of the mean only where all are equal.
    const digest = hash.digest().readUInt16LE() % 2048
    return { loss, digest, digestSquared: digest ** 2 }
  },
})
