/**
 * The places in tfjs where a training by several differs from one alone. All are put back by the function that is returned.
 * - Every gradient of variables is computed by the engine's `gradients`, whether `fit`, `minimize` or `variableGrads` asks for it:
 *   replaced there, clipping and optimizers of one's own see the mean over all ranks, as if one process had had the whole batch.
 * - `LayersModel.makeTrainFunction` is where fit, fitDataset and trainOnBatch know their batch.
 * - `applyGradients` of each optimizer may be left out (accumulation, a step that is skipped); `incrementIterations` counts.
 */
import type { Tf } from './backend.ts'
import type { CountingOptimizer, Variable } from './replica.ts'

export type Tensor = ReturnType<Tf['tensor']>

export interface Gradients {
  readonly value: Tensor
  readonly grads: (Tensor | null)[]
}

export interface Hooks {
  /** In the place of the gradients of `variables`; `compute` is tfjs's own, given another function if wanted. */
  gradients(f: () => Tensor, variables: readonly Variable[], compute: (f: () => Tensor) => Gradients): Gradients
  /** A batch of so many samples is trained on; `model` says whose. `outputs`: how many numbers come of it. */
  batch(model: object, samples: number, outputs: number, train: () => Tensor[]): Tensor[]
  /** Around `fit` and `fitDataset`. `args` may be given back changed. */
  fit(data: readonly unknown[], args: FitArgs, fit: (args: FitArgs) => Promise<unknown>): Promise<unknown>
  /** Whether gradients are to be applied now. */
  applies(optimizer: CountingOptimizer): boolean
  counted(optimizer: CountingOptimizer): void
  /** The seed for a dataset that is shuffled without one: the same on all ranks. */
  shuffleSeed(): string
}

export interface FitArgs {
  readonly callbacks?: unknown
  readonly shuffle?: unknown
  readonly [name: string]: unknown
}

type Compute = (f: () => Tensor, xs: Variable[], dy?: unknown, allowNoGradients?: boolean) => Gradients
type Method = (this: unknown, ...args: unknown[]) => unknown

interface Model {
  readonly metricsTensors: readonly unknown[]
}

export function installHooks(tf: Tf, hooks: Hooks): () => void {
  const undo: (() => void)[] = []
  const replace = (target: object, name: string, make: (original: Method) => Method): void => {
    const table = target as Record<string, Method>
    const own = Object.hasOwn(table, name)
    const original = table[name]
    if (original === undefined) return
    table[name] = make(original)
    undo.push(() => {
      if (own) table[name] = original
      else delete table[name]
    })
  }

  replace(tf.engine(), 'gradients', (original) => {
    const compute = original.bind(tf.engine()) as unknown as Compute
    return function (...args) {
      const [f, xs, dy, allowNoGradients] = args as Parameters<Compute>
      // `variableGrads` alone lets gradients be missing.
      if (allowNoGradients !== true || dy != null || !xs.every((one) => one instanceof tf.Variable)) {
        return compute(f, xs, dy, allowNoGradients)
      }
      return hooks.gradients(f, xs, (other) => compute(other, xs, dy, allowNoGradients))
    }
  })

  const model = tf.LayersModel.prototype
  replace(
    model,
    'makeTrainFunction',
    (original) =>
      function (this: unknown) {
        const train = original.call(this) as (data: readonly Tensor[]) => Tensor[]
        const outputs = 1 + (this as Model).metricsTensors.length
        return (data: readonly Tensor[]) =>
          hooks.batch(this as object, data[0]?.shape[0] ?? 1, outputs, () => train(data))
      },
  )
  replace(
    model,
    'fit',
    (original) =>
      async function (this: unknown, ...args) {
        const [x, y, given] = args as [unknown, unknown, FitArgs?]
        return await hooks.fit([x, y], given ?? {}, async (changed) => await original.call(this, x, y, changed))
      },
  )
  replace(
    model,
    'fitDataset',
    (original) =>
      async function (this: unknown, ...args) {
        const [dataset, given] = args as [unknown, FitArgs]
        return await hooks.fit([dataset], given, async (changed) => await original.call(this, dataset, changed))
      },
  )

  const base = tf.Optimizer.prototype as object
  for (const kind of Object.values(tf) as unknown[]) {
    if (typeof kind !== 'function' || typeof kind.prototype !== 'object') continue
    const prototype = kind.prototype as object
    if (!Object.prototype.isPrototypeOf.call(base, prototype) || !Object.hasOwn(prototype, 'applyGradients')) continue
    replace(
      prototype,
      'applyGradients',
      (original) =>
        function (this: unknown, ...args) {
          if (hooks.applies(this as CountingOptimizer)) original.apply(this, args)
        },
    )
  }
  replace(
    base,
    'incrementIterations',
    (original) =>
      function (this: unknown) {
        original.call(this)
        hooks.counted(this as CountingOptimizer)
      },
  )
  replace(
    tf.data.Dataset.prototype,
    'shuffle',
    (original) =>
      function (this: unknown, size, seed, ...rest) {
        return original.call(this, size, seed ?? hooks.shuffleSeed(), ...rest)
      },
  )

  return () => {
    for (const step of undo.toReversed()) step()
  }
}
