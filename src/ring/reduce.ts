/**
 * The sum of one chunk.
 * I1 The local gradient is read, never written: a step that failed can be run again with it.
 * I2 A rank without samples adds nothing, whatever its gradient holds.
 */
import type { Encoding } from './encoding.ts'
import type { Range } from './plan.ts'

let decoded = new Float32Array(0)

/**
 * `into[range] = (own[range] * weight + payload) * factor`. The factor is 1 until the last hop, and there one over the sum of all
 * weights, which makes the weighted mean of the sum.
 */
export function accumulate(
  encoding: Encoding,
  payload: Uint8Array,
  own: Float32Array,
  weight: number,
  factor: number,
  into: Float32Array,
  { start, end }: Range,
): void {
  if (encoding.exact) {
    const values = new Float32Array(payload.buffer, payload.byteOffset, end - start)
    addBlock(values, own, weight, factor, into, start, end - start)
    return
  }
  // Not into `into`: that may be the sum so far.
  if (decoded.length < end - start) decoded = new Float32Array(end - start)
  encoding.decode(payload, decoded, { start: 0, end: end - start })
  addBlock(decoded, own, weight, factor, into, start, end - start)
}

function addBlock(
  values: Float32Array,
  own: Float32Array,
  weight: number,
  factor: number,
  into: Float32Array,
  start: number,
  count: number,
): void {
  if (weight === 0) {
    for (let i = 0; i < count; i += 1) into[start + i] = (values[i] as number) * factor
    return
  }
  for (let i = 0; i < count; i += 1) {
    into[start + i] = ((own[start + i] as number) * weight + (values[i] as number)) * factor
  }
}

/** `into[range] = own[range] * weight` */
export function contribution(own: Float32Array, weight: number, into: Float32Array, { start, end }: Range): void {
  if (weight === 0) into.fill(0, start, end)
  else if (weight === 1) into.set(own.subarray(start, end), start)
  else for (let at = start; at < end; at += 1) into[at] = (own[at] as number) * weight
}
