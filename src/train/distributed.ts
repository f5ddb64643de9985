/**
 * A training by several, seen from one of them: hooks in tfjs on one side, the link to the ring's thread on the other.
 * The training function does not know. What it does is the same on every rank, so its collectives are, and have numbers.
 * I1 The gradient that is applied is the same on all ranks, and so are the variables after each step: one that comes new gets them.
 * I2 Who comes late runs the function from its start, but computes nothing until it has come to where the others are, takes over
 *    their state, and counts with weight 0 the first time: its batch was cut before it knew its shard.
 * I3 A collective begins only when what came of the one before has been applied: so a state is whole between any two.
 */
import { problem, type Metrics, type RingSettings } from '../../protocol/index.ts'
import { createManifest, type VariableSpec } from '../ring/index.ts'
import type { Tf } from './backend.ts'
import { batchOnTape } from './batch-on-tape.ts'
import { accumulated, allFinite, asWritten, assign, firstNotFinite, pack, tensorOf, unpack, type Held } from './fuse.ts'
import { installHooks, type Gradients, type Tensor } from './hooks.ts'
import { reshuffling, scaleLearningRate } from './adjust.ts'
import { createFuse, createReplica, plainName, type Variable } from './replica.ts'
import { createRingLink, type Place, type RingLine } from './ring-link.ts'
import { createShards } from './shards.ts'
import { watchStatistics, type Statistics } from './statistics.ts'

export interface DistributionOptions {
  readonly tf: Tf
  readonly settings: RingSettings
  /** Whole number, of its own for each member that begins: the shard until ranks are known. */
  readonly seat: number
  readonly seed: number
  readonly line: RingLine
  readonly stopReason: () => string | undefined
  /** After each gradient step that was applied. */
  readonly onStep?: (step: number) => void
}

export interface Distribution {
  /** The dataset generator that train gets. */
  dataset(generator: unknown): unknown
  /** Over all ranks. Undefined: this point was said before this member came. */
  average(values: Metrics): Metrics | undefined
  /** Of what train returned. Throws GRADIENT_MISSING. */
  result(values: Readonly<Record<string, number>>): Record<string, number>
  /** Whether this member speaks for all. */
  readonly speaks: boolean
  readonly shard: { readonly index: number; readonly count: number }
  /** Leaves the ring, and puts tfjs back. */
  end(reason: 'done' | 'failed' | 'draining'): void
}

export function createDistribution(options: DistributionOptions): Distribution {
  const { tf, settings, line } = options
  const count = settings.workers.max
  const local = settings.syncEvery > 1
  const replica = createReplica(tf)
  const fuse = createFuse()
  const link = createRingLink({ line, stopReason: options.stopReason, exportState: () => replica.take() })
  const shards = createShards({
    tf,
    count,
    index: options.seat % count,
    seed: options.seed,
    onVariable: (variable) => {
      replica.exclude(variable)
    },
  })

  let place: Place | undefined
  let index = options.seat % count
  /** The number of the next collective, and of the first that this member takes part in. */
  let collective = 0
  let first = 0
  let waitingState: Uint8Array | null = null
  /** What the manifest is of: as they were at the first gradient, as on the others. */
  let variables: VariableSpec[] | undefined
  let chases = 0
  /** The ring runs already, and is at this gradient step: what comes before is passed without disturbing it. */
  let chased = 0
  let joinsLate = false
  /** Gradients computed, steps taken, and samples in them. */
  let gradients = 0
  let steps = 0
  let samples = 0
  let unreported = 0
  /** Samples of a batch: fit says it; else the tape tells; else all count alike. */
  let batchNow: number | undefined
  let tapeBatch: number | undefined
  /** The gradients that come next are not to be applied. */
  let withheld = false
  let unsynced = false
  const trainedOnce = new WeakSet<object>()
  const scaled = new WeakSet<object>()
  let held: Held | undefined
  let shuffles = 0

  const move = (to: number): void => {
    index = to
    shards.move(to)
  }

  function begin(): void {
    variables ??= replica.specs()
    const begun = link.join({ manifest: createManifest(variables).hash, variables, step: steps, chases })
    if (begun.type === 'ahead') {
      chases += 1
      chased = begun.step
      first = Infinity
      return
    }
    // All whom it was to come up with are dead, and the checkpoint is older.
    if (begun.next < collective) throw problem('RING_PASSED', { next: begun.next, collective })
    place = begun.place
    chased = 0
    first = begun.next
    waitingState = begun.state
    joinsLate = begun.seats === null
    const { seats } = begun
    // Who begins together keeps the shard it had already, if all had different ones.
    const distinct = seats !== null && new Set(seats.map((seat) => seat % count)).size === seats.length
    if (!distinct) move(place.rank)
  }

  const skips = (): boolean => collective < first

  /** Before each collective, and before what leads to it is computed. */
  function enter(): void {
    if (place === undefined && steps >= chased) begin()
    if (skips() || waitingState === null || place === undefined) return
    replica.put(waitingState, place.rank)
    waitingState = null
  }

  /** Undefined: this collective was over before this member came. */
  function reduce(vector: Float32Array, weight: number, key: string, exactFrom = 0) {
    const number = collective
    collective += 1
    if (number < first) return undefined
    const counts = joinsLate && number === first ? 0 : weight
    const got = link.reduce({ collective: number, vector, weight: counts, key, exactFrom, step: steps, samples })
    if (place !== undefined && got.place.generation !== place.generation) move(got.place.rank)
    place = got.place
    if (got.next !== null) fuse.moveTo(key, got.next)
    return got
  }

  /** The mean of variables over all ranks, exactly. */
  function averageVariables(variables: readonly Variable[], key: string): void {
    const floats = variables.filter((one) => one.dtype === 'float32' && !one.isDisposed)
    const length = floats.reduce((sum, one) => sum + one.size, 0)
    const vector = fuse.vectorFor(key, length)
    if (!skips()) pack(floats, vector)
    const got = reduce(vector, 1, key)
    if (got !== undefined) unpack(tf, floats, got.vector)
  }

  /** What must be alike before anybody looks at the model, or a state is taken. */
  function settle(): void {
    if (place === undefined && chased === 0) return
    if (unsynced) {
      unsynced = false
      enter()
      averageVariables(replica.variables(), 'weights')
    }
  }

  function checkpoint(): void {
    const every = settings.checkpointEvery
    if (every === null || steps === 0 || steps % every !== 0 || skips() || place?.rank !== 0) return
    link.tell({ type: 'checkpoint', next: collective, bytes: replica.take() })
  }

  function computeGradients(
    f: () => Tensor,
    variables: readonly Variable[],
    compute: (f: () => Tensor) => Gradients,
  ): Gradients {
    for (const variable of variables) replica.adopt(variable)
    enter()
    if (local && gradients % settings.syncEvery === 0) settle()
    enter()
    const micro = gradients % settings.accumulate
    gradients += 1
    const reduces = !local && micro === settings.accumulate - 1
    if (micro === 0 && !unsynced) checkpoint()
    if (skips()) return pretend(f, variables, compute, reduces)

    tapeBatch = undefined
    const statistics = watchStatistics(tf, replica, settings.nonFinite === 'skip')
    const computed = compute(() => {
      const value = f()
      tapeBatch = batchOnTape(tf)
      return value
    })
    if (!local) return meanOf(computed, variables, statistics, reduces)
    statistics.end()
    unsynced = true
    steps += 1
    samples += batchNow ?? tapeBatch ?? 1
    withheld = false
    return computed
  }

  function meanOf(
    { value, grads }: Gradients,
    variables: readonly Variable[],
    statistics: Statistics,
    reduces: boolean,
  ): Gradients {
    const specs: VariableSpec[] = []
    for (const [at, gradient] of grads.entries()) {
      const variable = variables[at]
      if (gradient === null || gradient === undefined || variable === undefined) continue
      specs.push({ name: plainName(variable.name), shape: variable.shape, dtype: 'float32' })
    }
    const manifest = createManifest(specs)
    // Behind the gradients, and exact: the statistics, and the loss.
    const changed = statistics.changed()
    const length = manifest.length + changed.reduce((sum, one) => sum + one.size, 0) + 1
    const key = manifest.hash.slice(0, 16)
    const vector = fuse.vectorFor(key, length)
    pack(
      grads.filter((gradient) => gradient !== null && gradient !== undefined),
      vector,
    )
    const batch = batchNow ?? tapeBatch ?? 1
    let weight = batch
    if (!allFinite(vector, manifest.length)) {
      const bad = firstNotFinite(vector, manifest)
      if (settings.nonFinite === 'stop') {
        throw problem('GRADIENT_NOT_FINITE', { rank: place?.rank ?? 0, step: steps, ...bad })
      }
      weight = 0
      statistics.putBack()
    }
    pack([...changed, value], vector.subarray(manifest.length))
    if (settings.accumulate > 1) {
      held = accumulated(held, vector, weight)
      weight = held?.weight ?? 0
    }
    samples += batch
    unreported += batch
    if (!reduces) {
      statistics.end()
      withheld = true
      return { value, grads }
    }
    if (held !== undefined) {
      vector.set(held.vector)
      held = undefined
    }
    const got = reduce(vector, weight, key, manifest.length)
    steps += 1
    withheld = got === undefined || got.weight === 0
    if (withheld) statistics.putBack()
    statistics.end()
    if (got === undefined || got.weight === 0) return { value, grads }
    let offset = 0
    const means = grads.map((gradient) => {
      if (gradient === null || gradient === undefined) return gradient
      const mean = tensorOf(tf, got.vector, offset, gradient.shape)
      offset += gradient.size
      gradient.dispose()
      return mean
    })
    for (const variable of changed) {
      assign(tf, variable, got.vector, offset)
      offset += variable.size
    }
    value.dispose()
    return { value: tensorOf(tf, got.vector, offset, []), grads: means }
  }

  /**
   * In the place of a step that is over: the function runs once forward, for what it does beside. The first time backward too, for
   * what runs the first time takes long, and nobody waits for it yet.
   */
  function pretend(
    f: () => Tensor,
    variables: readonly Variable[],
    compute: (f: () => Tensor) => Gradients,
    reduces: boolean,
  ): Gradients {
    const value = tf.tidy(gradients === 1 ? () => compute(f).value : f)
    passStep(reduces)
    withheld = !reduces && !local
    return { value, grads: variables.map((one) => tf.zerosLike(one)) }
  }

  function passStep(reduces: boolean): void {
    if (local) {
      unsynced = true
      steps += 1
    } else if (reduces) {
      collective += 1
      steps += 1
    }
  }

  /** The second step and those after it, of one that comes late, are passed without computing anything. */
  function passBatch(model: object, outputs: number): Tensor[] | undefined {
    if (!skips() || !trainedOnce.has(model)) return undefined
    enter()
    if (!skips()) return undefined
    if (local && gradients % settings.syncEvery === 0) settle()
    if (!skips()) return undefined
    const micro = gradients % settings.accumulate
    gradients += 1
    passStep(!local && micro === settings.accumulate - 1)
    return Array.from({ length: outputs }, () => tf.scalar(0))
  }

  const uninstall = installHooks(tf, {
    gradients: computeGradients,
    batch: (model, size, outputs, train) => {
      const passed = passBatch(model, outputs)
      if (passed !== undefined) return passed
      batchNow = size
      try {
        return train()
      } finally {
        // Once its optimizer has made what it keeps, that is.
        if (!withheld) trainedOnce.add(model)
        batchNow = undefined
      }
    },
    fit: async (data, args, fit) => {
      const result = await fit(data.some((one) => shards.holds(one)) ? reshuffling(tf, args, shards) : args)
      settle()
      return result
    },
    applies: (optimizer) => {
      if (settings.learningRate === 'linear' && !scaled.has(optimizer)) {
        scaled.add(optimizer)
        scaleLearningRate(optimizer, count)
      }
      return !withheld
    },
    counted: (optimizer) => {
      replica.counts(optimizer)
      if (!skips()) options.onStep?.(steps)
    },
    shuffleSeed: () => {
      shuffles += 1
      return `${options.seed}/${shuffles}`
    },
  })

  function averageNumbers(values: Metrics, weight: number): Record<string, number | null> | undefined {
    const names = Object.keys(values).sort()
    const vector = fuse.vectorFor(`numbers ${names.join(' ')}`, names.length)
    for (const [at, name] of names.entries()) vector[at] = values[name] ?? NaN
    const got = reduce(vector, weight, `numbers ${names.join(' ')}`)
    if (got === undefined) return undefined
    return Object.fromEntries(
      names.map((name, at) => [name, asWritten(got.vector[at] as number, values[name] ?? null)]),
    )
  }

  return {
    dataset: (generator) => {
      if (typeof generator !== 'function' || settings.shard === 'own') return generator
      return (...args: unknown[]): unknown => {
        const made: unknown = (generator as (...args: unknown[]) => unknown)(...args)
        return made instanceof Promise ? made.then((value) => shards.cut(value)) : shards.cut(made)
      }
    },
    average: (values) => {
      // Before its first gradient a member has nobody to ask.
      if (place === undefined && chased === 0) return values
      settle()
      enter()
      const weight = unreported === 0 ? 1 : unreported
      unreported = 0
      return averageNumbers(values, weight)
    },
    result: (values) => {
      if (place === undefined && chased === 0) throw problem('GRADIENT_MISSING', {})
      settle()
      enter()
      const means = averageNumbers(values, 1)
      return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, means?.[name] ?? value]))
    },
    get speaks() {
      return place === undefined ? chased === 0 && options.seat % count === 0 : place.rank === 0
    },
    get shard() {
      return { index, count }
    },
    end: (reason) => {
      uninstall()
      shards.end()
      link.tell({ type: 'leave', reason })
    },
  }
}
