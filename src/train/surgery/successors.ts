/**
 * The layers of the new model, each with the layer of the old one that it takes the place of.
 * I1 Fed with the shapes that it was fed with, a layer stays what it is: its twin shares its variables, or a copy takes them over.
 * I2 Fed with other shapes it is made anew. It keeps its values where they fit. Where they do not, they are drawn again by its
 *    initializers; values that no initializer drew, or that are not trained, are refused, never replaced by random ones.
 */
import type { LayersModel } from '@tensorflow/tfjs'
import type { Tf } from '../backend.ts'
import { CannotJoin, copyOf, settingsLost, settingsOf, twinOf } from './copy.ts'
import { isNested, shapeText, type Layer, type Shape } from './graph.ts'
import { copyTrainable, copyValues, isFrozen, isLoaded, weightsFit, weightsOf, type Weight } from './weights.ts'

/**
 * `share`: the new model takes the old one's place, and its variables. `keep` and `begin`: it stands beside the old one, with
 * variables of its own; they begin with the old one's values, or anew where an initializer drew these.
 */
type Weights = 'share' | 'keep' | 'begin'

export interface SuccessorOptions {
  readonly weights: Weights
  /** A removal that would make a layer begin anew is refused. */
  readonly strict: boolean
}

export class Successors {
  readonly #tf: Tf
  readonly #options: SuccessorOptions
  readonly #copyModel: (model: LayersModel) => LayersModel
  readonly #made = new Map<Layer, Layer>()
  /** Layers that are fed with other shapes than before, as a sentence. */
  readonly fedOtherwise: string[] = []
  /** Differences in the layers that stay. */
  readonly notes: string[] = []
  /** The variables of layers that were made anew, and those that they succeed. */
  readonly #before = new Map<Weight, Weight | undefined>()

  constructor(tf: Tf, options: SuccessorOptions, copyModel: (model: LayersModel) => LayersModel) {
    this.#tf = tf
    this.#options = options
    this.#copyModel = copyModel
  }

  /** undefined: the layer has none yet. */
  made(layer: Layer): Layer | undefined {
    return this.#made.get(layer)
  }

  /** The variable of the old model that one of the new model succeeds: itself where they are shared. */
  succeeded(weight: Weight): Weight | undefined {
    return this.#before.has(weight) ? this.#before.get(weight) : weight
  }

  /**
   * The successor of a layer, joined to what it is fed with by `apply`; a layer that is used several times has one. Throws
   * CannotJoin, or what `apply` throws.
   */
  of<T>(layer: Layer, fed: readonly Shape[], was: readonly Shape[], apply: (successor: Layer) => T): T {
    if (shapeText(fed) !== shapeText(was))
      this.fedOtherwise.push(`${layer.name} would get ${shapeText(fed)} instead of ${shapeText(was)}`)
    const known = this.#made.get(layer)
    if (known !== undefined) return apply(known)
    const same = shapeText(fed) === shapeText(was)
    if (isNested(layer)) {
      if (!same) requireTaken(layer, fed)
      return this.#keep(layer, this.#options.weights === 'share' ? twinOf(layer) : this.#copyModel(layer), apply)
    }
    const shared = this.#options.weights === 'share' && (same || !this.#isBuilt(layer))
    return shared ? this.#keep(layer, twinOf(layer), apply) : this.#remake(layer, same, apply)
  }

  #keep<T>(layer: Layer, successor: Layer, apply: (successor: Layer) => T): T {
    this.#made.set(layer, successor)
    return apply(successor)
  }

  /** Whether its class does something of its own with the shapes that it is fed. */
  #isBuilt(layer: Layer): boolean {
    return layer.build !== this.#tf.layers.Layer.prototype.build || weightsOf(layer).length > 0
  }

  #remake<T>(layer: Layer, same: boolean, apply: (successor: Layer) => T): T {
    const copy = copyOf(layer)
    const settings = settingsOf(this.#tf, copy)
    const applied = this.#keep(layer, copy, apply)
    const lost = settingsLost(this.#tf, layer, settings, copy)
    const fits = weightsFit(layer, copy)
    if (same && !fits) lost.push(`weights of ${shapesOf(copy)} instead of ${shapesOf(layer)}`)
    if (lost.length > 0) {
      const reason = `made anew from its getConfig() it has ${lost.join(', ')}: getConfig() must give all that its constructor takes`
      throw new CannotJoin(`${layer.name} cannot be copied: ${reason}`)
    }
    if (!fits) {
      this.#requireReplaceable(layer, copy)
      this.notes.push(`${layer.name} begins anew: its weights are ${shapesOf(copy)} instead of ${shapesOf(layer)}`)
    }
    copyTrainable(layer, copy)
    const old = weightsOf(layer)
    for (const [index, weight] of weightsOf(copy).entries()) this.#before.set(weight, old[index])
    if (fits && (this.#options.weights !== 'begin' || isLoaded(layer) || isFrozen(layer))) copyValues(layer, copy)
    return applied
  }

  #requireReplaceable(layer: Layer, copy: Layer): void {
    const others = `${layer.name} would need weights of ${shapesOf(copy)} instead of ${shapesOf(layer)}`
    if (isLoaded(layer))
      throw new CannotJoin(`${others}, and these were loaded or set: random ones would take their place`)
    if (isFrozen(layer))
      throw new CannotJoin(`${others}, and it is not trained: random weights would stay in their place`)
    if (this.#options.strict) throw new CannotJoin(`${others}, and the study keeps the weights`)
  }
}

const shapesOf = (layer: Layer) => shapeText(weightsOf(layer).map(({ shape }) => shape))

/** A model within the model takes what its own inputs take. */
function requireTaken(model: LayersModel, fed: readonly Shape[]): void {
  const takes = model.inputs.map(({ shape }) => shape)
  const fits =
    fed.length === takes.length &&
    takes.every((shape, index) => {
      const given = fed[index] ?? []
      return given.length === shape.length && shape.every((size, axis) => size === null || size === given[axis])
    })
  if (!fits)
    throw new CannotJoin(`${model.name} is a model that takes ${shapeText(takes)}, and would get ${shapeText(fed)}`)
}
