/** Transfer learning: a base with weights from elsewhere that stay as they are, and a new head that learns. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, training } from 'maggy'
import { numberAt, range } from './numbers.ts'

/** What a file would hold: a model that somebody else trained. */
async function pretrained(): Promise<tf.io.ModelArtifacts> {
  const base = tf.sequential()
  base.add(tf.layers.dense({ name: 'base1', inputShape: [4], units: 6, activation: 'tanh' }))
  base.add(tf.layers.dense({ name: 'base2', units: 5, activation: 'tanh' }))
  base.add(tf.layers.dense({ name: 'old-head', units: 2 }))
  tf.tidy(() => {
    base.setWeights(
      base.getWeights().map((weight, of) =>
        tf.tensor(
          range(weight.size).map((at) => numberAt(of, at) - 0.5),
          weight.shape,
        ),
      ),
    )
  })
  return await new Promise((resolve, reject) => {
    const handler = tf.io.withSaveHandler(async (artifacts) => {
      resolve(artifacts)
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    })
    base
      .save(handler)
      .then(() => {
        base.dispose()
        return undefined
      })
      .catch(reject)
  })
}

function genDataset() {
  const rows = range(48)
  const xs = rows.map((row) => range(4).map((at) => numberAt(row, at)))
  const ys = xs.map(([a = 0, b = 0]) => [a > b ? 1 : 0])
  return { data: { train: { xs, ys }, test: { xs: xs.slice(0, 12), ys: ys.slice(0, 12) } }, source: 'made here' }
}

async function genModel() {
  const base = await tf.loadLayersModel(tf.io.fromMemory(await pretrained()))
  const features = base.getLayer('base2').output as tf.SymbolicTensor
  for (const layer of base.layers) layer.trainable = false
  const head = tf.layers.dense({ name: 'new-head', units: 1, activation: 'sigmoid' })
  return { base, net: tf.model({ inputs: base.inputs, outputs: head.apply(features) as tf.SymbolicTensor }) }
}

export default defineExperiment(import.meta.url, {
  name: 'transfer',
  dataset: genDataset,
  model: genModel,
  hparams: { batchSize: 12, epochs: 3, shuffle: true },
  train: async ({ dataset, model, hparams, reporter }) => {
    const { data } = dataset()
    const { base, net } = await model()
    const ofBase = () => JSON.stringify(net.getLayer('base1').getWeights()[0]?.arraySync())
    const frozen = ofBase()
    const optimizer = tf.train.adagrad(0.1)
    net.compile({ optimizer, loss: 'binaryCrossentropy', metrics: ['accuracy'] })
    const [xs, ys, xTest, yTest] = [data.train.xs, data.train.ys, data.test.xs, data.test.ys].map((rows) =>
      tf.tensor2d(rows),
    )
    const { batchSize, epochs, shuffle } = hparams
    await net.fit(xs as tf.Tensor, ys as tf.Tensor, {
      batchSize,
      epochs,
      shuffle,
      verbose: 0,
      callbacks: [reporter.callbacks({ metrics: ['loss'] })],
    })
    const scores = net.evaluate(xTest as tf.Tensor, yTest as tf.Tensor) as tf.Scalar[]
    const [loss = NaN, accuracy = NaN] = scores.map((score) => score.dataSync()[0])
    if (ofBase() !== frozen) throw new Error('the base has changed')
    tf.dispose([scores, xs, ys, xTest, yTest] as tf.TensorContainer)
    net.dispose()
    base.layers.at(-1)?.dispose()
    optimizer.dispose()
    return { loss, accuracy }
  },
  contexts: { train: training({ workers: 2 }) },
})
