/** A tfjs model as a graph of its symbolic tensors: who feeds whom. Layers that other models share are seen by this model's nodes only. */
import type { layers, LayersModel, Sequential, SymbolicTensor } from '@tensorflow/tfjs'

export type Layer = layers.Layer
export type Node = Layer['inboundNodes'][number]

/** The call of a layer that made a tensor. */
export function nodeOf(tensor: SymbolicTensor): Node | undefined {
  return tensor.sourceLayer.inboundNodes[tensor.nodeIndex]
}

function isInput(model: LayersModel, tensor: SymbolicTensor): boolean {
  return model.inputs.some(({ id }) => id === tensor.id)
}

export function isSequential(model: LayersModel): model is Sequential {
  return model.getClassName() === 'Sequential'
}

/** Models are layers too, where others are made of them. */
export function isNested(layer: Layer): layer is LayersModel {
  return 'layers' in layer && Array.isArray(layer.layers) && 'inputs' in layer
}

/** Tensors that a tensor is made from, itself among them, as far as the model's inputs; on ways that `avoid` none of these. */
export function ancestorsOf(
  model: LayersModel,
  tensor: SymbolicTensor,
  avoid: readonly SymbolicTensor[] = [],
): Map<number, SymbolicTensor> {
  const found = new Map<number, SymbolicTensor>()
  const open = [tensor]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next.id) || avoid.includes(next)) continue
    found.set(next.id, next)
    if (!isInput(model, next)) open.push(...(nodeOf(next)?.inputTensors ?? []))
  }
  return found
}

/** Each layer of the model with those whose outputs it takes. A layer that is called several times is fed by several. */
export function feedersIn(model: LayersModel): Map<Layer, Set<Layer>> {
  if (isSequential(model)) return feedersInLine(model)
  const feeders = new Map(inputsOf(model).map((layer): [Layer, Set<Layer>] => [layer, new Set()]))
  for (const layer of layersIn(model)) feeders.set(layer, new Set())
  const all = new Map<number, SymbolicTensor>()
  for (const output of model.outputs) for (const [id, tensor] of ancestorsOf(model, output)) all.set(id, tensor)
  for (const tensor of all.values()) {
    if (isInput(model, tensor)) continue
    for (const { sourceLayer } of nodeOf(tensor)?.inputTensors ?? []) feeders.get(tensor.sourceLayer)?.add(sourceLayer)
  }
  return feeders
}

/** Its nested models are not tensors' sources: each layer is fed by the one before it. */
function feedersInLine(model: LayersModel): Map<Layer, Set<Layer>> {
  const line = [...inputsOf(model), ...layersIn(model)]
  return new Map(line.map((layer, at) => [layer, new Set(line.slice(Math.max(0, at - 1), at))]))
}

/** A model that has no input shape yet has no inputs. */
const inputsOf = (model: LayersModel): Layer[] =>
  ((model.inputs as SymbolicTensor[] | undefined) ?? [])
    .map(({ sourceLayer }) => sourceLayer)
    .filter((layer) => layer.getClassName() === 'InputLayer')

/** The layers that can be left out, in the model's order: all but those that stand for its inputs. */
export function layersIn(model: LayersModel): Layer[] {
  return model.layers.filter((layer) => layer.getClassName() !== 'InputLayer')
}

/** Their names. */
export function layerNames(model: LayersModel): string[] {
  return layersIn(model).map(({ name }) => name)
}

/** The places of the layers behind the output of the one at `from`, up to and with the one at `to`; undefined where no way leads there. */
export function layersBetween(model: LayersModel, from: number, to: number): number[] | undefined {
  const layers = layersIn(model)
  if (isSequential(model)) {
    // Its nested models are not tensors' sources: the graph of a sequential model goes through them.
    const places = layers.map((_, at) => at).filter((at) => at > from && at <= to)
    return places.length === 0 ? undefined : places
  }
  const all = new Map<number, SymbolicTensor>()
  for (const output of model.outputs) for (const [id, tensor] of ancestorsOf(model, output)) all.set(id, tensor)
  const madeBy = (at: number) => [...all.values()].filter(({ sourceLayer }) => sourceLayer === layers[at])
  const starts = new Set(madeBy(from).map(({ id }) => id))
  const found = new Set<Layer>()
  for (const end of madeBy(to)) {
    for (const tensor of ancestorsOf(model, end).values()) {
      if (starts.has(tensor.id) || isInput(model, tensor)) continue
      const before = [...ancestorsOf(model, tensor).keys()]
      if (before.some((id) => starts.has(id))) found.add(tensor.sourceLayer)
    }
  }
  if (found.size === 0) return undefined
  return layers.flatMap((layer, at) => (found.has(layer) ? [at] : []))
}

export type Shape = readonly (number | null)[]

export const shapesOf = (tensors: readonly { readonly shape: Shape }[]): string =>
  shapeText(tensors.map(({ shape }) => shape))

export const shapeText = (shapes: readonly Shape[]): string =>
  shapes.map((shape) => `[${shape.map((size) => size ?? '-').join(',')}]`).join(' and ')
