/**
 * Points of a scrambled Sobol sequence, each computed by its number and nothing kept.
 * Owen's nested uniform scrambling by hashing: B. Burley, "Practical Hash-based Owen Scrambling", JCGT 9(4), 2020, with the
 * permutation of Laine and Karras.
 */
import { deriveSeed } from '../random/index.ts'
import { directions } from './sobol-directions.ts'

export const mostDimensions = directions.length
const bits = 32

/** Direction numbers of a dimension, as 32-bit fractions: bit k of the point's number brings in the k-th. */
function directionsOf(dimension: number): Uint32Array {
  const { polynomial, initial } = directions[dimension] as { polynomial: number; initial: readonly number[] }
  const vectors = new Uint32Array(bits)
  const degree = 31 - Math.clz32(polynomial)
  // The first dimension is the van der Corput sequence.
  if (degree === 0) return vectors.map((_, k) => (1 << (bits - 1 - k)) >>> 0)
  for (let k = 0; k < bits; k++) {
    if (k < degree) {
      vectors[k] = ((initial[k] as number) << (bits - 1 - k)) >>> 0
      continue
    }
    const back = vectors[k - degree] as number
    let vector = back ^ (back >>> degree)
    for (let i = 1; i < degree; i++) {
      if (((polynomial >>> (degree - i)) & 1) === 1) vector ^= vectors[k - i] as number
    }
    vectors[k] = vector >>> 0
  }
  return vectors
}

const tables: Uint32Array[] = []
const table = (dimension: number): Uint32Array => (tables[dimension] ??= directionsOf(dimension))

/** Coordinate of a point of the plain sequence, as a 32-bit fraction. Points are numbered from 0, in the order of binary numbers. */
export function sobolWord(index: number, dimension: number): number {
  const vectors = table(dimension)
  let word = 0
  for (let k = 0, rest = index; rest > 0; k++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1 && k < bits) word ^= vectors[k] as number
  }
  return word >>> 0
}

function reversed(word: number): number {
  let w = word
  w = ((w >>> 1) & 0x55555555) | ((w & 0x55555555) << 1)
  w = ((w >>> 2) & 0x33333333) | ((w & 0x33333333) << 2)
  w = ((w >>> 4) & 0x0f0f0f0f) | ((w & 0x0f0f0f0f) << 4)
  w = ((w >>> 8) & 0x00ff00ff) | ((w & 0x00ff00ff) << 8)
  return ((w >>> 16) | (w << 16)) >>> 0
}

function scrambled(word: number, seed: number): number {
  let w = (reversed(word) + seed) | 0
  w ^= Math.imul(w, 0x6c50b47c)
  w ^= Math.imul(w, 0xb82f1e52)
  w ^= Math.imul(w, 0xc7afe638)
  w ^= Math.imul(w, 0x8d22f6e6)
  return reversed(w >>> 0)
}

/** A scrambled sequence in at most `mostDimensions` dimensions: it gives point `index`, inside (0, 1)^dimensions. */
export function sobolSequence(dimensions: number, seed: number, purpose = 'sobol'): (index: number) => Float64Array {
  const seeds = Array.from({ length: dimensions }, (_, dimension) => deriveSeed(seed, purpose, dimension))
  return (index) =>
    Float64Array.from(seeds, (key, dimension) => (scrambled(sobolWord(index, dimension), key) + 0.5) / 2 ** bits)
}
