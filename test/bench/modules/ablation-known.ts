/** A study with a known answer: of eight features two matter, and one layer does nothing. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, study, withoutColumns, type Told } from 'maggy'

const features = ['x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7']
const examples = 400

/** y = 2 x0 + x3 + noise; the same data in every trial. */
function genDataset(_: object, { without }: Told) {
  const drawn = tf.randomNormal([examples, features.length + 1], 0, 1, 'float32', 7).arraySync() as number[][]
  const ys = drawn.map((row) => [2 * (row[0] ?? 0) + (row[3] ?? 0) + 0.3 * (row[features.length] ?? 0)])
  const table = { columns: features, rows: drawn.map((row) => row.slice(0, features.length)) }
  const { rows } = withoutColumns(table, without, { how: 'mask' })
  const half = examples / 2
  const part = (from: number, to: number) => ({
    xs: tf.tensor2d(rows.slice(from, to).map((row) => [...row])),
    ys: tf.tensor2d(ys.slice(from, to)),
  })
  return { train: part(0, half), test: part(half, examples) }
}

function genModel({ seed }: { readonly seed: number }): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({
        name: 'hidden',
        inputShape: [features.length],
        units: 16,
        activation: 'relu',
        kernelInitializer: tf.initializers.heNormal({ seed }),
      }),
      tf.layers.activation({ name: 'identity', activation: 'linear' }),
      tf.layers.dense({ name: 'out', units: 1, kernelInitializer: tf.initializers.glorotNormal({ seed: seed + 1 }) }),
    ],
  })
  model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' })
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'known',
  features,
  dataset: genDataset,
  model: genModel,
  hparams: { epochs: 12 },
  train: async ({ dataset, model, hparams, run }) => {
    const { train, test } = dataset(hparams)
    const net = model({ seed: run.seed % 1_000_000 })
    await net.fit(train.xs, train.ys, { epochs: hparams.epochs, batchSize: 32, verbose: 0, yieldEvery: 'never' })
    const score = net.evaluate(test.xs, test.ys) as tf.Scalar
    const loss = score.dataSync()[0] ?? NaN
    tf.dispose([score, train.xs, train.ys, test.xs, test.ys])
    net.dispose()
    return { loss }
  },
  contexts: {
    ablate: ablation({
      study: study().features({ pattern: '.' }).layers('identity', 'hidden'),
      repeats: 5,
      metric: 'loss',
      direction: 'minimize',
    }),
  },
})
