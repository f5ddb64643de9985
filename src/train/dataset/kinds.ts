/** The kinds of values in a dataset. tfjs's are told by what they can do, so that those of another copy of tfjs count too. */
import type { Tf } from '../backend.ts'

export type Tensor = ReturnType<Tf['tensor']>
export type Typed = Exclude<NodeJS.TypedArray, BigInt64Array | BigUint64Array>

/** The part of a `tf.data.Dataset` that is used here. */
export interface Dataset {
  readonly size?: number | null
  iterator(): Promise<Elements>
}

export interface Elements {
  next(): Promise<{ value: unknown; done: boolean }>
}

export const isDataset = (value: object): value is Dataset =>
  typeof (value as Partial<Dataset>).iterator === 'function' && 'batch' in value && 'forEachAsync' in value

export const isTensor = (value: object): value is Tensor =>
  'dataId' in value && 'shape' in value && Array.isArray(value.shape) && 'dataSync' in value

export const isTyped = (value: unknown): value is Typed => ArrayBuffer.isView(value) && !(value instanceof DataView)

export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
