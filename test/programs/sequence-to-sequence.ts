/** An encoder and a decoder that learn to turn digits round; the decoder is taught with the right answer before it. */
import * as tf from '@tensorflow/tfjs'
import { ablation, defineExperiment, study, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

const [length, digits] = [3, 4]
/** Stands before the answer. */
const start = digits

function genDataset() {
  const part = (from: number, count: number) => {
    const questions = range(count, from).map((row) => range(length).map((at) => Math.floor(numberAt(row, at) * digits)))
    const answers = questions.map((question) => question.toReversed())
    const oneHot = (rows: number[][]) => tf.oneHot(tf.tensor2d(rows, undefined, 'int32'), digits + 1).toFloat()
    return tf.tidy(() => ({
      inputs: [oneHot(questions), oneHot(answers.map((answer) => [start, ...answer.slice(0, -1)]))],
      targets: oneHot(answers),
    }))
  }
  return { train: part(0, 48), validation: part(500, 12) }
}

function genModel({ units }: { units: number }) {
  const encoderInput = tf.input({ shape: [length, digits + 1], name: 'question' })
  const encoder = tf.layers.lstm({ units, returnState: true, name: 'encoder' })
  const [, hidden, cell] = encoder.apply(encoderInput) as tf.SymbolicTensor[]
  const decoderInput = tf.input({ shape: [length, digits + 1], name: 'before' })
  const decoder = tf.layers.lstm({ units, returnSequences: true, name: 'decoder' })
  const decoded = decoder.apply(decoderInput, {
    initialState: [hidden, cell] as tf.SymbolicTensor[],
  }) as tf.SymbolicTensor
  const head = tf.layers.dense({ units: digits + 1, activation: 'softmax', name: 'digit' })
  return tf.model({ inputs: [encoderInput, decoderInput], outputs: head.apply(decoded) as tf.SymbolicTensor })
}

export default defineExperiment(import.meta.url, {
  name: 'sequence-to-sequence',
  dataset: genDataset,
  model: genModel,
  hparams: { lr: 0.02, units: 6, batchSize: 12, epochs: 2, shuffle: true },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { train, validation } = dataset()
    const net = model(hparams)
    const optimizer = tf.train.rmsprop(hparams.lr)
    net.compile({ optimizer, loss: 'categoricalCrossentropy' })
    const { batchSize, epochs, shuffle } = hparams
    await net.fit(train.inputs, train.targets, {
      batchSize,
      epochs,
      shuffle,
      verbose: 0,
      callbacks: [reporter.callbacks()],
    })
    const loss = tf.tidy(() => (net.evaluate(validation.inputs, validation.targets) as tf.Scalar).dataSync()[0] ?? NaN)
    tf.dispose([train, validation] as tf.TensorContainer)
    net.dispose()
    optimizer.dispose()
    return { loss }
  },
  contexts: {
    ablate: ablation({ study: study().layers('encoder', 'digit'), metric: 'loss', direction: 'minimize' }),
    train: training({ workers: 2 }),
  },
})
