/**
 * Takes layers out of a model and joins what stays: a new model, with new layers of the same configuration and names.
 * I1 What cannot be joined is refused with the reason and the shapes; never does the base come back in place of what was asked.
 * I2 The model still ends in the same shapes and takes the same inputs.
 * I3 A layer is bypassed: what it was fed feeds what it fed. A branch of which nothing stays, beside others from the same fork, is
 *    cut; a merge that is left with one input is passed through.
 */
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs'
import { describe, isProblem, problem } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import { ancestorsOf, layerNames, nodeOf, shapeText, type Layer, type Node } from './graph.ts'
import { compileLike, copyOf, copyWeights } from './copy.ts'

export interface RemoveOptions {
  /** What stays keeps its weights, where their shapes stay. Default: it starts anew. */
  readonly keepWeights?: boolean
}

/** Throws SURGERY_REFUSED. */
export function removeLayers(
  tf: Tf,
  model: LayersModel,
  names: readonly string[],
  options: RemoveOptions = {},
): LayersModel {
  const refuse = (reason: string) => problem('SURGERY_REFUSED', { layers: names.join(', '), reason })
  if (model.outputs.length === 0) throw refuse('the model has no input shape yet')
  const known = layerNames(model)
  for (const name of names) {
    if (!known.includes(name)) throw refuse(`there is no layer ${name}; there are ${known.join(', ')}`)
  }
  for (const output of model.outputs) {
    if (!names.includes(output.sourceLayer.name)) continue
    const before = shapeText((nodeOf(output)?.inputTensors ?? []).map(({ shape }) => shape))
    const place = `${output.sourceLayer.name} is an output layer`
    throw refuse(`${place}: without it the model would end in ${before} instead of ${shapeText([output.shape])}`)
  }
  const gone = new Set(names)
  const copies = new Map<Layer, Layer>()
  const copied = (layer: Layer): Layer => {
    const copy = copies.get(layer) ?? attempt(refuse, `${layer.name} cannot be made anew`, () => copyOf(layer))
    copies.set(layer, copy)
    return copy
  }
  const sequential = model instanceof tf.Sequential || model.getClassName() === 'Sequential'
  const rebuilt = sequential
    ? joinInLine(tf, model, gone, refuse)
    : new Joint(tf, model, gone, copied, refuse).rebuild()
  const [was, is] = [model.outputs, rebuilt.outputs].map((tensors) => shapeText(tensors.map(({ shape }) => shape)))
  if (was !== is) throw refuse(`the model would end in ${is} instead of ${was}`)
  // A sequential model names its output late, and ends in the same layer.
  if (!sequential && model.outputNames.join() !== rebuilt.outputNames.join())
    throw refuse(`the model would end in ${rebuilt.outputNames.join(', ')} instead of ${model.outputNames.join(', ')}`)
  if (options.keepWeights === true) copyWeights(model, rebuilt)
  compileLike(model, rebuilt)
  return rebuilt
}

type Refuse = (reason: string) => Error

function attempt<T>(refuse: Refuse, what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (isProblem(error)) throw error
    throw refuse(`${what}: ${describe(error)}`)
  }
}

/** A sequential model stays one. */
function joinInLine(tf: Tf, model: LayersModel, gone: ReadonlySet<string>, refuse: Refuse): LayersModel {
  const line = tf.sequential({ name: model.name })
  const [input] = model.inputs
  for (const layer of model.layers) {
    if (gone.has(layer.name)) continue
    const first = line.layers.length === 0 && layer.getClassName() !== 'InputLayer'
    const start = first && input !== undefined ? { batchInputShape: input.shape, dtype: input.dtype } : {}
    const fed = line.layers.length === 0 ? (input?.shape ?? []) : (line.outputs[0]?.shape ?? [])
    const was = layer.inboundNodes[0]?.inputTensors.map(({ shape }) => shape) ?? []
    const what = `${layer.name} would get ${shapeText([fed])} instead of ${shapeText(was)}`
    attempt(refuse, what, () => {
      line.add(copyOf(layer, start))
    })
  }
  return line
}

/** A tensor of the new model, and where in the old one it comes from. */
interface Reached {
  readonly tensor: SymbolicTensor
  /** The old tensor that it stands for: behind what was bypassed. */
  readonly origin: SymbolicTensor
  readonly bypassed: boolean
}

const merges = new Set(['Add', 'Average', 'Concatenate', 'Dot', 'Maximum', 'Minimum', 'Multiply'])

/** Walks a functional model from its outputs to its inputs and makes it anew without what is gone. */
class Joint {
  readonly #tf: Tf
  readonly #model: LayersModel
  readonly #gone: ReadonlySet<string>
  readonly #copied: (layer: Layer) => Layer
  readonly #refuse: Refuse
  readonly #inputs = new Map<number, SymbolicTensor>()
  readonly #made = new Map<Node, readonly Reached[]>()

  constructor(tf: Tf, model: LayersModel, gone: ReadonlySet<string>, copied: (layer: Layer) => Layer, refuse: Refuse) {
    this.#tf = tf
    this.#model = model
    this.#gone = gone
    this.#copied = copied
    this.#refuse = refuse
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
    const input = this.#inputs.get(old.id)
    if (input !== undefined) return { tensor: input, origin: old, bypassed: false }
    const node = nodeOf(old)
    if (node === undefined) throw this.#refuse(`${old.name} comes from nowhere in this model`)
    let made = this.#made.get(node)
    if (made === undefined) {
      made = this.#gone.has(old.sourceLayer.name) ? [this.#bypass(old.sourceLayer, node)] : this.#apply(old, node)
      this.#made.set(node, made)
    }
    const reached = made[made.length === 1 ? 0 : old.tensorIndex]
    if (reached === undefined) throw this.#refuse(`${old.name} comes from nowhere in this model`)
    return reached
  }

  #bypass(layer: Layer, node: Node): Reached {
    const fed = distinct(this.#fedTo(node))
    const [only, ...others] = fed
    if (only !== undefined && others.length === 0) return { ...only, bypassed: true }
    const shapes = shapeText(fed.map(({ tensor }) => tensor.shape))
    throw this.#refuse(`${layer.name} merges ${shapes}, and nothing says which of them takes its place`)
  }

  #apply(old: SymbolicTensor, node: Node): Reached[] {
    const layer = old.sourceLayer
    const merge = merges.has(layer.getClassName())
    const fed = merge ? this.#fedTo(node) : node.inputTensors.map((tensor) => this.#reach(tensor))
    const [only] = fed
    if (merge && fed.length === 1 && only !== undefined) {
      if (layer.getClassName() === 'Dot') throw this.#refuse(`${layer.name} needs two inputs, and one is left`)
      return [{ tensor: only.tensor, origin: old, bypassed: false }]
    }
    const tensors = fed.map(({ tensor }) => tensor)
    const shapes = [tensors, node.inputTensors].map((list) => shapeText(list.map(({ shape }) => shape)))
    const made = attempt(this.#refuse, `${layer.name} would get ${shapes[0]} instead of ${shapes[1]}`, () =>
      this.#copied(layer).apply(tensors.length === 1 ? (tensors[0] as SymbolicTensor) : tensors, plain(node.callArgs)),
    ) as SymbolicTensor | SymbolicTensor[]
    return (Array.isArray(made) ? made : [made]).map((tensor, index) => ({
      tensor,
      origin: node.outputTensors[index] ?? old,
      bypassed: false,
    }))
  }

  /** What reaches a node, without the branches of which nothing stays (I3). */
  #fedTo(node: Node): Reached[] {
    const fed = node.inputTensors.map((old) => ({ old, reached: this.#reach(old) }))
    const stays = fed.filter(({ old, reached }) => {
      if (!reached.bypassed) return true
      const beside = fed.filter((other) => other.old !== old)
      return !beside.some((other) => ancestorsOf(this.#model, other.old).has(reached.origin.id))
    })
    return (
      stays.length > 0 ? stays.map(({ reached }) => reached) : distinct(fed.map(({ reached }) => reached))
    ).slice()
  }
}

function distinct(fed: readonly Reached[]): Reached[] {
  return fed.filter(({ tensor }, index) => fed.findIndex((other) => other.tensor.id === tensor.id) === index)
}

/** The arguments of a call without tensors of the old model; these are among its inputs. */
function plain(callArgs: Node['callArgs'] | undefined): Record<string, unknown> {
  const isPlain = (value: unknown): boolean =>
    Array.isArray(value)
      ? value.every(isPlain)
      : typeof value !== 'object' || value === null || !('sourceLayer' in value)
  return Object.fromEntries(Object.entries(callArgs ?? {}).filter(([, value]) => isPlain(value)))
}
