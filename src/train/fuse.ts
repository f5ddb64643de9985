/** Tensors in and out of one vector in shared memory, and what is asked of its numbers. */
import { variableAt, type Manifest } from '../ring/index.ts'
import type { Tf } from './backend.ts'
import type { Tensor, Variable } from './tfjs.ts'

export function pack(values: readonly Tensor[], into: Float32Array): void {
  let offset = 0
  for (const value of values) {
    into.set(value.dataSync() as Float32Array, offset)
    offset += value.size
  }
}

export function assign(tf: Tf, variable: Variable, from: Float32Array, offset: number): void {
  const value = tensorOf(tf, from, offset, variable.shape)
  variable.assign(value)
  value.dispose()
}

/** Out of shared memory, which tfjs must not keep. */
export function tensorOf(tf: Tf, from: Float32Array, offset: number, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1)
  const copy = new Float32Array(size)
  copy.set(from.subarray(offset, offset + size))
  return tf.tensor(copy, [...shape], 'float32')
}

/** Gradients that wait for their step: their weighted mean so far. */
export interface Held {
  readonly vector: Float32Array
  readonly weight: number
}

/** With another batch's; one of weight 0 counts nothing, whatever it holds. */
export function accumulated(held: Held | undefined, vector: Float32Array, weight: number): Held {
  if (held === undefined) {
    return { vector: weight === 0 ? new Float32Array(vector.length) : Float32Array.from(vector), weight }
  }
  if (weight === 0) return held
  const total = held.weight + weight
  const share = weight / total
  for (let i = 0; i < vector.length; i += 1) {
    const before = held.vector[i] as number
    held.vector[i] = before + ((vector[i] as number) - before) * share
  }
  return { vector: held.vector, weight: total }
}

export function allFinite(vector: Float32Array, length: number): boolean {
  // Finite numbers add nothing to this sum, others make it NaN: no branch in the loop.
  let sum = 0
  for (let i = 0; i < length; i += 1) {
    const value = vector[i] as number
    sum += value - value
  }
  return sum === 0
}

export function firstNotFinite(vector: Float32Array, manifest: Manifest): { variable: string; value: number } {
  const at = vector.findIndex((value) => !Number.isFinite(value))
  return { variable: variableAt(manifest, at)?.name ?? '?', value: vector[at] ?? NaN }
}
