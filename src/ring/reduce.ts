/**
 * The sum of one chunk.
 * I1 The local gradient is read, never written: a step that failed can be run again with it.
 * I2 A rank without samples adds nothing, whatever its gradient holds.
 */
import type { Encoding } from './encoding.ts'
import { block, kernel } from './kernels.ts'
import type { Range } from './plan.ts'

/**
 * `into[range] = (own[range] * weight + payload) * factor`. The factor is 1 until the last hop, and there one over the sum of all
 * weights, which makes the weighted mean of the sum. `own` and `into` may be the same.
 */
export function accumulate(
  encoding: Encoding,
  payload: Uint8Array,
  own: Float32Array,
  weight: number,
  factor: number,
  into: Float32Array,
  range: Range,
): void {
  encoding.decodeBlocks(payload, range, (from, count) => {
    const first = range.start + from
    if (weight === 0) block.source.fill(0, 0, count)
    else block.source.set(own.subarray(first, first + count))
    kernel.mix(4 * count, weight, factor)
    into.set(block.source.subarray(0, count), first)
  })
}

/** `into[range] = own[range] * weight` */
export function contribution(own: Float32Array, weight: number, into: Float32Array, { start, end }: Range): void {
  if (weight === 0) into.fill(0, start, end)
  else if (weight === 1) into.set(own.subarray(start, end), start)
  else for (let at = start; at < end; at += 1) into[at] = (own[at] as number) * weight
}
