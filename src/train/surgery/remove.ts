/**
 * Takes layers out of a model and joins what stays.
 * I1 A removal whose ends cannot be joined is refused with the reason; never does the base come back in place of what was asked.
 * I2 The model still ends in the same shapes and takes the same inputs.
 * I3 The layers that stay are as they were: their values (successors.ts), which of them are trained, and the compilation.
 */
import type { LayersModel } from '@tensorflow/tfjs'
import { describe, problem, type LayerRef } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import { compileLike } from './compilation.ts'
import { CannotJoin, copyExtras } from './copy.ts'
import { isSequential, layersIn, nodeOf, shapesOf, type Layer } from './graph.ts'
import { isMerge, Joint } from './joint.ts'
import { joinInLine } from './line.ts'
import { layersMeant, refText } from './places.ts'
import { Successors, type SuccessorOptions } from './successors.ts'
import { tryOut } from './try-out.ts'
import { isTrained, switchLike, weightsOf } from './weights.ts'

export interface RemoveOptions {
  /** The layers that stay keep their values, where the shapes stay. Default: values of an initializer are drawn again, others are kept. */
  readonly keepWeights?: boolean
}

/** The model without these layers, beside the one with them, which stays as it is. Throws SURGERY_REFUSED. */
export function removeLayers(
  tf: Tf,
  model: LayersModel,
  names: readonly LayerRef[],
  options: RemoveOptions = {},
): LayersModel {
  const weights = options.keepWeights === true ? 'keep' : 'begin'
  return operate(tf, model, names, { weights, strict: false }, true).left
}

export interface Operated {
  readonly left: LayersModel
  /** Differences in the layers that stay. */
  readonly notes: readonly string[]
}

export interface TakeOutOptions {
  /** No layer may begin anew. */
  readonly strict: boolean
  /** The model is run once, on zeros. */
  readonly run: boolean
}

/**
 * The model without these layers, in place of the one with them: it shares the variables, the optimizer and all layers that need
 * not be made anew, so that what a program holds of them stays its own. Throws SURGERY_REFUSED.
 */
export function takeOut(tf: Tf, model: LayersModel, names: readonly LayerRef[], options: TakeOutOptions): Operated {
  return operate(tf, model, names, { weights: 'share', strict: options.strict }, options.run)
}

function operate(
  tf: Tf,
  model: LayersModel,
  names: readonly LayerRef[],
  options: SuccessorOptions,
  run: boolean,
): Operated {
  const refuse = (reason: string) => problem('SURGERY_REFUSED', { layers: names.map(refText).join(', '), reason })
  const trainable = new Map(weightsOf(model).map((weight) => [weight, weight.trainable]))
  try {
    const { left, fedOtherwise, successors } = without(tf, model, names, options, refuse)
    const fault = run ? tryOut(tf, model, left) : undefined
    if (fault !== undefined) throw refuse([...fedOtherwise, fault].join(', and '))
    for (const weight of weightsOf(left)) {
      weight.trainable = trainable.get(successors.succeeded(weight) ?? weight) ?? weight.trainable
    }
    if (isTrained(model) && !isTrained(left)) throw refuse('nothing that is trained would be left')
    return { left, notes: successors.notes }
  } finally {
    // tfjs switches all variables of a sequential model on when it builds it.
    for (const [weight, on] of trainable) weight.trainable = on
  }
}

interface Left {
  readonly left: LayersModel
  /** Layers that are fed with other shapes than before. */
  readonly fedOtherwise: readonly string[]
  readonly successors: Successors
}

function without(
  tf: Tf,
  model: LayersModel,
  names: readonly LayerRef[],
  options: SuccessorOptions,
  refuse: (reason: string) => Error,
): Left {
  if (!(model instanceof tf.LayersModel))
    throw refuse('the model was made by another copy of tfjs than this process has')
  if (!isPlain(tf, model))
    throw refuse(`the model is of a class of its own (${model.constructor.name}), which may do more than its layers do`)
  if (model.outputs.length === 0) throw refuse('the model has no input shape yet')
  const gone = new Set(layersMeant(model, names, refuse))
  try {
    return rebuild(tf, model, gone, options)
  } catch (error) {
    if (error instanceof CannotJoin) throw refuse(error.message)
    throw refuse(`the model cannot be made without it: ${describe(error)}`)
  }
}

/** A model of tfjs itself; `Functional` is what it calls some that it has loaded. */
function isPlain(tf: Tf, model: LayersModel): boolean {
  const { prototype } = tf.LayersModel
  const parent: unknown = Object.getPrototypeOf(Object.getPrototypeOf(model) as object)
  const own = Object.getPrototypeOf(model) as object
  if (own === prototype || own === tf.Sequential.prototype) return true
  return (
    parent === prototype &&
    model.getClassName() === 'Functional' &&
    Object.getOwnPropertyNames(own).join() === 'constructor'
  )
}

function rebuild(tf: Tf, model: LayersModel, gone: ReadonlySet<Layer>, options: SuccessorOptions): Left {
  requireOutputs(model, gone)
  const successors: Successors = new Successors(tf, options, (nested) => copied(nested))
  const assembled = (one: LayersModel, leftOut: ReadonlySet<Layer>): LayersModel => {
    const left = isSequential(one)
      ? joinInLine(tf, one, leftOut, successors)
      : new Joint(tf, one, leftOut, successors).rebuild()
    switchLike(one, left)
    return left
  }
  const copied = (nested: LayersModel): LayersModel => assembled(nested, new Set())
  const left = assembled(model, gone)
  const [was, is] = [shapesOf(model.outputs), shapesOf(left.outputs)]
  if (was !== is) throw new CannotJoin(`the model would end in ${is} instead of ${was}`)
  requireNames(model, left, gone)
  requireUsed(model, left, gone, successors)
  compileLike(model, left, successors, options.weights === 'share')
  copyExtras(model, left)
  return { left, fedOtherwise: successors.fedOtherwise, successors }
}

/** An output layer can go if the model ends alike without it. */
function requireOutputs(model: LayersModel, gone: ReadonlySet<Layer>): void {
  const ends = isSequential(model) ? layersIn(model).slice(-1) : model.outputs.map(({ sourceLayer }) => sourceLayer)
  for (const [index, end] of ends.entries()) {
    const output = model.outputs[index]
    if (output === undefined || !gone.has(end)) continue
    const before = nodeOf(output)?.inputTensors ?? []
    if (shapesOf(before) === shapesOf([output])) continue
    const instead = `${shapesOf(before)} instead of ${shapesOf([output])}`
    throw new CannotJoin(`${end.name} is an output layer: without it the model would end in ${instead}`)
  }
}

/** Where there are several outputs, losses and metrics are known by the names of the layers that make them. */
function requireNames(model: LayersModel, left: LayersModel, gone: ReadonlySet<Layer>): void {
  const ends = isSequential(model) ? layersIn(model).slice(-1) : model.outputs.map(({ sourceLayer }) => sourceLayer)
  const named = model.outputs.length > 1 || isDictionary(model.loss) || isDictionary(model.metrics)
  if (named) {
    for (const end of ends) {
      if (gone.has(end)) throw new CannotJoin(`${end.name} is an output layer, and its output is known by its name`)
    }
  }
  const distinct = new Set(left.outputs.map(({ id }) => id)).size
  if (distinct < left.outputs.length) throw new CannotJoin('two of its outputs would be the same')
}

/** No layer goes with those that were meant, but a merge that has nothing left to merge. */
function requireUsed(model: LayersModel, left: LayersModel, gone: ReadonlySet<Layer>, successors: Successors): void {
  const idle = layersIn(model).filter((layer) => {
    return !gone.has(layer) && !isMerge(layer) && !left.layers.includes(successors.made(layer) as Layer)
  })
  if (idle.length === 0) return
  const names = idle.map(({ name }) => name).join(', ')
  throw new CannotJoin(`${names} would feed nothing any more; leave them out together, as a group`)
}

function isDictionary(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
