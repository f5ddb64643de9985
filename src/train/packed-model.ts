/** A tfjs model as what its save handler is given: the weights as one run of bytes, all else as JSON. */
import type { ModelParts } from '../artifact/index.ts'
import { loadBackend, tfjsHere, type Tf } from './backend.ts'

type Artifacts = Parameters<Parameters<Tf['io']['withSaveHandler']>[0]>[0]

export interface PackedModel {
  readonly weights: Uint8Array
  readonly rest: Omit<Artifacts, 'weightData'>
}

/** Whether it can be asked to save itself. */
export const savesItself = (value: object): value is { save(to: unknown, how: object): Promise<unknown> } =>
  'save' in value && typeof value.save === 'function'

/** undefined: it gave nothing. */
export async function packModel(
  model: { save(to: unknown, how: object): Promise<unknown> },
  includeOptimizer: boolean,
): Promise<PackedModel | undefined> {
  const { tf } = loadBackend()
  let found: PackedModel | undefined
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    const { weightData, ...rest } = artifacts
    found = { weights: joined(weightData ?? new ArrayBuffer(0)), rest }
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
  })
  await model.save(handler, { includeOptimizer })
  return found
}

/** The model that was saved. The object itself is what the user asked for; tfjs's type of it is no part of this package. */
export async function modelFrom<M extends object>(
  parts: ModelParts & { readonly weightData: ArrayBuffer },
): Promise<M> {
  const tf = tfjsHere()
  return (await tf.loadLayersModel(tf.io.fromMemory({ ...(parts as Artifacts) }))) as unknown as M
}

/** One buffer is not copied: models are large. */
function joined(data: ArrayBuffer | readonly ArrayBuffer[]): Uint8Array {
  const parts = (Array.isArray(data) ? data : [data]) as readonly ArrayBuffer[]
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return new Uint8Array(first)
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    all.set(new Uint8Array(part), at)
    at += part.byteLength
  }
  return all
}
