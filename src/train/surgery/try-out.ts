/**
 * One forward pass of a model on zeros: what tfjs does not see in shapes, a layer says when it is called. The base tells whether it
 * is the zeros that a layer does not take.
 */
import type { LayersModel, Tensor } from '@tensorflow/tfjs'
import { describe } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import { shapeText } from './graph.ts'
import { partsOf, weightsOf } from './weights.ts'
import type { Layer } from './graph.ts'

/** Sizes to try where a model leaves a size open: for sequences, then for images. */
const openSizes = [8, 32, 128]

/** Why the model does not run, though the base does; undefined where it runs, or where the base says nothing about it. */
export function tryOut(tf: Tf, base: LayersModel, left: LayersModel): string | undefined {
  // A layer that keeps its states from batch to batch would keep those of the zeros.
  if (isStateful(base)) return undefined
  for (const size of hasOpenSizes(base) ? openSizes : [1]) {
    const mine = passOf(tf, left, size)
    if (mine.kind === 'runs' && mine.fits) return undefined
    const its = passOf(tf, base, size)
    if (its.kind === 'throws') continue
    if (mine.kind === 'throws') return mine.reason
    if (mine.shapes !== its.shapes) return `the model would end in ${mine.shapes} instead of ${its.shapes}`
    return undefined
  }
  return undefined
}

type Pass =
  | { readonly kind: 'runs'; readonly shapes: string; /** In the shapes that were foretold. */ readonly fits: boolean }
  | { readonly kind: 'throws'; readonly reason: string }

function passOf(tf: Tf, model: LayersModel, size: number): Pass {
  return tf.tidy((): Pass => {
    try {
      const zeros = model.inputs.map(({ shape, dtype }) =>
        tf.zeros([1, ...shape.slice(1).map((given) => given ?? size)], dtype),
      )
      const made = model.predict(zeros.length === 1 ? (zeros[0] as Tensor) : zeros, { batchSize: 1 })
      const ends = Array.isArray(made) ? made : [made]
      const fits = ends.every(({ shape }, index) => {
        const foretold = model.outputs[index]?.shape.slice(1) ?? []
        return (
          shape.length === foretold.length + 1 &&
          foretold.every((given, axis) => given === null || given === shape[axis + 1])
        )
      })
      return { kind: 'runs', shapes: shapeText(ends.map(({ shape }) => [null, ...shape.slice(1)])), fits }
    } catch (error) {
      return { kind: 'throws', reason: `the model does not run: ${describe(error)}` }
    }
  })
}

const hasOpenSizes = (model: LayersModel) => model.inputs.some(({ shape }) => shape.slice(1).includes(null))

function isStateful(layer: Layer): boolean {
  return layer.stateful || partsOf(layer).some(isStateful)
}

/** Multiplications of one pass, roughly: each weight is used once in each place of a layer's output. */
export function workOf(model: LayersModel): number {
  const places = (layer: Layer) => {
    const sizes = layer.inboundNodes.at(-1)?.outputTensors[0]?.shape.slice(1, -1) ?? []
    return sizes.reduce<number>((product, size) => product * (size ?? 32), 1)
  }
  return model.layers.reduce((sum, layer) => {
    if ('inputs' in layer && 'layers' in layer) return sum + workOf(layer as LayersModel)
    return sum + places(layer) * weightsOf(layer).reduce((count, { shape }) => count + sizeOf(shape), 0)
  }, 0)
}

const sizeOf = (shape: readonly (number | null)[]) => shape.reduce<number>((product, size) => product * (size ?? 1), 1)
