/** A user's module whose trials save themselves, crash on purpose, and go on. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, type SavedCheckpoint } from 'maggy'

const epochOf = (saved: SavedCheckpoint | undefined): number =>
  saved === undefined ? 0 : Number(new TextDecoder().decode(saved.bytes))

function network(): tf.LayersModel {
  const model = tf.sequential({
    layers: [tf.layers.dense({ units: 1, inputShape: [2], kernelInitializer: 'ones' })],
  })
  model.compile({ optimizer: tf.train.adam(0.1), loss: 'meanSquaredError' })
  return model
}

export default defineExperiment(import.meta.url, {
  name: 'checkpoints',
  hparams: { does: 'counts', budget: 4 },
  train: async ({ hparams: { does, budget }, checkpoint, reporter, run }) => {
    const saved = await checkpoint.latest()
    if (does === 'counts') {
      const began = epochOf(saved)
      for (let epoch = began; epoch < budget; epoch++) {
        reporter.report({ value: -epoch }, epoch)
        await checkpoint.save(new TextEncoder().encode(String(epoch + 1)))
        if (run.trial === 0 && run.attempt === 1 && epoch === 1) process.kill(process.pid, 'SIGKILL')
      }
      return { value: -budget - run.trial, began, from: saved?.trial ?? -1, step: saved?.step ?? -1 }
    }
    // A model: two epochs, saved, read again, two more; against four without a break.
    const xs = tf.tensor2d([[0, 1], [1, 0], [1, 1]]) // prettier-ignore
    const ys = tf.tensor2d([[1], [2], [4]])
    const options = { epochs: 2, verbose: 0, shuffle: false, batchSize: 3 }
    const straight = network()
    await straight.fit(xs, ys, { ...options, epochs: 4 })
    const broken = network()
    await broken.fit(xs, ys, options)
    await checkpoint.save(broken)
    const again = await checkpoint.latest()
    const resumed = await again?.model<tf.LayersModel>()
    await resumed?.fit(xs, ys, options)
    const weights = (model: tf.LayersModel | undefined) =>
      (model?.getWeights() ?? []).flatMap((tensor) => [...tensor.dataSync()])
    const off = weights(straight).map((value, index) => Math.abs(value - (weights(resumed)[index] ?? NaN)))
    return { value: Math.max(...off), bytes: again?.bytes.length ?? 0 }
  },
})
