/** A model's layers as they travel, to be drawn. */
import type { LayersModel } from '@tensorflow/tfjs'
import type { LayersGraph } from '../../../protocol/index.ts'
import { visible } from '../../words/index.ts'
import { feedersIn, type Layer } from './graph.ts'
import { weightsOf } from './weights.ts'

/** Larger models are not drawn. */
const mostLayers = 1024

/** undefined: it has too many layers. */
export function graphOf(model: LayersModel): LayersGraph | undefined {
  const feeders = feedersIn(model)
  if (feeders.size > mostLayers) return undefined
  const layers = [...feeders.keys()]
  return layers.map((layer) => ({
    name: nameOf(layer.name),
    type: nameOf(layer.getClassName()),
    parameters: parametersOf(layer),
    fedBy: [...(feeders.get(layer) ?? [])].map((feeder) => layers.indexOf(feeder)).filter((at) => at >= 0),
  }))
}

/** tfjs takes any text for a name. */
const nameOf = (name: string): string => /^.{1,256}/u.exec(visible(name))?.[0] ?? '?'

const parametersOf = (layer: Layer): number =>
  weightsOf(layer).reduce((sum, { shape }) => sum + shape.reduce((size: number, side) => size * (side ?? 1), 1), 0)
