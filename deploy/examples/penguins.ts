/** A tabular study: which of its measurements tell whether a penguin is male, and what each part of the model adds. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, study, withoutColumns, type Table, type Told } from 'maggy'
import { penguins } from './penguins-data.ts'

const features = ['species', 'island', 'beakLength', 'beakDepth', 'flipperLength', 'bodyMass']

/** Every value as a number between about -2 and 2; kinds of birds and islands by their place in the alphabet. */
function readTable(): { readonly table: Table; readonly male: number[] } {
  const [head = '', ...lines] = penguins.trim().split('\n')
  const columns = head.split(',').slice(0, -1)
  const cells = lines.map((line) => line.split(','))
  const scaled = columns.map((_, column) => {
    const texts = cells.map((row) => row[column] ?? '')
    const kinds = [...new Set(texts)].sort()
    const values = texts.map((text) => (Number.isNaN(Number(text)) ? kinds.indexOf(text) : Number(text)))
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    return values.map((value) => (value - mean) / spread)
  })
  const rows = cells.map((_, row) => scaled.map((values) => values[row] ?? 0))
  return { table: { columns, rows }, male: cells.map((row) => (row.at(-1) === 'male' ? 1 : 0)) }
}

/** Dataset generator: every third bird is held back for testing. What is left out is masked, so that the model's input stays. */
function genDataset(_hparams: object, { without }: Told) {
  const { table, male } = readTable()
  const { rows } = withoutColumns(table, without, { how: 'mask' })
  const part = (held: boolean) => {
    const chosen = rows.map((_, index) => index).filter((index) => (index % 3 === 0) === held)
    return {
      xs: tf.tensor2d(chosen.map((index) => [...(rows[index] ?? [])])),
      ys: tf.tensor2d(chosen.map((index) => [male[index] ?? 0])),
    }
  }
  return { train: part(false), test: part(true) }
}

interface Hparams {
  readonly lr: number
  readonly units: number
  readonly seed: number
}

/** Model generator; initial weights follow from the seed, so that a trial can be repeated. */
function genModel({ lr, units, seed }: Hparams): tf.LayersModel {
  const start = (offset: number) => ({ kernelInitializer: tf.initializers.glorotUniform({ seed: seed + offset }) })
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'wide', inputShape: [features.length], units, activation: 'relu', ...start(0) }),
      tf.layers.dense({ name: 'narrow', units: units / 2, activation: 'relu', ...start(1) }),
      tf.layers.dropout({ name: 'dropout', rate: 0.1, seed }),
      tf.layers.dense({ name: 'answer', units: 1, activation: 'sigmoid', ...start(2) }),
    ],
  })
  model.compile({ optimizer: tf.train.adam(lr), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  return model
}

/** Nothing but a weighted sum of the features. */
function genLinear({ lr, seed }: Hparams): tf.LayersModel {
  const kernelInitializer = tf.initializers.glorotUniform({ seed })
  const layer = tf.layers.dense({ inputShape: [features.length], units: 1, activation: 'sigmoid', kernelInitializer })
  const model = tf.sequential({ layers: [layer] })
  model.compile({ optimizer: tf.train.adam(lr), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'penguins',
  dataset: genDataset,
  model: genModel,
  models: { linear: genLinear },
  features,
  switches: ['shuffle'],
  hparams: { lr: 0.03, units: 16, epochs: 15 },
  train: async ({ dataset, model, hparams, ablated, reporter, run }) => {
    const { train, test } = dataset(hparams)
    const net = model({ ...hparams, seed: run.seed % 1_000_000 })
    const shuffle = !ablated.has('shuffle')
    const { epochs } = hparams
    const callbacks = reporter.callbacks()
    await net.fit(train.xs, train.ys, { epochs, batchSize: 32, shuffle, verbose: 0, yieldEvery: 'never', callbacks })
    const scores = net.evaluate(test.xs, test.ys) as tf.Scalar[]
    const accuracy = scores[1]?.dataSync()[0] ?? NaN
    tf.dispose([scores, train.xs, train.ys, test.xs, test.ys])
    net.dispose()
    return { accuracy }
  },
  contexts: {
    ablate: ablation({
      ablator: 'loco',
      study: study()
        .features({ pattern: '.*' })
        .featureGroup('beak', { prefix: 'beak' })
        .layers('narrow', 'dropout')
        .models('linear')
        .training('shuffle'),
      repeats: 5,
      metric: 'accuracy',
      direction: 'maximize',
    }),
  },
})
