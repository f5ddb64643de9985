/** A thread that trains as one of several, with tfjs's plain JavaScript backend: the training side of a runner, without the runner. */
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import * as tf from '@tensorflow/tfjs'
import type { RingSettings } from '../../protocol/index.ts'
import { createDistribution, type Distribution } from '../../src/train/distributed.ts'
import { createReporter } from '../../src/train/reporter.ts'
import type { RingLine } from '../../src/train/ring-link.ts'
import { scenariosOf } from './ring-scenarios.ts'

export interface TrainerSetting {
  readonly scenario: string
  readonly batchSize: number
  readonly epochs: number
  readonly samples: number
  readonly optimizer: 'sgd' | 'momentum' | 'adam' | 'rmsprop' | 'adamax'
  /** Null: alone, and without the system. */
  readonly ring: { readonly settings: RingSettings; readonly seat: number; readonly line: RingLine } | null
  /** Times the optimizer's learning rate. Default: 1. */
  readonly rate?: number
  /** Shared with the test: how many steps the furthest trainer has taken, and how many may be taken (ring-trainers.ts). */
  readonly pace?: Int32Array
}

export interface TrainerReport {
  /** sha256 of all variables after each step. */
  readonly hashes: readonly [step: number, hash: string][]
  readonly weights: readonly number[]
  readonly metrics: Readonly<Record<string, number>> | null
  readonly points: readonly Readonly<Record<string, number | null>>[]
  readonly error: { readonly code: string; readonly message: string } | null
  readonly rows: number
  /** What the training function was told, as its scenario notes it. */
  readonly told: readonly unknown[]
}

const inputs = 4
let setting: TrainerSetting
let hashes: [number, string][] = []
let points: Record<string, number | null>[] = []
let watched: tf.Variable[] = []
let rows = 0
let told: unknown[] = []
let taken = 0
/** A model that was there before the training, as one that a module makes. */
let older: tf.Sequential | undefined

/** Says how far this trainer is, and stands still where the test wants it to. */
function keepPace(pace: Int32Array): void {
  Atomics.store(pace, 0, Math.max(taken, Atomics.load(pace, 0)))
  for (let allowed = Atomics.load(pace, 1); allowed <= taken; allowed = Atomics.load(pace, 1)) {
    Atomics.wait(pace, 1, allowed)
  }
}

function stepTaken(): void {
  taken += 1
  if (setting.pace !== undefined) keepPace(setting.pace)
}

/** x in 0..1, its first column the sample's number; y = a fixed mix. */
function data(samples: number): { xs: tf.Tensor2D; ys: tf.Tensor2D } {
  const x = Float32Array.from({ length: samples * inputs }, (_, i) =>
    i % inputs === 0 ? i / inputs / samples : ((i * 37) % 101) / 101,
  )
  const y = Float32Array.from({ length: samples }, (_, i) => Math.sin(i) / 2 + (x[i * inputs + 1] ?? 0))
  return { xs: tf.tensor2d(x, [samples, inputs]), ys: tf.tensor2d(y, [samples, 1]) }
}

const optimizer = () => {
  const { rate = 1 } = setting
  const made = {
    sgd: () => tf.train.sgd(rate * 0.1),
    momentum: () => tf.train.momentum(rate * 0.05, 0.5),
    adam: () => tf.train.adam(rate * 0.01),
    rmsprop: () => tf.train.rmsprop(rate * 0.01),
    adamax: () => tf.train.adamax(rate * 0.01),
  }
  return made[setting.optimizer]()
}

/** Other weights on each rank to begin with: rank 0's must win. */
const seedOf = (at: number): number => 7 + at + 100 * (setting.ring?.seat ?? 0)

function layers({ normalized = false } = {}): tf.Sequential {
  const model = tf.sequential()
  const init = (at: number) => tf.initializers.glorotNormal({ seed: seedOf(at) })
  model.add(tf.layers.dense({ inputShape: [inputs], units: 6, activation: 'tanh', kernelInitializer: init(0) }))
  if (normalized) model.add(tf.layers.batchNormalization({}))
  model.add(tf.layers.dense({ units: 1, kernelInitializer: init(1) }))
  model.compile({ optimizer: optimizer(), loss: 'meanSquaredError', metrics: ['mae'] })
  return model
}

const watch = (model: tf.LayersModel): void => {
  watched = model.weights.map((weight) => weight.read() as tf.Variable)
}

export type Generator = (samples: number) => { xs: tf.Tensor2D; ys: tf.Tensor2D }
export type Scenario = (dataset: Generator, reporter: ReturnType<typeof createReporter>['reporter']) => Promise<number>

const fitOf =
  (normalized: boolean, shuffle: boolean): Scenario =>
  async (dataset, reporter) => {
    const { xs, ys } = dataset(setting.samples)
    rows = xs.shape[0]
    const model = layers({ normalized })
    watch(model)
    const { batchSize, epochs } = setting
    const history = await model.fit(xs, ys, {
      batchSize,
      epochs,
      shuffle,
      callbacks: {
        ...reporter.callbacks(),
        onBatchEnd: async () => {
          stepTaken()
        },
      },
    })
    const { loss } = history.history
    return loss?.at(-1) as number
  }

const scenarios: Readonly<Record<string, Scenario>> = {
  fit: fitOf(false, false),
  shuffled: fitOf(false, true),
  normalized: fitOf(true, false),
  fitDataset: async (dataset) => {
    const { xs, ys } = data(setting.samples)
    const rowsOf = tf.data.zip({ xs: tf.data.array(xs.arraySync()), ys: tf.data.array(ys.arraySync()) })
    const shard = (dataset as unknown as (value: unknown) => tf.data.Dataset<tf.TensorContainer>)(rowsOf)
    const model = layers()
    watch(model)
    await model.fitDataset(shard.batch(setting.batchSize), { epochs: setting.epochs })
    return 1
  },
  /** Clips by global norm, which has to be the norm of the mean. */
  byHand: async (dataset, reporter) => {
    const { xs, ys } = dataset(setting.samples)
    rows = xs.shape[0]
    const model = layers()
    watch(model)
    const descent = optimizer()
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
    let last = 0
    for (let epoch = 0; epoch < setting.epochs; epoch += 1) {
      for (let at = 0; at < rows; at += setting.batchSize) {
        const size = Math.min(setting.batchSize, rows - at)
        const [x, y] = [xs.slice(at, size), ys.slice(at, size)]
        const { value, grads } = tf.variableGrads(
          () => tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor),
          variables,
        )
        const norm = Math.sqrt(
          Object.values(grads).reduce((sum, gradient) => sum + (gradient.square().sum().dataSync()[0] ?? 0), 0),
        )
        for (const [name, gradient] of Object.entries(grads)) grads[name] = gradient.mul(Math.min(1, 0.2 / norm))
        descent.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })))
        last = value.dataSync()[0] ?? NaN
      }
      reporter.report({ loss: last })
    }
    return last
  },
  /** Two optimizers in one function, each with variables of its own. */
  rivals: async (dataset) => {
    const { xs, ys } = dataset(setting.samples)
    rows = xs.shape[0]
    const one = tf.variable(tf.ones([inputs, 1]).mul(0.1 * (1 + (setting.ring?.seat ?? 0))))
    const other = tf.variable(tf.ones([inputs, 1]).mul(0.2))
    watched = [one, other]
    const [first, second] = [tf.train.adam(0.01), tf.train.momentum(0.05, 0.9)]
    for (let epoch = 0; epoch < setting.epochs; epoch += 1) {
      for (let at = 0; at < rows; at += setting.batchSize) {
        const size = Math.min(setting.batchSize, rows - at)
        const [x, y] = [xs.slice(at, size), ys.slice(at, size)]
        first.minimize(() => tf.losses.meanSquaredError(y, x.matMul(one).add(x.matMul(other))), false, [one])
        second.minimize(() => tf.losses.absoluteDifference(x.matMul(one), x.matMul(other)), false, [other])
      }
    }
    return 1
  },
  notFinite: async (dataset) => {
    const { xs, ys } = dataset(setting.samples)
    const model = layers()
    watch(model)
    const bad = setting.ring?.seat === 1 ? xs.mul(NaN) : xs
    await model.fit(bad, ys, {
      batchSize: setting.batchSize,
      epochs: setting.epochs,
      shuffle: false,
    })
    return 1
  },
  /** The last batch has no gradient on any rank, and no statistics either. */
  endsNotFinite: async (dataset) => {
    const { xs, ys } = dataset(setting.samples)
    const model = layers({ normalized: true })
    watch(model)
    const { batchSize } = setting
    const good = xs.shape[0] - batchSize
    const bad = tf.concat([xs.slice(0, good), xs.slice(good).mul(NaN)])
    await model.fit(bad, ys, { batchSize, epochs: 1, shuffle: false })
    return 1
  },
  /** Each rank is given other data, as from a generator that draws what nobody seeds. */
  otherData: fitOf(false, false),
  idle: async () => 1,
  ...scenariosOf({
    setting: () => setting,
    layers: () => older ?? layers(),
    optimizer,
    data,
    watch: (variables) => {
      watched = [...variables]
    },
    note: (value) => {
      told.push(value)
    },
    stepTaken,
  }),
}

function hashOf(): string {
  const hash = createHash('sha256')
  for (const variable of watched) hash.update(Buffer.from(new Uint8Array((variable.dataSync() as Float32Array).buffer)))
  return hash.digest('hex')
}

async function run(): Promise<TrainerReport> {
  await tf.setBackend('cpu')
  let distribution: Distribution | undefined
  older = setting.scenario.startsWith('older') ? layers({ normalized: true }) : undefined
  if (setting.ring !== null) {
    const { settings, seat, line } = setting.ring
    const onStep = (step: number): void => {
      hashes.push([step, hashOf()])
    }
    distribution = createDistribution({ tf, settings, seat, seed: 5, line, stopReason: () => undefined, onStep })
  }
  const average = distribution?.average.bind(distribution)
  const { reporter } = createReporter('value', {
    point: ({ values }) => {
      if (distribution?.speaks !== false) points.push({ ...values })
    },
    line: () => undefined,
    stopReason: () => undefined,
    now: () => 0,
    ...(average === undefined ? {} : { average }),
  })
  const generator = (given: unknown): unknown => {
    if (typeof given !== 'number') return given
    const made = data(given)
    return setting.scenario === 'otherData' ? { ...made, xs: made.xs.add(setting.ring?.seat ?? 0) } : made
  }
  const dataset = (distribution === undefined ? generator : distribution.dataset(generator)) as Generator
  let metrics: Record<string, number> | null = null
  let error: TrainerReport['error'] = null
  try {
    const value = (await scenarios[setting.scenario]?.(dataset, reporter)) ?? NaN
    metrics = distribution === undefined ? { value } : distribution.result({ value })
    distribution?.end('done')
  } catch (thrown) {
    const { code = '?', message } = thrown as Error & { code?: string }
    error = { code, message }
    distribution?.end('failed')
  }
  const weights = watched.flatMap((variable) => [...variable.dataSync()])
  // As the runner does: a loop without a list of variables trains all that there are.
  tf.disposeVariables()
  return { hashes, weights, metrics, points, error, rows, told }
}

async function runAndTell(): Promise<void> {
  parentPort?.postMessage(await run())
}

// One after the other, as in a runner that is warm.
parentPort?.on('message', (message: TrainerSetting) => {
  setting = message
  hashes = []
  points = []
  watched = []
  rows = 0
  told = []
  taken = 0
  void runAndTell()
})
