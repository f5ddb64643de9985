/** A user's module whose trials save models, bytes and files, in any of the four contexts. */
import { open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { defineExperiment } from 'maggy'

const piece = 2 ** 20

/** So many MiB, none of them like another. */
async function largeFile(path: string, pieces: number): Promise<void> {
  const file = await open(path, 'w')
  for (let index = 0; index < pieces; index += 1) {
    const bytes = Buffer.alloc(piece, index % 251)
    bytes.writeUInt32BE(index)
    await file.write(bytes)
  }
  await file.close()
}

export default defineExperiment(import.meta.url, {
  name: 'artifacts',
  hparams: { does: 'model', pieces: 0, budget: 0, x: 0.5 },
  switches: ['nothing'],
  dataset: () => ({ xs: tf.linspace(-1, 1, 32).reshape([32, 1]), ys: tf.linspace(-2, 2, 32).reshape([32, 1]) }),
  model: () => {
    const model = tf.sequential({
      layers: [tf.layers.dense({ name: 'only', units: 1, inputShape: [1], kernelInitializer: 'ones' })],
    })
    model.compile({ optimizer: tf.train.adam(0.1), loss: 'meanSquaredError' })
    return model
  },
  train: async ({ dataset, model, ablated, hparams: { does, pieces, budget, x }, artifact, reporter, run }) => {
    // A switch that is asked for, so that an ablation has something to leave out.
    ablated.has('nothing')
    if (does === 'file') {
      const path = join(tmpdir(), `maggy-artifact-${process.pid}-${run.trial}-${run.attempt}`)
      await largeFile(path, pieces)
      reporter.report({ value: 0 }, 0)
      try {
        await artifact.save('large.bin', path)
      } finally {
        await rm(path, { force: true })
      }
      return { value: x }
    }
    if (does === 'waits') {
      for (let step = 0; step < budget; step += 1) {
        reporter.report({ value: step }, step)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return { value: x }
    }
    if (does === 'throws') {
      await artifact.save('lost.txt', new TextEncoder().encode('of no attempt that counts'))
      if (run.trial % 2 === 0) throw new Error('after it had saved')
      return { value: x }
    }
    const { xs, ys } = dataset()
    const net = model()
    await net.fit(xs, ys, { epochs: 1, verbose: 0, callbacks: reporter.callbacks({ metrics: { loss: 'value' } }) })
    // Not awaited, and saved again: both are the runner's affair.
    void artifact.save('model', net)
    void artifact.save('notes.txt', new TextEncoder().encode('first'))
    void artifact.save('notes.txt', new TextEncoder().encode(`trial ${run.trial}`))
    const [predicted = 0] = (net.predict(tf.tensor2d([[0.5]])) as tf.Tensor).dataSync()
    return { value: x, predicted }
  },
})
