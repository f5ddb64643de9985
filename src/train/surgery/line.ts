/** A sequential model without some of its layers: it stays one. */
import type { LayersModel } from '@tensorflow/tfjs'
import type { Tf } from '../backend.ts'
import { CannotJoin } from './copy.ts'
import { isNested, layersIn, type Layer, type Shape } from './graph.ts'
import { joined } from './joint.ts'
import type { Successors } from './successors.ts'
import { switchLike } from './weights.ts'

export function joinInLine(tf: Tf, model: LayersModel, gone: ReadonlySet<Layer>, successors: Successors): LayersModel {
  const line = tf.sequential({ name: model.name })
  const [input] = model.inputs
  if (input === undefined) throw new CannotJoin('the model has no input shape yet')
  const layers = layersIn(model)
  const [first] = layers
  // tfjs joins a model that comes first by its own inputs, and so does this.
  const byItself = first !== undefined && isNested(first) && !gone.has(first) && model.layers[0] === first
  if (!byItself) {
    const { shape: batchInputShape, dtype, sourceLayer } = input
    line.add(tf.layers.inputLayer({ batchInputShape: [...batchInputShape], dtype, name: sourceLayer.name }))
  }
  for (const layer of layers) {
    if (gone.has(layer)) continue
    const fed: Shape[] = [line.outputs[0]?.shape ?? input.shape]
    const was = byItself && layer === first ? [input.shape] : shapesFedTo(layers, layer, input.shape)
    joined(layer, fed, was, () => {
      successors.of(layer, fed, was, (successor) => {
        line.add(successor)
      })
    })
  }
  // The input layer stands among the layers only where the program put it there.
  if (!byItself && model.layers[0] === first) line.layers.shift()
  switchLike(model, line)
  line.build()
  return line
}

function shapesFedTo(layers: readonly Layer[], layer: Layer, input: Shape): Shape[] {
  const before = layers[layers.indexOf(layer) - 1]
  if (before === undefined) return [input]
  return [isNested(before) ? (before.outputs[0]?.shape ?? []) : lastShapeOf(before)]
}

/** Of a layer of a sequential model, which has one output. */
function lastShapeOf(layer: Layer): Shape {
  const shapes = layer.inboundNodes[0]?.outputTensors.map(({ shape }) => shape) ?? []
  return shapes[0] ?? []
}
