/**
 * The parts of tfjs that its public interface does not give. With hooks.ts this is all that a training by several knows of tfjs's
 * inside: test/train/tfjs.test.ts holds both to the version that is installed.
 */
import type { Tf } from './backend.ts'

export type Tensor = ReturnType<Tf['tensor']>
export type Variable = ReturnType<Tf['variable']>

interface TapeTensor {
  readonly id: number
  readonly shape: readonly number[]
}

interface TapeNode {
  readonly inputs: Readonly<Record<string, TapeTensor>>
  readonly outputs: readonly TapeTensor[]
}

interface EngineState {
  readonly activeTape?: readonly TapeNode[] | null
  readonly registeredVariables: Readonly<Record<string, Variable>>
}

const stateOf = (tf: Tf): EngineState => (tf.engine() as unknown as { readonly state: EngineState }).state

/** All variables of this process, in the order in which they were made. */
export const registeredVariables = (tf: Tf): Variable[] => Object.values(stateOf(tf).registeredVariables)

/**
 * How many samples a gradient is of: the first dimension of the first tensor on the tape that is neither a variable nor computed.
 * Call it while the tape is open.
 */
export function batchOnTape(tf: Tf): number | undefined {
  const computed = new Set<number>()
  for (const { inputs, outputs } of stateOf(tf).activeTape ?? []) {
    for (const tensor of Object.values(inputs)) {
      if (tensor.shape.length === 0 || computed.has(tensor.id) || isTrainable(tensor)) continue
      return tensor.shape[0]
    }
    for (const output of outputs) computed.add(output.id)
  }
  return undefined
}

const isTrainable = (tensor: object): boolean => 'trainable' in tensor && tensor.trainable === true

/** Those of the variables that the value on the tape depends on: the others have no gradient. Call it while the tape is open. */
export function reachedOnTape(tf: Tf, variables: readonly Variable[], value: Tensor): boolean[] {
  const leadsToValue = new Set<number>([value.id])
  for (const { inputs, outputs } of [...(stateOf(tf).activeTape ?? [])].toReversed()) {
    if (!outputs.some(({ id }) => leadsToValue.has(id))) continue
    for (const { id } of Object.values(inputs)) leadsToValue.add(id)
  }
  return variables.map(({ id }) => leadsToValue.has(id))
}

/** tfjs's own name for the steps that an optimizer has counted. */
const counter = 'iterations_'

/** An optimizer, as far as it is known here: numbers by their names. */
export type TfOptimizer = object

export const iterationsOf = (optimizer: TfOptimizer): number =>
  (optimizer as { readonly [counter]?: number })[counter] ?? 0

export function setIterations(optimizer: TfOptimizer, iterations: number): void {
  Object.assign(optimizer, { [counter]: iterations })
}

/** The numbers that a user may set on an optimizer (learning rate, decay, …), by name. */
export function settingsOf(optimizer: TfOptimizer): [name: string, value: number][] {
  return Object.entries(optimizer).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[0] !== counter,
  )
}

/** Its moments, and the powers that it corrects them by: some are there from the start, the rest once it has applied gradients. */
export function variablesOf(tf: Tf, optimizer: TfOptimizer): Variable[] {
  const isVariable = (value: unknown): value is Variable => value instanceof tf.Variable
  return Object.values(optimizer).flatMap((value: unknown) => {
    if (!Array.isArray(value)) return isVariable(value) ? [value] : []
    return value.map((one: { readonly variable?: unknown } | null) => one?.variable).filter(isVariable)
  })
}

/** Applies gradients at so many times the rate that is set, which stays as it is for whoever reads it, or sets another. */
export function atRateTimes(by: number, optimizer: TfOptimizer, apply: () => void): void {
  // What descends without moments goes by a tensor.
  const one = optimizer as unknown as { learningRate: number; c?: Tensor }
  const { learningRate, c } = one
  one.learningRate = learningRate * by
  if (c !== undefined) one.c = c.mul(by)
  try {
    apply()
  } finally {
    one.learningRate = learningRate
    if (c !== undefined) {
      one.c?.dispose()
      one.c = c
    }
  }
}

/** A variable of a layer. */
interface TfWeight {
  read(): Variable
}

/** The part of a model that `fit`, `fitDataset` and `evaluate` use. */
export interface TfModel {
  readonly metricsTensors: readonly unknown[]
  readonly lossFunctions: readonly unknown[]
  readonly optimizer: TfOptimizer
  readonly weights: readonly TfWeight[]
  /** Those that `fit` trains: another list each time the model is compiled. */
  readonly collectedTrainableWeights: readonly TfWeight[]
  testFunction: (data: readonly Tensor[]) => Tensor[]
  /** loss first, then the metrics. */
  getDedupedMetricsNames(): string[]
}

/** The part of a dataset that `fitDataset` and `evaluateDataset` use. */
export interface TfDataset {
  /** Elements; null: unknown. */
  readonly size?: number | null
  iterator(): Promise<object>
}

/** Whether a callback, or train itself, has set `model.stopTraining`, which can be written only. */
export const stopsTraining = (model: TfModel): boolean => Reflect.get(model, 'stopTraining_') === true

/** Numbers that `evaluate` gives: tfjs has a loss for each output, and then the metrics. */
export const evaluationsOf = (model: TfModel): number => model.lossFunctions.length + model.metricsTensors.length

/** Without the numbers that make a name unique in its process. */
export const plainName = (name: string): string => name.replace(/_?\d+/g, '')

/** What people are told of variables that are numbered alike on all ranks: also where the name alone does not say which one it is. */
export function toldNames(variables: readonly Pick<Variable, 'name' | 'shape'>[]): string[] {
  const plain = variables.map(({ name }) => plainName(name))
  const counts = new Map<string, number>()
  for (const name of plain) counts.set(name, (counts.get(name) ?? 0) + 1)
  return variables.map(({ shape }, at) => {
    const name = plain[at] ?? ''
    const place = `variable ${at + 1} of ${variables.length}`
    if (name === '') return `${place} (no name, shape [${shape.join(', ')}])`
    return counts.get(name) === 1 ? name : `${name} (${place}, shape [${shape.join(', ')}])`
  })
}
