/**
 * The places in tfjs where a training by several differs from one alone. All are put back by the function that is returned.
 * - Every gradient of variables is computed by the engine's `gradients`, whether `fit`, `minimize` or `variableGrads` asks for it:
 *   replaced there, clipping and optimizers of one's own see the mean over all ranks, as if one process had had the whole batch.
 * - `LayersModel.makeTrainFunction` is where fit, fitDataset and trainOnBatch know their batch. The metrics that it returns are
 *   kept by the engine while the loss is computed, so they travel with the gradient.
 * - `LayersModel.makeTestFunction` is what all evaluation runs through: it counts the samples.
 * - `CallbackList.onEpochEnd` is where all callbacks of fit and fitDataset are told of an epoch. The first of them, tfjs's own
 *   logger, makes the epoch's means; the ranks' means are taken right behind it, before History or a callback of the user looks.
 * - `Layer.getWeights` and `setWeights`, a model's, too, are how train keeps weights and puts them back.
 * - The engine's `runKernel` is where all is computed: the greatest or the mean of a shard, which is another one than of all rows, and
 *   what train makes of gradients that are none.
 * - `applyGradients` of each optimizer may be left out (accumulation, a step that is skipped); `incrementIterations` counts.
 */
import type { Tf } from './backend.ts'
import { evaluationsOf, type Tensor, type TfDataset, type TfModel, type TfOptimizer, type Variable } from './tfjs.ts'

export interface Gradients {
  readonly value: Tensor
  readonly grads: (Tensor | null | undefined)[]
  /** Scalars that were kept meanwhile: the metrics of a batch are among them. */
  readonly kept: readonly Tensor[]
}

export type Compute = (f: () => Tensor) => Gradients

export interface BatchOutcome {
  readonly outputs: readonly Tensor[]
  /** The value to tell in the place of a metric. */
  readonly means: ReadonlyMap<Tensor, number>
}

/** Means over samples, and of how many. */
export interface Measured {
  readonly values: readonly number[]
  readonly samples: number
}

/** An epoch of fit or fitDataset, as this process alone sees it. Validation of 0 samples: none. */
export interface Epoch {
  readonly number: number
  readonly trained: Measured
  readonly validated: Measured
}

export interface Hooks {
  /** In the place of the gradients of `variables`; `compute` is tfjs's own, given another function if wanted. */
  gradients(f: () => Tensor, variables: readonly Variable[], compute: Compute): Omit<Gradients, 'kept'>
  /** A batch of so many samples is trained on. Gives the batch's values, loss first, if the batch is trained on; else the values to tell of it. */
  batch(
    model: TfModel,
    samples: number,
    outputs: number,
    train: () => readonly Tensor[],
  ): readonly number[] | BatchOutcome
  /** Around `fit` and `fitDataset`. `args` may be given back changed, and in `fit` x and y, too. */
  fit(
    data: readonly unknown[],
    args: FitArgs,
    fit: (args: FitArgs, data?: readonly unknown[]) => Promise<unknown>,
  ): Promise<unknown>
  /** In the place of a dataset that fitDataset or evaluateDataset reads: an object that nobody else has. */
  reads(dataset: TfDataset): TfDataset
  /** Before a batch is evaluated, by the user or to validate; false: nobody wants to know. */
  tests(): boolean
  /** Values that the user's evaluation had, if it is passed. */
  passEvaluation(outputs: number): readonly number[] | undefined
  /** The values that the user's evaluation gives. */
  evaluated(measured: Measured): readonly number[]
  /** Before any callback of the user is told of an epoch: what it is to be told. Undefined values: nothing. */
  epochEnd(epoch: Epoch): { readonly trained: readonly number[]; readonly validated: readonly number[] | undefined }
  /** After all callbacks were told. */
  epochOver(model: TfModel, epoch: number): void
  /** Gradients are about to be applied, by `apply`. `names`: of their variables. */
  applies(optimizer: TfOptimizer, names: readonly string[], apply: () => void): void
  counted(optimizer: TfOptimizer): void
  /** Train reads weights of a layer, or of a model. */
  gets(weights: readonly Tensor[]): void
  /** Train is about to give a layer, or a model, these weights. */
  sets(layer: string, weights: readonly Tensor[]): void
  /** A number, or a few, are computed of all rows of a tensor. */
  summarizes(kernel: string, rows: Tensor): void
  /** A kernel has made `made` of `inputs`. */
  computed(inputs: object, made: unknown): void
  /** The seed for a dataset that is shuffled without one: the same on all ranks. */
  shuffleSeed(): string
}

export interface FitArgs {
  readonly callbacks?: unknown
  readonly shuffle?: unknown
  readonly epochs?: unknown
  readonly initialEpoch?: unknown
  readonly validationSplit?: unknown
  readonly batchesPerEpoch?: unknown
  readonly validationData?: unknown
  readonly [name: string]: unknown
}

type TfGradients = (
  f: () => Tensor,
  xs: Variable[],
  dy?: unknown,
  allowNoGradients?: boolean,
) => Omit<Gradients, 'kept'>
type Method = (this: unknown, ...args: unknown[]) => unknown
type Logs = Record<string, unknown>

interface TfCallback {
  onEpochEnd(epoch: number, logs: Logs): Promise<void>
  /** Of tfjs's own logger: samples of the epoch. */
  readonly seen?: number
}

export function installHooks(tf: Tf, hooks: Hooks): () => void {
  const undo: (() => void)[] = []
  const replace = (target: object, name: string, make: (original: Method) => Method): void => {
    const table = target as Record<string, Method>
    const own = Object.hasOwn(table, name)
    const original = table[name]
    if (original === undefined) throw new Error(`tfjs ${tf.version.tfjs} has no ${name} where it is wanted`)
    table[name] = make(original)
    undo.push(() => {
      if (own) table[name] = original
      else delete table[name]
    })
  }

  /** Scalars kept while a gradient of a batch is computed; undefined: none is. */
  let keeping: Tensor[] | undefined
  replace(
    tf.engine(),
    'keep',
    (original) =>
      function (this: unknown, tensor) {
        const kept = original.call(this, tensor) as Tensor
        if (kept.shape.length === 0) keeping?.push(kept)
        return kept
      },
  )
  replace(tf.engine(), 'gradients', (original) => {
    const compute = original.bind(tf.engine()) as unknown as TfGradients
    return function (...args) {
      const [f, xs, dy, allowNoGradients] = args as Parameters<TfGradients>
      // `variableGrads` alone lets gradients be missing.
      if (allowNoGradients !== true || dy != null || !xs.every((one) => one instanceof tf.Variable)) {
        return compute(f, xs, dy, allowNoGradients)
      }
      return hooks.gradients(f, xs, (other) => {
        const kept: Tensor[] = []
        keeping = kept
        try {
          return { ...compute(other, xs, dy, allowNoGradients), kept }
        } finally {
          keeping = undefined
        }
      })
    }
  })

  replace(
    tf.engine(),
    'runKernel',
    (original) =>
      function (this: unknown, ...args) {
        const [kernel, inputs, attributes] = args as [string, Record<string, Tensor>, SummaryAttributes?]
        const rows = summaries.has(kernel) ? inputs['x'] : undefined
        if (rows !== undefined && isOfAllRows(rows, attributes)) hooks.summarizes(kernel, rows)
        const made = original.apply(this, args)
        hooks.computed(inputs, made)
        return made
      },
  )

  const model = tf.LayersModel.prototype
  replace(
    model,
    'makeTrainFunction',
    (original) =>
      function (this: unknown) {
        const train = original.call(this) as (data: readonly Tensor[]) => Tensor[]
        const outputs = 1 + (this as TfModel).metricsTensors.length
        return (data: readonly Tensor[]) => {
          const done = hooks.batch(this as TfModel, data[0]?.shape[0] ?? 1, outputs, () => train(data))
          if (!('means' in done)) return done.map((value) => tf.scalar(value))
          return done.outputs.map((output) => {
            const mean = done.means.get(output)
            if (mean === undefined) return output
            output.dispose()
            return tf.scalar(mean)
          })
        }
      },
  )

  /** Samples that a model was evaluated on since they were counted last. */
  const tested = new WeakMap<object, number>()
  replace(
    model,
    'makeTestFunction',
    (original) =>
      function (this: unknown) {
        original.call(this)
        const one = this as TfModel
        const test = one.testFunction
        one.testFunction = (data) => {
          if (!hooks.tests()) return nothing(one)
          tested.set(one, (tested.get(one) ?? 0) + (data[0]?.shape[0] ?? 0))
          return test(data)
        }
      },
  )
  function nothing(one: TfModel): Tensor[] {
    return Array.from({ length: evaluationsOf(one) }, () => tf.scalar(NaN))
  }
  /** tfjs gives nothing at all where there are no samples, and stumbles over it. */
  const outputsOf = (one: TfModel, made: unknown): Tensor[] => {
    const list = (Array.isArray(made) ? made : [made]) as Tensor[]
    return list.length > 0 ? list : nothing(one)
  }
  replace(
    model,
    'testLoop',
    (original) =>
      function (this: unknown, ...args) {
        return outputsOf(this as TfModel, original.apply(this, args))
      },
  )
  /** Data that fitDataset validates with: its evaluations are no calls of the user's. */
  const validating = new WeakSet<object>()
  const ownsCall = (x: unknown): boolean => typeof x === 'object' && x !== null && validating.has(x)
  const told = (values: readonly number[]): Tensor | Tensor[] => {
    const scalars = values.map((value) => tf.scalar(value))
    const [first] = scalars
    return scalars.length === 1 && first !== undefined ? first : scalars
  }
  /** The values to tell in the place of an evaluation, given its values here. */
  const said = (one: TfModel, made: unknown, samples: number): Tensor | Tensor[] => {
    const outputs = outputsOf(one, made)
    const values = outputs.map((output) => output.dataSync()[0] ?? NaN)
    tf.dispose(outputs)
    return told(hooks.evaluated({ values, samples }))
  }
  replace(
    model,
    'evaluate',
    (original) =>
      function (this: unknown, ...args) {
        const one = this as TfModel
        if (ownsCall(args[0])) return original.apply(this, args)
        const passed = hooks.passEvaluation(evaluationsOf(one))
        if (passed !== undefined) return told(passed)
        const before = tested.get(one) ?? 0
        const made = original.apply(this, args)
        const samples = (tested.get(one) ?? 0) - before
        tested.set(one, before)
        return said(one, made, samples)
      },
  )
  replace(
    model,
    'evaluateDataset',
    (original) =>
      async function (this: unknown, ...args) {
        const one = this as TfModel
        const [dataset, ...rest] = args
        const evaluate = async (from: unknown) => await (original.call(this, from, ...rest) as Promise<unknown>)
        if (ownsCall(dataset)) return outputsOf(one, await evaluate(dataset))
        const passed = hooks.passEvaluation(evaluationsOf(one))
        if (passed !== undefined) return told(passed)
        const before = tested.get(one) ?? 0
        const made = await evaluate(isDataset(dataset) ? hooks.reads(dataset) : dataset)
        const samples = (tested.get(one) ?? 0) - before
        tested.set(one, before)
        return said(one, made, samples)
      },
  )
  replace(
    model,
    'fit',
    (original) =>
      async function (this: unknown, ...args) {
        const [x, y, given] = args as [unknown, unknown, FitArgs?]
        return await hooks.fit([x, y], given ?? {}, async (changed, data = [x, y]) => {
          return await original.call(this, ...data, changed)
        })
      },
  )
  replace(
    model,
    'fitDataset',
    (original) =>
      async function (this: unknown, ...args) {
        const [dataset, given] = args as [unknown, FitArgs?]
        // tfjs says itself what is missing.
        if (!isDataset(dataset) || given == null) return await original.apply(this, args)
        const read = hooks.reads(dataset)
        const validationData = marked(given.validationData)
        const fit = async (changed: FitArgs) =>
          await original.call(this, read, validationData === undefined ? changed : { ...changed, validationData })
        return await hooks.fit([read], given, fit)
      },
  )

  /** The same data, as objects that nobody else has. */
  function marked(data: unknown): unknown {
    if (isDataset(data)) {
      const read = hooks.reads(data)
      validating.add(read)
      return read
    }
    if (!Array.isArray(data) || data.length === 0) return undefined
    const [x, ...rest] = data as unknown[]
    const own = x instanceof tf.Tensor ? [x] : Array.isArray(x) ? [...(x as unknown[])] : { ...(x as object) }
    validating.add(own)
    return [own, ...rest]
  }

  const lists = new WeakMap<object, TfModel>()
  const list = tf.CallbackList.prototype
  replace(
    list,
    'setModel',
    (original) =>
      function (this: unknown, given) {
        lists.set(this as object, given as TfModel)
        original.call(this, given)
      },
  )
  replace(
    list,
    'onEpochBegin',
    (original) =>
      async function (this: unknown, ...args) {
        const one = lists.get(this as object)
        if (one !== undefined) tested.delete(one)
        await original.apply(this, args)
      },
  )
  replace(
    list,
    'onEpochEnd',
    (original) =>
      async function (this: unknown, ...args) {
        const [number, logs] = args as [number, Logs]
        const one = lists.get(this as object)
        const [logger, ...others] = (this as { readonly callbacks: readonly TfCallback[] }).callbacks
        if (one === undefined || logger === undefined) {
          await original.apply(this, args)
          return
        }
        await logger.onEpochEnd(number, logs)
        const names = one.getDedupedMetricsNames()
        const valuesOf = (prefix: string) => names.map((name) => numberIn(logs[`${prefix}${name}`]))
        const { trained, validated } = hooks.epochEnd({
          number,
          trained: { values: valuesOf(''), samples: logger.seen ?? 0 },
          validated: { values: valuesOf('val_'), samples: tested.get(one) ?? 0 },
        })
        for (const [at, name] of names.entries()) {
          put(logs, name, trained[at])
          put(logs, `val_${name}`, validated?.[at])
        }
        for (const callback of others) await callback.onEpochEnd(number, logs)
        hooks.epochOver(one, number)
      },
  )

  /** As tfjs has it: a scalar that History disposes of. */
  function put(logs: Logs, name: string, value: number | undefined): void {
    if (value === undefined) return
    const before = logs[name]
    if (before instanceof tf.Tensor) before.dispose()
    logs[name] = tf.keep(tf.scalar(value))
  }

  replace(
    tf.layers.Layer.prototype,
    'getWeights',
    (original) =>
      function (this: unknown, ...args) {
        const weights = original.apply(this, args) as Tensor[]
        hooks.gets(weights)
        return weights
      },
  )
  replace(
    tf.layers.Layer.prototype,
    'setWeights',
    (original) =>
      function (this: unknown, given) {
        hooks.sets((this as { readonly name: string }).name, given as readonly Tensor[])
        original.call(this, given)
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
          hooks.applies(this as TfOptimizer, namesIn(args[0]), () => original.apply(this, args))
        },
    )
  }
  replace(
    base,
    'incrementIterations',
    (original) =>
      function (this: unknown) {
        original.call(this)
        hooks.counted(this as TfOptimizer)
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

/** Kernels that compute less than they are given; by which axes says one attribute or another. */
const summaries = new Set(['Max', 'Min', 'Mean', 'Sum', 'Unique'])

interface SummaryAttributes {
  readonly axis?: number | readonly number[] | null
  readonly reductionIndices?: number | readonly number[] | null
}

function isOfAllRows(tensor: Tensor, { axis, reductionIndices }: SummaryAttributes = {}): boolean {
  const axes = axis ?? reductionIndices
  return axes == null || [axes].flat().some((one) => one === 0 || one === -tensor.rank)
}

/** Gradients come by name, or in a list with their names. */
function namesIn(gradients: unknown): string[] {
  if (Array.isArray(gradients)) return gradients.map(({ name }: { readonly name: string }) => name)
  return Object.keys(gradients ?? {})
}

const isDataset = (value: unknown): value is TfDataset =>
  typeof value === 'object' && value !== null && 'iterator' in value && typeof value.iterator === 'function'

/** A number, or the one in a scalar tensor; NaN: none. */
function numberIn(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'object' || value === null || !('dataSync' in value)) return NaN
  return (value as Tensor).dataSync()[0] ?? NaN
}
