/** Layers, weights and compilation of one model, made anew for another. */
import type { LayersModel, Optimizer, Tensor } from '@tensorflow/tfjs'
import type { Layer } from './graph.ts'

type Config = Record<string, unknown>
/** Classes of tfjs can be made from what `getConfig` says. */
interface Made<T> {
  fromConfig(made: unknown, config: Config): T
}

/** A layer of the same class, name and configuration, without weights yet. */
export function copyOf(layer: Layer, instead: Config = {}): Layer {
  const made = layer.constructor as unknown as Made<Layer>
  return made.fromConfig(made, { ...layer.getConfig(), ...instead })
}

/** Weights go from layer to layer by name, where all shapes are the same. */
export function copyWeights(from: LayersModel, to: LayersModel): void {
  const before = new Map(from.layers.map((layer) => [layer.name, layer]))
  for (const layer of to.layers) {
    const known = before.get(layer.name)?.getWeights() ?? []
    const mine = layer.getWeights()
    if (mine.length > 0 && shapesOf(mine) === shapesOf(known)) layer.setWeights(known)
  }
}

const shapesOf = (weights: readonly Tensor[]) => JSON.stringify(weights.map(({ shape }) => shape))

/** The same loss and metrics, and an optimizer of the same settings that has not been used. */
export function compileLike(from: LayersModel, to: LayersModel): void {
  const { optimizer, loss, metrics } = from as { optimizer?: Optimizer } & Pick<LayersModel, 'loss' | 'metrics'>
  if (optimizer === undefined) return
  to.compile({ optimizer: fresh(optimizer), loss, ...(metrics === undefined ? {} : { metrics }) })
}

function fresh(optimizer: Optimizer): Optimizer {
  const made = optimizer.constructor as unknown as Partial<Made<Optimizer>>
  return made.fromConfig === undefined ? optimizer : made.fromConfig(made, optimizer.getConfig())
}
