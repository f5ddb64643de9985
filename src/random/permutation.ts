/**
 * A seeded permutation of [0, size) that is computed point by point and keeps nothing: a balanced Feistel network of four
 * rounds (Luby and Rackoff, 1988) on the next even number of bits, walked on until it is back in range (Black and Rogaway, 2002).
 */
import { deriveSeed, type SeedPart } from './generator.ts'
import { mix32 } from './hash.ts'

/** The largest size that `permutation` takes. */
export const largestPermutation = 2 ** 52

/** Where each index of [0, size) goes. Throws RangeError for a size that is not a whole number up to 2^52. */
export function permutation(size: number, ...parts: readonly SeedPart[]): (index: number) => number {
  if (!Number.isSafeInteger(size) || size < 0 || size > largestPermutation) throw new RangeError(`permutation(${size})`)
  const half = 2 ** Math.max(1, Math.ceil(Math.log2(Math.max(2, size)) / 2))
  const keys = [0, 1, 2, 3].map((round) => deriveSeed(...parts, 'round', round))
  const once = (index: number): number => {
    let left = Math.floor(index / half)
    let right = index % half
    for (const key of keys) [left, right] = [right, (left ^ (mix32(mix32(right ^ key) + key) & (half - 1))) >>> 0]
    return left * half + right
  }
  return (index) => {
    let at = once(index)
    while (at >= size) at = once(at)
    return at
  }
}
