/** Whether layers can be taken out of a model, found before any trial: the very same surgery, undone. */
import type { LayersModel } from '@tensorflow/tfjs'
import { isProblem, type LayerRef, type MaggyError } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import { layersIn, type Layer } from './graph.ts'
import { takeOut } from './remove.ts'
import { workOf } from './try-out.ts'
import { weightsOf } from './weights.ts'

/** Multiplications that plain JavaScript does in about ten seconds: beyond them, models are joined here and run in their trials only. */
const mostWork = 1e9

/** Tells before a removal why it would be refused (SURGERY_REFUSED), or what else it would change. */
export type Finding =
  { readonly refused: MaggyError } | { readonly refused?: undefined; readonly notes: readonly string[] }

/** Looks at each of these removals. The model is afterwards what it was. */
export function examine(
  tf: Tf,
  model: LayersModel,
  removals: readonly (readonly LayerRef[])[],
  strict: boolean,
): Finding[] {
  const runs = tf.getBackend() === 'tensorflow' || workOf(model) * removals.length <= mostWork
  const kept = new Set(weightsOf(model))
  return removals.map((refs) => {
    const undo = remember(model)
    try {
      const { left, notes } = takeOut(tf, model, refs, { strict, run: runs })
      for (const weight of weightsOf(left)) if (!kept.has(weight)) weight.dispose()
      return { notes }
    } catch (error) {
      if (isProblem(error, 'SURGERY_REFUSED')) return { refused: error }
      throw error
    } finally {
      undo()
    }
  })
}

/** Layers that go into the new model themselves note who feeds them; the optimizer, in which order its moments stand. */
function remember(model: LayersModel): () => void {
  const nodes = layersIn(model).map((layer: Layer) => ({
    layer,
    inbound: layer.inboundNodes.length,
    outbound: layer.outboundNodes.length,
  }))
  const { optimizer } = model as { optimizer?: object }
  const state = { ...optimizer }
  return () => {
    for (const { layer, inbound, outbound } of nodes) {
      layer.inboundNodes.splice(inbound)
      layer.outboundNodes.splice(outbound)
    }
    if (optimizer !== undefined) Object.assign(optimizer, state)
  }
}
