/**
 * The gradients of a training by several: the mean over all ranks in the place of this rank's own.
 * I1 The gradient that is applied is the same on all ranks, and so are the variables after each step.
 * I2 A collective begins only when the outcome of the one before has been applied: the state is whole between any two.
 */
import { problem, type RingSettings } from '../../protocol/index.ts'
import { createManifest, type VariableSpec } from '../ring/index.ts'
import type { Tf } from './backend.ts'
import { batchOnTape } from './batch-on-tape.ts'
import type { Agreement } from './dataset/index.ts'
import { accumulated, allFinite, assign, firstNotFinite, pack, tensorOf, unpack, type Held } from './fuse.ts'
import type { Gradients, Tensor } from './hooks.ts'
import type { Membership } from './membership.ts'
import { plainName, type Fuse, type Replica, type Variable } from './replica.ts'
import { watchStatistics, type Statistics } from './statistics.ts'

type Compute = (f: () => Tensor) => Gradients

export interface GradientSteps {
  /** Gradient steps taken or passed, and the samples of this rank in those it took. */
  readonly progress: { readonly step: number; readonly samples: number }
  /** Samples since the last call; 1 where there were none. */
  samplesToReport(): number
  /** In the place of tfjs's gradients of `variables`. */
  readonly compute: (f: () => Tensor, variables: readonly Variable[], compute: Compute) => Gradients
  /** Around the training on a batch of so many samples. */
  readonly batch: (model: object, samples: number, outputs: number, train: () => Tensor[]) => Tensor[]
  /** Whether the gradients computed last are to be applied. */
  readonly applies: boolean
  /** Averages what may differ between ranks, before anybody looks at the model or a state is taken. */
  settle(): void
}

export function createGradientSteps(options: {
  readonly tf: Tf
  readonly settings: RingSettings
  readonly replica: Replica
  readonly fuse: Fuse
  readonly membership: () => Membership
  /** Travels behind each vector that is reduced. */
  readonly agreement: Agreement
  /** Called where the state is whole, at a step that is about to begin. */
  readonly onBoundary: (steps: number) => void
}): GradientSteps {
  const { tf, settings, replica, fuse, agreement, onBoundary } = options
  const local = settings.syncEvery > 1
  /** Gradients computed, steps taken, and samples in them. */
  let gradients = 0
  let steps = 0
  let samples = 0
  let unreported = 0
  /** Samples of a batch: fit says it; else the tape tells; else all count alike. */
  let batchNow: number | undefined
  let tapeBatch: number | undefined
  /** The gradients computed last are not to be applied. */
  let withheld = false
  let unsynced = false
  const trainedOnce = new WeakSet<object>()
  let held: Held | undefined

  /** The mean of variables over all ranks, exactly. */
  function averageVariables(variables: readonly Variable[], key: string): void {
    const membership = options.membership()
    const floats = variables.filter((one) => one.dtype === 'float32' && !one.isDisposed)
    const length = floats.reduce((sum, one) => sum + one.size, 0)
    const vector = fuse.vectorFor(key, length + agreement.length)
    if (!membership.skips) pack(floats, vector)
    agreement.write(vector.subarray(length))
    const got = membership.reduce(vector, 1, key)
    if (got === undefined) return
    agreement.check(got.vector.subarray(length))
    unpack(tf, floats, got.vector)
  }

  function settle(): void {
    const membership = options.membership()
    if (!membership.hasBegun || !unsynced) return
    unsynced = false
    membership.enter()
    averageVariables(replica.variables(), 'weights')
  }

  function computeGradients(f: () => Tensor, variables: readonly Variable[], compute: Compute): Gradients {
    const membership = options.membership()
    for (const variable of variables) replica.adopt(variable)
    membership.enter()
    if (local && gradients % settings.syncEvery === 0) settle()
    membership.enter()
    const micro = gradients % settings.accumulate
    gradients += 1
    const reduces = !local && micro === settings.accumulate - 1
    if (micro === 0 && !unsynced) onBoundary(steps)
    if (membership.skips) return pretend(f, variables, compute, reduces)

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
    const membership = options.membership()
    const specs: VariableSpec[] = []
    for (const [at, gradient] of grads.entries()) {
      const variable = variables[at]
      if (gradient === null || gradient === undefined || variable === undefined) continue
      specs.push({ name: plainName(variable.name), shape: variable.shape, dtype: 'float32' })
    }
    const manifest = createManifest(specs)
    // Behind the gradients, and exact: the statistics, the loss, and whether all were given the same data.
    const changed = statistics.changed()
    const length = manifest.length + changed.reduce((sum, one) => sum + one.size, 0) + 1
    const key = manifest.hash.slice(0, 16)
    const vector = fuse.vectorFor(key, length + agreement.length)
    pack(
      grads.filter((gradient) => gradient !== null && gradient !== undefined),
      vector,
    )
    const batch = batchNow ?? tapeBatch ?? 1
    let weight = batch
    if (!allFinite(vector, manifest.length)) {
      const bad = firstNotFinite(vector, manifest)
      if (settings.nonFinite === 'stop') {
        throw problem('GRADIENT_NOT_FINITE', { rank: membership.place?.rank ?? 0, step: steps, ...bad })
      }
      weight = 0
      statistics.putBack()
    }
    pack([...changed, value], vector.subarray(manifest.length))
    if (settings.accumulate > 1) {
      held = accumulated(held, vector, weight)
      weight = held.weight
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
    agreement.write(vector.subarray(length))
    const got = membership.reduce(vector, weight, key, manifest.length)
    steps += 1
    withheld = got === undefined || got.weight === 0
    if (withheld) statistics.putBack()
    statistics.end()
    if (got === undefined || got.weight === 0) return { value, grads }
    agreement.check(got.vector.subarray(length))
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
   * In the place of a step that is over: the function runs once forward, for its side effects. The first time backward too, for the
   * first run takes long, and nobody waits for it yet.
   */
  function pretend(f: () => Tensor, variables: readonly Variable[], compute: Compute, reduces: boolean): Gradients {
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
      options.membership().pass()
      steps += 1
    }
  }

  /** A newcomer passes its second step and those after it without computing anything. */
  function passBatch(model: object, outputs: number): Tensor[] | undefined {
    const membership = options.membership()
    if (!membership.skips || !trainedOnce.has(model)) return undefined
    membership.enter()
    if (!membership.skips) return undefined
    if (local && gradients % settings.syncEvery === 0) settle()
    if (!membership.skips) return undefined
    const micro = gradients % settings.accumulate
    gradients += 1
    passStep(!local && micro === settings.accumulate - 1)
    return Array.from({ length: outputs }, () => tf.scalar(0))
  }

  return {
    get progress() {
      return { step: steps, samples }
    },
    get applies() {
      return !withheld
    },
    samplesToReport() {
      const weight = unreported === 0 ? 1 : unreported
      unreported = 0
      return weight
    },
    compute: computeGradients,
    batch(model, size, outputs, train) {
      const passed = passBatch(model, outputs)
      if (passed !== undefined) return passed
      batchNow = size
      try {
        return train()
      } finally {
        // From here on its optimizer has made the variables that it keeps.
        if (!withheld) trainedOnce.add(model)
        batchNow = undefined
      }
    },
    settle,
  }
}
