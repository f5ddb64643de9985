/** Buffers of reductions: results, encoding errors, and the memory in which the next vector is best put. */
import type { Encoding } from './encoding.ts'
import { chunkElementsFor } from './plan.ts'
import { groupElements, type Workspace } from './workspace.ts'

export interface Vectors {
  /** Used by turns: the last result stays while the next one comes into being (I4 of ring.ts). */
  readonly results: readonly [Float32Array, Float32Array]
  /** The error of encodings so far, one element each. */
  readonly residual: Float32Array | undefined
  readonly next: Float32Array
  /** Elements of a chunk. */
  readonly chunkElements: number
}

/** The most keys that are kept. */
const keysAtMost = 8
/** How many of their vectors there are at most. */
export const vectorsAtMost = 4 * keysAtMost

/** The buffers of a key, made when the key is new: a training function with several optimizers reduces several vectors by turns. */
export function createVectors(
  space: Workspace,
  members: number,
  chunkBytes: number,
): (key: string, length: number, encoding: Encoding) => Vectors {
  const kept = new Map<string, Vectors>()
  return (key, length, encoding) => {
    const known = kept.get(key)
    if (known?.next.length === length) return known
    const made: Vectors = {
      results: [space.allocate(length), space.allocate(length)],
      residual: encoding.feedback ? space.allocate(length) : undefined,
      next: space.allocate(length),
      chunkElements: chunkElementsFor(length, members, chunkBytes, groupElements, (range) => encoding.bytesFor(range)),
    }
    kept.set(key, made)
    for (const old of kept.keys()) if (kept.size > keysAtMost) kept.delete(old)
    return made
  }
}
