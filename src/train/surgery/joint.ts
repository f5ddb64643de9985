/**
 * A functional model without some of its layers: walked from its outputs to its inputs and made anew.
 * I1 A layer is bypassed: what it was fed feeds what it fed.
 * I2 A branch of which nothing stays, beside others from the fork where it began, is cut; a merge that is left with one input is
 *    passed through.
 * I3 An initial state that nothing of the right shape can take the place of is left away: the layer begins with its own, zeros.
 */
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs'
import { describe } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import { CannotJoin } from './copy.ts'
import { ancestorsOf, nodeOf, shapesOf, shapeText, type Layer, type Node, type Shape } from './graph.ts'
import type { Successors } from './successors.ts'

/** A tensor of the new model, and where in the old one it comes from. */
interface Reached {
  readonly tensor: SymbolicTensor
  /** The old tensor that it stands for: behind what was bypassed. */
  readonly origin: SymbolicTensor
  /** The old tensors between, which have no successor. */
  readonly bypassed: readonly SymbolicTensor[]
}

/** Whether a layer does nothing but to bring its inputs together. */
export const isMerge = (layer: Layer): boolean => merges.has(layer.getClassName())

const merges = new Set(['Add', 'Average', 'Concatenate', 'Dot', 'Maximum', 'Minimum', 'Multiply'])

/** Does `work`; what it throws is told with the shapes that a layer would get, where these are others than before. */
export function joined<T>(layer: Layer, fed: readonly Shape[], was: readonly Shape[], work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof CannotJoin) throw error
    const [now, before] = [shapeText(fed), shapeText(was)]
    const what = now === before ? `cannot be joined again` : `would get ${now} instead of ${before}`
    throw new CannotJoin(`${layer.name} ${what}: ${describe(error)}`, { cause: error })
  }
}

export class Joint {
  readonly #tf: Tf
  readonly #model: LayersModel
  readonly #gone: ReadonlySet<Layer>
  readonly #successors: Successors
  readonly #inputs = new Map<number, SymbolicTensor>()
  readonly #made = new Map<Node, readonly (Reached | undefined)[]>()

  constructor(tf: Tf, model: LayersModel, gone: ReadonlySet<Layer>, successors: Successors) {
    this.#tf = tf
    this.#model = model
    this.#gone = gone
    this.#successors = successors
  }

  rebuild(): LayersModel {
    const inputs = this.#model.inputs.map((input) => {
      const { shape: batchShape, dtype, sourceLayer } = input
      const fresh = this.#tf.input({ batchShape, dtype, name: sourceLayer.name })
      this.#inputs.set(input.id, fresh)
      return fresh
    })
    const outputs = this.#model.outputs.map((output) => this.#reach(output).tensor)
    return this.#tf.model({ inputs, outputs, name: this.#model.name })
  }

  #reach(old: SymbolicTensor): Reached {
    const reached = this.#find(old)
    if (reached !== undefined) return reached
    const place = `output ${old.tensorIndex} of ${old.sourceLayer.name}`
    throw new CannotJoin(`${place} is used, and nothing that ${old.sourceLayer.name} is fed with can take its place`)
  }

  /** undefined: a state of a layer that is bypassed. */
  #find(old: SymbolicTensor): Reached | undefined {
    const input = this.#inputs.get(old.id)
    if (input !== undefined) return { tensor: input, origin: old, bypassed: [] }
    const node = nodeOf(old)
    if (node === undefined) throw new CannotJoin(`${old.name} comes from nowhere in this model`)
    let made = this.#made.get(node)
    if (made === undefined) {
      made = this.#gone.has(old.sourceLayer) ? [this.#bypass(old.sourceLayer, node)] : this.#apply(old, node)
      this.#made.set(node, made)
    }
    return made[old.tensorIndex]
  }

  /** The tensor that takes the place of a layer's first output; its further outputs, the states, have no successor. */
  #bypass(layer: Layer, node: Node): Reached {
    // States go into a recurrent layer behind its input, and are no candidates for its place.
    const fed = isRecurrent(layer)
      ? node.inputTensors.slice(0, 1).map((old) => this.#reach(old))
      : distinct(this.#fedTo(node))
    const [only, ...others] = fed
    if (only !== undefined && others.length === 0)
      return { ...only, bypassed: [...only.bypassed, ...node.outputTensors] }
    const shapes = shapesOf(fed.map(({ tensor }) => tensor))
    throw new CannotJoin(`${layer.name} merges ${shapes}, and nothing says which of them takes its place`)
  }

  #apply(old: SymbolicTensor, node: Node): Reached[] {
    const layer = old.sourceLayer
    const merge = isMerge(layer)
    const fed = merge ? this.#fedTo(node) : this.#inputsOf(layer, node)
    const [only] = fed
    if (merge && fed.length === 1 && only !== undefined) {
      if (layer.getClassName() === 'Dot') throw new CannotJoin(`${layer.name} needs two inputs, and one is left`)
      return [{ tensor: only.tensor, origin: old, bypassed: [] }]
    }
    const tensors = fed.map(({ tensor }) => tensor)
    const [now, was] = [tensors, node.inputTensors.slice(0, tensors.length)].map((list) =>
      list.map(({ shape }) => shape),
    )
    const made = joined(layer, now ?? [], was ?? [], () =>
      this.#successors.of(layer, now ?? [], was ?? [], (successor) =>
        successor.apply(tensors.length === 1 ? (tensors[0] as SymbolicTensor) : tensors, plain(node.callArgs)),
      ),
    ) as SymbolicTensor | SymbolicTensor[]
    return (Array.isArray(made) ? made : [made]).map((tensor, index) => ({
      tensor,
      origin: node.outputTensors[index] ?? old,
      bypassed: [],
    }))
  }

  /** The inputs of a layer; the initial states of a recurrent one only if all of them are there in their shapes (I3). */
  #inputsOf(layer: Layer, node: Node): Reached[] {
    if (!isRecurrent(layer)) return node.inputTensors.map((old) => this.#reach(old))
    const [input, ...states] = node.inputTensors
    const found = states.flatMap((old) => {
      const reached = this.#find(old)
      return reached !== undefined && shapesOf([reached.tensor]) === shapesOf([old]) ? [reached] : []
    })
    const start = input === undefined ? [] : [this.#reach(input)]
    if (found.length === states.length) return [...start, ...found]
    this.#successors.notes.push(`${layer.name} begins with a state of its own, zeros`)
    return start
  }

  /** The tensors that reach a node, without branches of which nothing stays (I2). */
  #fedTo(node: Node): Reached[] {
    const fed = node.inputTensors.map((old) => ({ old, reached: this.#reach(old) }))
    const stays = fed.filter(({ old, reached }) => {
      if (reached.bypassed.length === 0) return true
      const beside = fed.filter((other) => other.old !== old)
      // Where the others come by what was bypassed themselves, it was no branch: what they were fed now feeds all of them.
      return !beside.some((other) => ancestorsOf(this.#model, other.old, reached.bypassed).has(reached.origin.id))
    })
    return stays.length > 0 ? stays.map(({ reached }) => reached) : distinct(fed.map(({ reached }) => reached))
  }
}

function distinct(fed: readonly Reached[]): Reached[] {
  return fed.filter(({ tensor }, index) => fed.findIndex((other) => other.tensor.id === tensor.id) === index)
}

/** Layers that take initial states behind their input, and may give their last states behind their output. */
function isRecurrent(layer: Layer): boolean {
  return 'returnState' in layer && 'returnSequences' in layer
}

/** The arguments of a call without tensors of the old model; these are among its inputs. */
function plain(callArgs: Node['callArgs'] | undefined): Record<string, unknown> {
  const isPlain = (value: unknown): boolean =>
    Array.isArray(value)
      ? value.every(isPlain)
      : typeof value !== 'object' || value === null || !('sourceLayer' in value)
  return Object.fromEntries(Object.entries(callArgs ?? {}).filter(([, value]) => isPlain(value)))
}
