/**
 * The variables of a layer, whoever holds them, and where their values come from.
 * I1 A value that was written into a variable (a loaded model, `weights:`, `setWeights`) is no initializer's: layers keep it.
 */
import type { layers, LayersModel } from '@tensorflow/tfjs'
import type { Tf } from '../backend.ts'
import type { Layer } from './graph.ts'

export type Weight = Layer['weights'][number]

/** Fields of tfjs's layers that their types do not name. */
interface Inside {
  readonly layers?: readonly Layer[]
  readonly layer?: Layer
  readonly forwardLayer?: Layer
  readonly backwardLayer?: Layer
  readonly cell?: Layer
  readonly cells?: readonly Layer[]
}

const ownTrained = (layer: Layer) => (Reflect.get(layer, '_trainableWeights') ?? []) as readonly Weight[]
const ownOthers = (layer: Layer) => (Reflect.get(layer, '_nonTrainableWeights') ?? []) as readonly Weight[]

/** A layer's own switch: it says nothing of what the layer is made of. */
const isOn = (layer: Layer) => Reflect.get(layer, 'trainable_') as boolean

/** As `trainable = …`, of the layer alone: the layers that it is made of have switches of their own. */
export function switchLike(from: Layer, to: Layer): void {
  Reflect.set(to, 'trainable_', isOn(from))
}

/** The layers that one is made of: of a model, a wrapper, or a recurrent layer. */
export function partsOf(layer: Layer): Layer[] {
  const {
    layers: many = [],
    layer: wrapped,
    forwardLayer,
    backwardLayer,
    cell,
    cells = [],
  } = layer as unknown as Inside
  // A bidirectional layer keeps the one that it was made from, and uses two others.
  const within = forwardLayer === undefined ? wrapped : undefined
  const parts: unknown[] = [...many, within, forwardLayer, backwardLayer, cell, ...cells]
  return parts.filter((part): part is Layer => typeof part === 'object' && part !== null && '_trainableWeights' in part)
}

/** All variables of a layer, in an order that does not depend on which of them are trained. */
export function weightsOf(layer: Layer): Weight[] {
  return [
    ...new Set([...ownTrained(layer), ...ownOthers(layer), ...partsOf(layer).flatMap(weightsOf), ...layer.weights]),
  ]
}

/** Whether something in the layer could be trained and is not to be. */
export function isFrozen(layer: Layer): boolean {
  const [on, own] = [isOn(layer), ownTrained(layer)]
  if (own.length > 0 && (!on || own.some((weight) => !isTrainable(weight)))) return true
  return partsOf(layer).some((part) => (!on && weightsOf(part).length > 0) || isFrozen(part))
}

/** Of its own; the layer's switch stands above it. A variable that was made without saying so has none. */
const isTrainable = ({ trainable }: { readonly trainable?: boolean }) => trainable !== false

const written = new WeakSet<object>()
const watched = Symbol.for('maggy.surgery.watched')

/** From now on it is known which variables are written into. To be called before user code makes or loads a model. */
export function watchWeights(tf: Tf): void {
  const sample: layers.Layer = tf.layers.dense({
    name: 'maggy_sample',
    units: 1,
    useBias: false,
    kernelInitializer: 'zeros',
  })
  sample.build([1, 1])
  const [weight] = sample.weights
  const prototype = Object.getPrototypeOf(weight) as { write: (value: unknown) => unknown; [watched]?: true }
  weight?.dispose()
  if (prototype[watched] === true) return
  const { write } = prototype
  prototype[watched] = true
  prototype.write = function (this: object, value: unknown) {
    written.add(this)
    return write.call(this, value)
  }
}

/** Whether values came into the layer from outside (I1), as far as it was watched. */
export function isLoaded(layer: Layer): boolean {
  return weightsOf(layer).some((weight) => written.has(weight))
}

/** Whether two layers' variables are of the same shapes. */
export function weightsFit(one: Layer, other: Layer): boolean {
  const [a, b] = [weightsOf(one), weightsOf(other)]
  return a.length === b.length && a.every(({ shape }, index) => shape.join() === b[index]?.shape.join())
}

/** The new layer's variables take the values of the old one's; both fit. */
export function copyValues(from: Layer, to: Layer): void {
  const values = weightsOf(from)
  for (const [index, weight] of weightsOf(to).entries()) {
    const value = values[index]?.read()
    if (value !== undefined) weight.write(value)
  }
}

/** Trains the same layers and variables of the new model as of the old one. */
export function copyTrainable(from: Layer, to: Layer): void {
  switchLike(from, to)
  const parts = partsOf(from)
  for (const [index, part] of partsOf(to).entries()) {
    const like = parts[index]
    if (like !== undefined) copyTrainable(like, part)
  }
  const like = ownTrained(from)
  for (const [index, weight] of ownTrained(to).entries()) {
    weight.trainable = like[index]?.trainable ?? weight.trainable
  }
}

/** Whether a model has anything left that training would change. */
export function isTrained(model: LayersModel): boolean {
  return model.trainableWeights.length > 0
}
