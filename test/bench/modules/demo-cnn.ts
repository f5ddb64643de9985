/** The demo's CNN, fitted once and timed: the same code in a plain process and in a runner. */
import type { FitCallbacks } from 'maggy'
import { loadMnist } from '../../../deploy/examples/mnist-data.ts'
import { genModel } from '../../../deploy/examples/mnist.ts'

const examples = 2560

/** Images per second of one epoch, after a short one to warm up. */
export async function imagesPerSecond(callbacks?: FitCallbacks): Promise<number> {
  const { train } = await loadMnist(examples)
  const model = genModel({ lr: 0.1, units: 128 })
  const options = { batchSize: 64, epochs: 1, verbose: 0 as const, ...(callbacks ? { callbacks } : {}) }
  const few = [train.xs.slice(0, 320), train.ys.slice(0, 320)] as const
  await model.fit(...few, options)
  const start = performance.now()
  await model.fit(train.xs, train.ys, options)
  const seconds = (performance.now() - start) / 1000
  for (const tensor of few) tensor.dispose()
  model.dispose()
  return examples / seconds
}
