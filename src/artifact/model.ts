/**
 * A model of tfjs as one run of bytes (protocol/artifact.ts): the length of its `model.json` (four bytes, the highest first), that
 * `model.json`, and the `weights.bin` that it names. Pure.
 */

/** The file that the weights are in, as `model.json` names it. */
export const weightsFile = 'weights.bin'
export const modelFile = 'model.json'
/** A length in front of the rest. */
export const lengthBytes = 4
/** A longer text is no `model.json`. */
export const modelJsonAtMost = 256 * 2 ** 20

/** The artifacts that tfjs hands to a save handler, without the weights themselves. */
export interface ModelParts {
  readonly modelTopology?: unknown
  readonly weightSpecs?: unknown
  readonly [field: string]: unknown
}

/** The `model.json` that `tf.loadLayersModel('file://…')` reads. */
export function modelJson({ weightSpecs = [], ...rest }: ModelParts): Uint8Array {
  const json = { ...rest, weightsManifest: [{ paths: [weightsFile], weights: weightSpecs }] }
  return new TextEncoder().encode(JSON.stringify(json))
}

/** The head, which stands before the weights. */
export function modelHead(json: Uint8Array): Uint8Array {
  const head = new Uint8Array(lengthBytes + json.length)
  new DataView(head.buffer).setUint32(0, json.length)
  head.set(json, lengthBytes)
  return head
}

/** Makes the artifacts from which tfjs loads a model: the opposite of `modelJson`. */
export function partsOfModel(json: Uint8Array, weights: Uint8Array): ModelParts & { readonly weightData: ArrayBuffer } {
  const { weightsManifest, ...rest } = JSON.parse(new TextDecoder().decode(json)) as {
    readonly weightsManifest: readonly { readonly weights: readonly unknown[] }[]
  } & ModelParts
  const weightSpecs = weightsManifest.flatMap(({ weights: specs }) => specs)
  // A copy that is exactly as large as its buffer.
  return { ...rest, weightSpecs, weightData: new Uint8Array(weights).buffer }
}

/** The two parts of a model that is held whole; undefined: it is none. */
export function splitModel(bytes: Uint8Array): { readonly json: Uint8Array; readonly weights: Uint8Array } | undefined {
  if (bytes.length < lengthBytes) return undefined
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0)
  const end = lengthBytes + length
  if (length > modelJsonAtMost || end > bytes.length) return undefined
  return { json: bytes.subarray(lengthBytes, end), weights: bytes.subarray(end) }
}
