/** Seeded randomness: the only randomness in pure code. */
export { createRandom, deriveSeed } from './generator.ts'
export { largestPermutation, permutation } from './permutation.ts'
export type { Random } from './random.ts'
