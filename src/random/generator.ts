/**
 * xoshiro128** 1.1 (Blackman and Vigna, 2018, prng.di.unimi.it), its 128 bits of state hashed from the seed's parts.
 * Own code instead of `pure-rand`: that seeds from 32 bits (two of 10,000 trials would share their numbers one time in a
 * hundred), has no normal law, and the log's promise to repeat every decision must not hang on a library's next version.
 */
import { murmur32 } from './hash.ts'
import type { Random } from './random.ts'

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))
const words = 2 ** 32

type State = readonly [number, number, number, number]

/** Unsigned 32-bit words from a state that is not all zero. */
export function xoshiro128(state: State): () => number {
  let [a, b, c, d] = state
  return () => {
    const word = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return word
  }
}

/** The parts of a seed: an experiment's seed, a trial's number, a purpose. */
export type SeedPart = number | string

const bytesOfParts = (parts: readonly SeedPart[]): Uint8Array => new TextEncoder().encode(JSON.stringify(parts))

/** A whole number in [0, 2^32), the same for the same parts, for ever: murmur3 of the parts as JSON. */
export function deriveSeed(...parts: readonly SeedPart[]): number {
  return murmur32(bytesOfParts(parts), 0)
}

/** Seeded randomness; equal parts give equal numbers, and (3) and ('3') differ. */
export function createRandom(...parts: readonly SeedPart[]): Random {
  const bytes = bytesOfParts(parts)
  const state: State = [murmur32(bytes, 1), murmur32(bytes, 2), murmur32(bytes, 3), murmur32(bytes, 4)]
  const next = xoshiro128(state.every((word) => word === 0) ? [1, 0, 0, 0] : state)
  const high53 = () => (next() >>> 5) * 2 ** 26 + (next() >>> 6)
  let spare: number | undefined

  return {
    uniform: () => high53() / 2 ** 53,
    // Marsaglia's polar method: two at a time.
    normal() {
      if (spare !== undefined) {
        const kept = spare
        spare = undefined
        return kept
      }
      for (;;) {
        const x = (2 * high53()) / 2 ** 53 - 1
        const y = (2 * high53()) / 2 ** 53 - 1
        const square = x * x + y * y
        if (square >= 1 || square === 0) continue
        const scale = Math.sqrt((-2 * Math.log(square)) / square)
        spare = y * scale
        return x * scale
      }
    },
    // Rejects the last, incomplete run of values, so that none is likelier than another.
    integer(below) {
      if (!Number.isSafeInteger(below) || below < 1) throw new RangeError(`integer(${below}): a whole number from 1`)
      const [range, draw] = below <= words ? [words, next] : [2 ** 53, high53]
      const limit = range - (range % below)
      for (;;) {
        const value = draw()
        if (value < limit) return value % below
      }
    },
  }
}
