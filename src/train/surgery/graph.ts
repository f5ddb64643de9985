/** A tfjs model as a graph of its symbolic tensors: who feeds whom. Layers that other models share are seen by this model's nodes only. */
import type { layers, LayersModel, SymbolicTensor } from '@tensorflow/tfjs'

export type Layer = layers.Layer
export type Node = Layer['inboundNodes'][number]

/** The call of a layer that made a tensor. */
export function nodeOf(tensor: SymbolicTensor): Node | undefined {
  return tensor.sourceLayer.inboundNodes[tensor.nodeIndex]
}

function isInput(model: LayersModel, tensor: SymbolicTensor): boolean {
  return model.inputs.some(({ id }) => id === tensor.id)
}

/** Tensors that a tensor is made from, itself among them, as far as the model's inputs. */
export function ancestorsOf(model: LayersModel, tensor: SymbolicTensor): Map<number, SymbolicTensor> {
  const found = new Map<number, SymbolicTensor>()
  const open = [tensor]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next.id)) continue
    found.set(next.id, next)
    if (!isInput(model, next)) open.push(...(nodeOf(next)?.inputTensors ?? []))
  }
  return found
}

/** The names of the layers that can be left out, in the model's order. */
export function layerNames(model: LayersModel): string[] {
  return model.layers.filter((layer) => layer.getClassName() !== 'InputLayer').map(({ name }) => name)
}

/** The layers behind the output of `from`, up to and with `to`; undefined where no way leads from the one to the other. */
export function layersBetween(model: LayersModel, from: string, to: string): string[] | undefined {
  const all = new Map<number, SymbolicTensor>()
  for (const output of model.outputs) for (const [id, tensor] of ancestorsOf(model, output)) all.set(id, tensor)
  const madeBy = (name: string) => [...all.values()].filter(({ sourceLayer }) => sourceLayer.name === name)
  const starts = new Set(madeBy(from).map(({ id }) => id))
  const names = new Set<string>()
  for (const end of madeBy(to)) {
    for (const tensor of ancestorsOf(model, end).values()) {
      if (starts.has(tensor.id) || isInput(model, tensor)) continue
      const before = [...ancestorsOf(model, tensor).keys()]
      if (before.some((id) => starts.has(id))) names.add(tensor.sourceLayer.name)
    }
  }
  if (names.size === 0) return undefined
  return layerNames(model).filter((name) => names.has(name))
}

export const shapeText = (shapes: readonly (readonly (number | null)[])[]): string =>
  shapes.map((shape) => `[${shape.map((size) => size ?? '-').join(',')}]`).join(' and ')
