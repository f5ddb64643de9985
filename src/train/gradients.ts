/**
 * The gradients of a training by several: the mean over all ranks in the place of this rank's own.
 * I1 The gradient that is applied is the same on all ranks, and so are the variables after each step.
 * I2 A collective begins only when the outcome of the one before has been applied: the state is whole between any two.
 * I3 Loss and metrics of a batch travel with its gradient, and are the mean over all ranks when user code sees them. With syncEvery
 *    and accumulate they are this rank's own, and the epoch's are the mean.
 * I4 A variable that the loss does not reach has no gradient, in a step that is passed, too.
 */
import { problem, type RingSettings } from '../../protocol/index.ts'
import { createManifest, type VariableSpec } from '../ring/index.ts'
import type { Tf } from './backend.ts'
import type { Agreement } from './dataset/index.ts'
import type { Fact } from './facts.ts'
import { accumulated, allFinite, assign, firstNotFinite, pack, tensorOf, type Held } from './fuse.ts'
import type { BatchOutcome, Compute, Gradients } from './hooks.ts'
import type { Membership } from './membership.ts'
import type { PassedGradients } from './passed-gradients.ts'
import type { Replica } from './replica.ts'
import { watchStatistics, watchStrangers, type Statistics } from './statistics.ts'
import {
  batchOnTape,
  reachedOnTape,
  toldNames,
  type Tensor,
  type TfModel,
  type TfOptimizer,
  type Variable,
  variablesOf,
} from './tfjs.ts'
import type { VariableSync } from './variable-sync.ts'

export interface GradientSteps {
  /** Gradient steps taken or passed, and the samples of this rank in those it took. */
  readonly progress: { readonly step: number; readonly samples: number }
  /** Gradients computed or passed. */
  readonly computed: number
  /** Batches that were passed so far. */
  readonly passed: number
  /** Whether the last one was passed. */
  readonly hasPassed: boolean
  /** Samples since the last call; 1 where there were none. */
  samplesToReport(): number
  /** In the place of tfjs's gradients of `variables`. */
  readonly compute: (f: () => Tensor, variables: readonly Variable[], compute: Compute) => Omit<Gradients, 'kept'>
  /** Around the training on a batch of so many samples. */
  readonly batch: (
    model: TfModel,
    samples: number,
    outputs: number,
    train: () => readonly Tensor[],
  ) => readonly number[] | BatchOutcome
  /** Whether this optimizer is to apply gradients of these variables, by their names, now. */
  apply(optimizer: TfOptimizer, names: readonly string[]): boolean
  /** Averages what may differ between ranks, before anybody looks at the model or a state is taken. */
  settle(): void
}

/** Variables that are trained together: their gradients are accumulated apart from those of others. */
interface Group {
  /** Computed or passed. */
  gradients: number
  held: Held | undefined
}

/** Steps between two comparisons of the replicas. */
const checkEvery = 50

export function createGradientSteps(options: {
  readonly tf: Tf
  readonly settings: RingSettings
  readonly replica: Replica
  readonly membership: () => Membership
  readonly sync: () => VariableSync
  /** Travels behind each gradient. */
  readonly agreement: Agreement
  readonly passedGradients: PassedGradients
  /** Called where the state is whole, at a step that is about to begin. */
  readonly onBoundary: (step: number) => void
  /** Called after a step in which no rank counted: those that had computed it were lost, and newcomers count from their second step on. */
  readonly onEmpty: (step: number) => void
}): GradientSteps {
  const { tf, settings, replica, agreement, passedGradients, onBoundary, onEmpty } = options
  const local = settings.syncEvery > 1
  let gradients = 0
  let steps = 0
  let samples = 0
  let unreported = 0
  let passed = 0
  let hasPassed = false
  /** Calls of an optimizer's applyGradients. */
  let applied = 0
  /** Samples of a batch: fit says it; else the tape tells; else all count alike. */
  let batchNow: number | undefined
  let tapeBatch: number | undefined
  /** The values to tell of the batch under way. */
  let means = new Map<Tensor, number>()
  /** The gradients computed last are not to be applied. */
  let withheld = false
  /** The variables, by name, whose gradients computed last are not to be applied: those of others may be computed before these are. */
  const withheldNames = new Set<string>()
  /** Weights have been stepped by this rank alone since they were averaged. */
  let unsynced = false
  const groups = new Map<string, Group>()
  const groupOf = (variables: readonly Variable[]): Group => {
    const key = variables.map(({ name }) => name).join('\n')
    const known = groups.get(key) ?? { gradients: 0, held: undefined }
    groups.set(key, known)
    return known
  }
  /** Optimizers, and lists of a compiled model's weights. */
  const adopted = new WeakSet<object>()
  let lastGroup: Group | undefined
  /** By optimizer: a model that is compiled anew has another one, or other weights, and trains once more before it passes. */
  const trainedOnce = new WeakMap<
    TfOptimizer,
    { readonly weights: TfModel['collectedTrainableWeights']; group: Group }
  >()

  function settle(): void {
    if (!options.membership().hasBegun || !unsynced) return
    unsynced = false
    options.sync().average()
  }

  /** Called before each gradient, computed or passed: says whether the gradient ends a step with a collective. */
  function begin(group: Group): boolean {
    const membership = options.membership()
    membership.enter()
    if (local && gradients % settings.syncEvery === 0) settle()
    options.sync().takeNew()
    membership.enter()
    gradients += 1
    group.gradients += 1
    hasPassed = false
    return !local && group.gradients % settings.accumulate === 0
  }

  function computeGradients(
    f: () => Tensor,
    variables: readonly Variable[],
    compute: Compute,
  ): Omit<Gradients, 'kept'> {
    const membership = options.membership()
    for (const variable of variables) replica.adopt(variable)
    const group = groupOf(variables)
    lastGroup = group
    const isWhole = [...groups.values()].every((one) => one.gradients % settings.accumulate === 0)
    const reduces = begin(group)
    const isBoundary = isWhole && !unsynced
    if (isBoundary) onBoundary(steps)
    if (membership.skips) return pretend(f, variables, compute, reduces)
    passedGradients.over()

    // Before the forward pass, which changes statistics. One rank alone has nobody to compare with.
    const isChecked = isBoundary && !local && steps % checkEvery === 0 && (membership.place?.members ?? 1) > 1
    const facts: Fact[] = [
      { kind: 'loop', what: `has applied gradients, before its gradient ${gradients - 1}, times:`, value: applied },
      ...(isChecked ? replica.facts() : []),
    ]
    tapeBatch = undefined
    const keep = settings.nonFinite === 'skip'
    let statistics = watchStatistics(tf, replica, keep)
    const adoptChanged = watchStrangers(tf, replica)
    const forward = (): Tensor => {
      const value = f()
      tapeBatch = batchOnTape(tf)
      return value
    }
    let computed = compute(forward)
    adoptChanged()
    // Layers that are built when they are first used have made their weights just now, each rank others.
    if (options.sync().takeNew()) {
      statistics.end()
      statistics = watchStatistics(tf, replica, keep)
      tf.dispose([computed.value, ...computed.grads.filter((one) => one != null)])
      tf.dispose(computed.kept.filter(({ isDisposed }) => !isDisposed))
      computed = compute(forward)
    }
    if (!local) return meanOf(computed, variables, { group, statistics, reduces, facts })
    statistics.end()
    unsynced = true
    steps += 1
    samples += batchNow ?? tapeBatch ?? 1
    withheld = false
    return computed
  }

  function meanOf(
    computed: Gradients,
    variables: readonly Variable[],
    step: {
      readonly group: Group
      readonly statistics: Statistics
      readonly reduces: boolean
      readonly facts: readonly Fact[]
    },
  ): Omit<Gradients, 'kept'> {
    const { group, statistics, reduces, facts } = step
    const membership = options.membership()
    const { value, grads } = computed
    const specs: VariableSpec[] = []
    const names = toldNames(variables)
    for (const [at, gradient] of grads.entries()) {
      const variable = variables[at]
      if (gradient === null || gradient === undefined || variable === undefined) continue
      specs.push({ name: names[at] ?? '?', shape: variable.shape, dtype: 'float32' })
    }
    const manifest = createManifest(specs)
    // Behind the gradients, and exact: the statistics, the loss, the metrics of a batch, and whether all were given the same data.
    const changed = statistics.changed()
    const kept =
      batchNow === undefined ? [] : computed.kept.filter(({ dtype, isDisposed }) => !isDisposed && dtype === 'float32')
    const lossAt = manifest.length + changed.reduce((sum, one) => sum + one.size, 0)
    const end = lossAt + 1 + kept.length
    const key = `${manifest.hash.slice(0, 16)} ${end - manifest.length}`
    const vector = membership.vectorFor(key, end + agreement.length)
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
    pack([...changed, value, ...kept], vector.subarray(manifest.length))
    if (settings.accumulate > 1) {
      group.held = accumulated(group.held, vector, weight)
      weight = group.held.weight
    }
    samples += batch
    unreported += batch
    if (!reduces) {
      statistics.end()
      withheld = true
      return { value, grads: noneOf(grads) }
    }
    if (group.held !== undefined) {
      vector.set(group.held.vector)
      group.held = undefined
    }
    agreement.write(vector.subarray(end, end + agreement.length))
    const doing = `computes gradient ${gradients - 1} (step ${steps})`
    const got = membership.reduce({
      key,
      vector,
      weight,
      exactFrom: manifest.length,
      doing,
      facts: [{ kind: 'loop', what: `${doing} of variables with the digest`, value: key }, ...facts],
      told: [lossAt, end],
    })
    if (got?.weight === 0 && weight > 0) onEmpty(steps)
    steps += 1
    withheld = got === undefined || got.weight === 0
    if (withheld) statistics.putBack()
    statistics.end()
    if (got === undefined || got.weight === 0) return { value, grads: noneOf(grads) }
    agreement.check(got.vector.subarray(end, end + agreement.length))
    let offset = 0
    const mean = grads.map((gradient) => {
      if (gradient === null || gradient === undefined) return gradient
      const one = tensorOf(tf, got.vector, offset, gradient.shape)
      offset += gradient.size
      gradient.dispose()
      return one
    })
    for (const variable of changed) {
      assign(tf, variable, got.vector, offset)
      offset += variable.size
    }
    // I3
    if (batchNow !== undefined && settings.accumulate > 1) return { value, grads: mean }
    means = new Map(kept.map((one, at) => [one, got.vector[lossAt + 1 + at] as number]))
    value.dispose()
    return { value: tensorOf(tf, got.vector, lossAt, []), grads: mean }
  }

  /** In the place of gradients that are not to be applied: whoever does so by hand changes nothing. */
  function noneOf(grads: Gradients['grads']): Gradients['grads'] {
    return grads.map((gradient) => {
      if (gradient === null || gradient === undefined) return gradient
      const zeros = tf.zerosLike(gradient)
      gradient.dispose()
      return zeros
    })
  }

  /**
   * In the place of a step that is over: the function runs once forward, for its side effects and to see which variables the loss
   * reaches. The first time backward too, for the first run takes long, and nobody waits for it yet.
   */
  function pretend(
    f: () => Tensor,
    variables: readonly Variable[],
    compute: Compute,
    reduces: boolean,
  ): Omit<Gradients, 'kept'> {
    let reached: boolean[] = []
    const adoptChanged = watchStrangers(tf, replica)
    const computed = compute(() => {
      const value = f()
      reached = reachedOnTape(tf, variables, value)
      return gradients === 1 ? value : tf.scalar(0)
    })
    tf.dispose([computed.value, ...computed.grads.filter((one) => one != null)])
    adoptChanged()
    options.sync().takeNew()
    const [loss = NaN] = passStep(reduces)
    withheld = !reduces && !local
    // I4
    const grads = variables.map((one, at) => (reached[at] === true ? tf.zerosLike(one) : undefined))
    passedGradients.give(grads)
    return { value: tf.scalar(loss), grads }
  }

  /** The values that the others were told of the step. */
  function passStep(reduces: boolean): ArrayLike<number> & Iterable<number> {
    passed += 1
    hasPassed = true
    if (local) unsynced = true
    if (local || reduces) steps += 1
    return reduces ? options.membership().pass() : []
  }

  /** A model may be older than the training, with what it does not train, too. */
  function adoptModel(model: TfModel): void {
    adoptOptimizer(model.optimizer)
    if (adopted.has(model.collectedTrainableWeights)) return
    adopted.add(model.collectedTrainableWeights)
    for (const weight of model.weights) replica.adopt(weight.read())
  }

  /** Once: what it makes later is no older than the training. */
  function adoptOptimizer(optimizer: TfOptimizer): void {
    if (adopted.has(optimizer)) return
    adopted.add(optimizer)
    for (const one of variablesOf(tf, optimizer)) replica.adopt(one)
  }

  /** A newcomer passes its second step and those after it without computing anything. */
  function passBatch(model: TfModel, outputs: number): readonly number[] | undefined {
    const membership = options.membership()
    membership.enter()
    const known = trainedOnce.get(model.optimizer)
    const group = known?.weights === model.collectedTrainableWeights ? known.group : undefined
    if (!membership.skips || group === undefined) return undefined
    const reduces = begin(group)
    if (!membership.skips) {
      // The step before it is the last one that is over.
      gradients -= 1
      group.gradients -= 1
      return undefined
    }
    applied += 1
    const told = passStep(reduces)
    return Array.from({ length: outputs }, (_, at) => told[at] ?? NaN)
  }

  return {
    get progress() {
      return { step: steps, samples }
    },
    get computed() {
      return gradients
    },
    get passed() {
      return passed
    },
    get hasPassed() {
      return hasPassed
    },
    apply(optimizer, names) {
      adoptOptimizer(optimizer)
      applied += 1
      return !names.some((name) => withheldNames.has(name))
    },
    samplesToReport() {
      const weight = unreported === 0 ? 1 : unreported
      unreported = 0
      return weight
    },
    compute: (f, variables, compute) => {
      const computed = computeGradients(f, variables, compute)
      for (const { name } of variables) {
        if (withheld) withheldNames.add(name)
        else withheldNames.delete(name)
      }
      return computed
    },
    batch(model, size, outputs, train) {
      adoptModel(model)
      const told = passBatch(model, outputs)
      if (told !== undefined) return told
      batchNow = size
      means = new Map()
      const passedBefore = passed
      try {
        const trained = train()
        return { outputs: trained, means }
      } finally {
        // From here on its optimizer has made the variables that it keeps.
        if (!withheld && lastGroup !== undefined) {
          trainedOnce.set(model.optimizer, { weights: model.collectedTrainableWeights, group: lastGroup })
        }
        batchNow = undefined
        if (passed > passedBefore) means = new Map()
      }
    },
    settle,
  }
}
