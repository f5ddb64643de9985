/**
 * A CNN on MNIST: one oblivious training function, explored on this host, tuned on as many workers as there are, taken apart, or
 * trained on several workers at once.
 */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, optimization, space, study, training } from 'maggy'
import { loadMnist, type Images } from './mnist-data.ts'

/** Dataset generator: the first `examples` training images, and the whole test set. */
const genDataset = ({ examples }: { readonly examples: number }) => loadMnist(examples)

/** Model generator: 2,370,282 parameters with 128 units. */
export function genModel({ lr, units }: { readonly lr: number; readonly units: number }): tf.Sequential {
  const model = tf.sequential()
  model.add(
    tf.layers.conv2d({ name: 'conv1', inputShape: [28, 28, 1], filters: 32, kernelSize: 3, activation: 'relu' }),
  )
  model.add(tf.layers.conv2d({ name: 'conv2', filters: 32, kernelSize: 3, activation: 'relu' }))
  model.add(tf.layers.flatten({ name: 'flatten' }))
  model.add(tf.layers.dense({ name: 'hidden', units, activation: 'relu' }))
  model.add(tf.layers.dense({ name: 'digits', units: 10, activation: 'softmax' }))
  model.compile({ optimizer: tf.train.sgd(lr), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return model
}

/**
 * A callback for `fit`: the learning rate falls to zero in a straight line over so many batches. With one that stays, rounding
 * errors in the sums move the accuracy after the last step by two points.
 */
export function fallingRate(model: tf.Sequential, lr: number, batches: number): tf.CustomCallbackArgs {
  const optimizer = model.optimizer as tf.SGDOptimizer
  let batch = 0
  return {
    onBatchBegin: async () => {
      optimizer.setLearningRate(lr * (1 - batch / batches))
      batch += 1
    },
  }
}

/** The part of the images that the model takes for what they are. */
export function evaluate(model: tf.Sequential, { xs, ys }: Images): number {
  const scores = model.evaluate(xs, ys, { batchSize: 500 }) as tf.Scalar[]
  const accuracy = scores[1]?.dataSync()[0] ?? NaN
  tf.dispose(scores)
  return accuracy
}

export default defineExperiment(import.meta.url, {
  name: 'mnist',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.1, batchSize: 32, units: 128, examples: 2000, epochs: 1 },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { train, test } = await dataset(hparams)
    const net = model(hparams)
    try {
      const { lr, batchSize, epochs } = hparams
      const callbacks = [
        fallingRate(net, lr, epochs * Math.ceil(train.xs.shape[0] / batchSize)),
        // By images seen, so that trials with batches of 16 and of 32 are compared at equal work.
        reporter.callbacks({ every: 500, metrics: { loss: 'loss', acc: 'accuracy' } }),
      ]
      await net.fit(train.xs, train.ys, { batchSize, epochs, verbose: 0, yieldEvery: 'never', callbacks })
      return { accuracy: evaluate(net, test) }
    } finally {
      net.dispose()
    }
  },
  contexts: {
    tune: optimization({
      space: {
        lr: space.double(0.03, 0.2, { log: true }),
        batchSize: space.discrete([16, 32]),
      },
      hparams: { examples: 24_000 },
      trials: 6,
      metric: 'accuracy',
      direction: 'maximize',
      pruner: { name: 'median', minFinished: 2, startupSteps: 8000 },
    }),
    // Flatten cannot go: the table says why, and the study goes on.
    ablate: ablation({
      ablator: 'loco',
      study: study().layers('conv1', 'conv2', 'flatten', 'hidden').layerGroup('convolutions', { prefix: 'conv' }),
      hparams: { examples: 4000 },
      metric: 'accuracy',
      direction: 'maximize',
    }),
    // Each worker has half of the images, and batches of its own: 64 images a step on two.
    train: training({ workers: 2, hparams: { examples: 12_000 } }),
  },
})
