/**
 * A training that counts what it is trained on: each sample has a number in an embedding whose gradient is 1 over the batch for those
 * that are in it, and 0 for the others. All-reduced, it is 1 over all samples of the step, and twice that for one that came in twice.
 * What is counted is kept in variables, so that a newcomer takes it over with the rest.
 */
import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs'
import { defineExperiment } from 'maggy'
import { block } from '../../support/block.ts'

const inputs = 16
const held = 2_000
const quiet = { verbose: 0, yieldEvery: 'never', shuffle: false } as const
const rate = 0.1

interface Rows {
  readonly xs: tf.Tensor2D
  readonly ys: tf.Tensor2D
}

/** A product of two inputs, and noise that no model can learn. */
function rowsOf(count: number, seed: number): Rows {
  const xs = tf.randomUniform<tf.Rank.R2>([count, inputs], -1, 1, 'float32', seed)
  const signal = xs.slice([0, 0], [count, 1]).mul(xs.slice([0, 1], [count, 1]))
  return { xs, ys: signal.add(tf.randomNormal([count, 1], 0, 0.3, 'float32', seed + 1)) }
}

/** For how many samples a step's gradient counts, and how many of them more than once; undefined: no step was taken. */
export function countedIn(embedding: Float32Array): { counts: Float32Array; wrong: number } | undefined {
  const shares = embedding.map((value) => -value / rate)
  const least = shares.reduce((smallest, share) => (share > 0 ? Math.min(smallest, share) : smallest), Infinity)
  if (least === Infinity) return undefined
  const counts = shares.map((share) => Math.round(share / least))
  const sum = shares.reduce((total, share) => total + share, 0)
  const twice = counts.filter((count) => count > 1).length
  return { counts, wrong: twice + (Math.abs(sum - 1) > 1e-3 ? 1 : 0) }
}

export default defineExperiment(import.meta.url, {
  name: 'counted',
  dataset: ({ samples }: { readonly samples: number }) => ({
    train: {
      ...rowsOf(samples, 11),
      numbers: tf.range(0, samples).reshape([samples, 1]),
      zeros: tf.zeros([samples, 1]),
    },
    test: rowsOf(held, 13),
  }),
  hparams: { samples: 7680, batchSize: 64, epochs: 4, stepMs: 0, units: 256, seed: 1 },
  train: async ({ dataset, hparams, reporter }) => {
    const { samples, batchSize, epochs, stepMs, units, seed } = hparams
    const { train, test } = dataset(hparams)
    const x = tf.input({ shape: [inputs] })
    const number = tf.input({ shape: [1] })
    const kernelInitializer = (add: number) => tf.initializers.glorotNormal({ seed: 100 * seed + add })
    const hidden = tf.layers.dense({ units, activation: 'tanh', kernelInitializer: kernelInitializer(0) }).apply(x)
    const y = tf.layers.dense({ units: 1, kernelInitializer: kernelInitializer(1) }).apply(hidden)
    const embedding = tf.layers.embedding({ inputDim: samples, outputDim: 1, embeddingsInitializer: 'zeros' })
    const count = tf.layers.flatten().apply(embedding.apply(number))
    const model = tf.model({ inputs: [x, number], outputs: [y, count] as tf.SymbolicTensor[] })
    const mean = (_: tf.Tensor, predicted: tf.Tensor) => {
      // Within the step, as a larger model would compute for longer.
      block(stepMs)
      return predicted.mean(-1)
    }
    model.compile({ optimizer: tf.train.sgd(rate), loss: [tf.metrics.meanSquaredError, mean] })

    const seen = tf.variable(tf.zeros([samples]), false)
    /** Steps, samples, and samples that counted more than once, in a step or in an epoch. */
    const book = tf.variable(tf.zeros([3]), false)
    const write = (variable: tf.Variable, values: Float32Array): void => {
      const value = tf.tensor1d(values)
      variable.assign(value)
      value.dispose()
    }
    const note = (): boolean => {
      const [weights] = embedding.getWeights()
      const counted = countedIn((weights as tf.Tensor).dataSync() as Float32Array)
      if (counted === undefined) return false
      const [steps = 0, all = 0, twice = 0] = book.dataSync()
      const total = counted.counts.reduce((sum, one) => sum + one, 0)
      write(book, Float32Array.of(steps + 1, all + total, twice + counted.wrong))
      const before = seen.dataSync()
      write(
        seen,
        counted.counts.map((one, at) => one + (before[at] ?? 0)),
      )
      const zeros = tf.zeros([samples, 1])
      embedding.setWeights([zeros])
      zeros.dispose()
      return true
    }
    const closeEpoch = (): void => {
      const [steps = 0, all = 0, twice = 0] = book.dataSync()
      write(book, Float32Array.of(steps, all, twice + seen.dataSync().filter((times) => times > 1).length))
      write(seen, new Float32Array(samples))
    }

    const batches = Math.ceil(train.xs.shape[0] / batchSize)
    await model.fit([train.xs, train.numbers], [train.ys, train.zeros], {
      batchSize,
      epochs,
      ...quiet,
      callbacks: {
        onBatchEnd: (batch, logs) => {
          const taken = note()
          if (taken && batch === batches - 1) closeEpoch()
          // The books are closed before a collective, at which a newcomer may take them over.
          reporter.report({ loss: logs?.['loss'] ?? NaN })
        },
      },
    })
    const [predicted] = model.predict([test.xs, tf.zeros([held, 1])]) as tf.Tensor[]
    const loss = (predicted as tf.Tensor).sub(test.ys).square().mean().dataSync()[0] ?? NaN
    const hash = createHash('sha256')
    for (const weight of model.getWeights()) hash.update(Buffer.from(weight.dataSync().buffer))
    // Small enough for its square to travel exactly: the mean of squares is the square of the mean only where all are equal.
    const digest = hash.digest().readUInt16LE() % 2048
    const [steps = 0, counted = 0, twice = 0] = book.dataSync()
    return { loss, digest, digestSquared: digest ** 2, steps, counted, twice }
  },
})
