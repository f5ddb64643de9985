/** The demo's MNIST training, which says in its log how many batches it trained, whether it came to its end or was stopped. */
import { defineExperiment } from 'maggy'
import { loadMnist } from '../../../deploy/examples/mnist-data.ts'
import { evaluate, genModel } from '../../../deploy/examples/mnist.ts'

export default defineExperiment(import.meta.url, {
  name: 'mnist-search',
  hparams: { lr: 0.1, batchSize: 32, units: 128, examples: 4000, tested: 10_000 },
  train: async ({ hparams, reporter }) => {
    const { batchSize, examples, tested } = hparams
    const { train, test } = await loadMnist(examples)
    const net = genModel(hparams)
    let batches = 0
    const count = { onBatchBegin: async () => void (batches += 1) }
    try {
      const callbacks = [count, reporter.callbacks({ every: examples / 8, metrics: { acc: 'accuracy' } })]
      await net.fit(train.xs, train.ys, { batchSize, epochs: 1, verbose: 0, yieldEvery: 'never', callbacks })
      const [xs, ys] = [test.xs.slice(0, tested), test.ys.slice(0, tested)] as const
      const accuracy = evaluate(net, { xs, ys })
      xs.dispose()
      ys.dispose()
      return { accuracy }
    } finally {
      reporter.log(batches)
      net.dispose()
    }
  },
})
