/** The demo's CNN with chance left out: the same initial weights and the same order in each run, so that only encodings differ. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment } from 'maggy'
import { loadMnist } from '../../../deploy/examples/mnist-data.ts'
import { fallingRate, genModel } from '../../../deploy/examples/mnist.ts'

/** mulberry32 (Tommy Ettinger, 2017): tfjs draws its initial weights and its shuffles from Math.random. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const lr = 0.1

export default defineExperiment(import.meta.url, {
  name: 'ring-cnn',
  dataset: ({ examples }: { readonly examples: number }) => loadMnist(examples),
  hparams: { examples: 6000, epochs: 2, batchSize: 32, nudge: 0 },
  train: async ({ dataset, hparams, run }) => {
    const random = Math.random
    Math.random = seeded(run.seed)
    try {
      const { train, test } = await dataset(hparams)
      const model = genModel({ lr, units: 128 })
      const { batchSize, epochs, nudge } = hparams
      // As a rounding error would: what comes of it is what chance alone does to the accuracy.
      if (nudge !== 0) tf.tidy(() => model.setWeights(model.getWeights().map((one) => one.mul(1 + nudge))))
      const callbacks = fallingRate(model, lr, epochs * Math.ceil(train.xs.shape[0] / batchSize))
      const quiet = { verbose: 0, yieldEvery: 'never' } as const
      const start = performance.now()
      await model.fit(train.xs, train.ys, { batchSize, epochs, callbacks, ...quiet })
      const seconds = (performance.now() - start) / 1000
      const [, accuracy] = model.evaluate(test.xs, test.ys, { batchSize: 500 }) as tf.Scalar[]
      return { accuracy: accuracy?.dataSync()[0] ?? NaN, seconds }
    } finally {
      Math.random = random
    }
  },
})
