/**
 * A layer of the new model in place of one of the old.
 * I1 A layer whose configuration does not say all that it was made with is never taken for what it is not: it is refused.
 */
import type { LayersModel } from '@tensorflow/tfjs'
import { describe } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import type { Layer } from './graph.ts'

type Config = Record<string, unknown>
/** Classes of tfjs can be made from what `getConfig` says. */
export interface Made<T> {
  fromConfig(made: unknown, config: Config): T
}

/** Raised by what cannot be joined; the reason is the message. */
export class CannotJoin extends Error {}

/**
 * The same layer in another graph: it shares its variables, and all else that it has, with the one that it stands for. Nothing has
 * to be made anew, so its configuration does not matter.
 */
export function twinOf<L extends Layer>(layer: L): L {
  // A twin cannot reach the private fields of a class: such a layer goes into the other graph itself.
  if (hasPrivates(layer)) return layer
  const twin = Object.assign(Object.create(Object.getPrototypeOf(layer) as object) as L, layer)
  // A model's first node is its own, from its inputs to its outputs; the others are calls.
  twin.inboundNodes = layer.inboundNodes
    .filter(({ inboundLayers }) => inboundLayers.length === 0 && 'layers' in layer)
    .slice(0, 1)
  twin.outboundNodes = []
  Object.assign(twin, { _refCount: 'layers' in layer ? 1 : null })
  return twin
}

/** `#private`, or what compilers make of it. */
const privates = /#[A-Za-z_$]|__private|__classPrivateField|WeakMap|WeakSet/

function hasPrivates(layer: object): boolean {
  for (
    let made: unknown = layer.constructor;
    typeof made === 'function' && made.name !== '';
    made = Object.getPrototypeOf(made)
  ) {
    if (privates.test(Function.prototype.toString.call(made))) return true
  }
  return false
}

/** A layer of the same class, name and configuration, without weights yet. Throws CannotJoin. */
export function copyOf(layer: Layer): Layer {
  const made = layer.constructor as unknown as Made<Layer>
  const config: Config = { ...layer.getConfig() }
  // It is fed by other layers now, or by an input that says so itself.
  delete config['batchInputShape']
  const missed = new Set<string>()
  const watchedConfig = new Proxy(config, {
    get: (target, name) => {
      if (typeof name === 'string' && !(name in target)) missed.add(name)
      return Reflect.get(target, name) as unknown
    },
  })
  try {
    return made.fromConfig(made, watchedConfig)
  } catch (error) {
    const lacks = [...missed].filter((name) => !everyLayers.has(name))
    const reads =
      lacks.length === 0 ? '' : `; its constructor reads ${lacks.join(', ')}, which its getConfig() does not give`
    throw new CannotJoin(`${layer.name} cannot be made anew from its getConfig(): ${describe(error)}${reads}`)
  }
}

/** Entries of its configuration that every layer reads, and need not find. */
const everyLayers = new Set([
  'name',
  'trainable',
  'inputShape',
  'batchInputShape',
  'batchSize',
  'dtype',
  'inputDType',
  'weights',
])

type Simple = string | number | boolean | undefined
const isSimple = (value: unknown): value is Simple =>
  value === undefined || ['string', 'number', 'boolean'].includes(typeof value)

/** A layer's own settings, as far as they are simple values. */
export function settingsOf(tf: Tf, layer: Layer): Map<string, Simple> {
  const common = new Set(Object.keys(tf.layers.flatten({ name: 'maggy_sample' })))
  return new Map(
    Object.entries(layer).filter((entry): entry is [string, Simple] => !common.has(entry[0]) && isSimple(entry[1])),
  )
}

/** Settings that a copy has otherwise than its original; `before`: as its constructor left it. */
export function settingsLost(tf: Tf, original: Layer, before: ReadonlyMap<string, Simple>, copy: Layer): string[] {
  const after = settingsOf(tf, copy)
  return [...settingsOf(tf, original)].flatMap(([name, value]) => {
    if (!before.has(name)) return []
    const [made, built] = [before.get(name), after.get(name)]
    // Fields that are set when the layer is built follow from the shapes that it is fed.
    if (Object.is(made, value) || Object.is(built, value) || (made === undefined && built !== undefined)) return []
    return [`${name} ${String(built)} instead of ${String(value)}`]
  })
}

/** Properties of a model that other models lack: a program has added them. */
export function copyExtras(from: LayersModel, to: LayersModel): void {
  for (const [name, value] of Object.entries(from)) {
    if (!(name in to)) Object.assign(to, { [name]: value as unknown })
  }
}
