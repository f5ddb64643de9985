import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { createRandom, deriveSeed, permutation } from '../../src/random/index.ts'
import { xoshiro128 } from '../../src/random/generator.ts'
import { murmur32 } from '../../src/random/hash.ts'

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)

/** Pearson's statistic against equal chances. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe('the generator', () => {
  it('gives the words of the reference xoshiro128** 1.1 from the state 1, 2, 3, 4', () => {
    // From xoshiro128starstar.c by Blackman and Vigna; the same ten stand in the tests of Rust's rand_xoshiro.
    expect(times(10, xoshiro128([1, 2, 3, 4]))).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ])
  })

  it('hashes as the reference MurmurHash3_x86_32 does', () => {
    const hash = (text: string, seed: number) => murmur32(new TextEncoder().encode(text), seed)
    // Published vectors: the smhasher wiki, and the table at stackoverflow.com/a/31929528.
    expect(hash('', 0)).toBe(0)
    expect(hash('', 1)).toBe(0x514e28b7)
    expect(hash('', 0xffffffff)).toBe(0x81f16f39)
    expect(hash('test', 0x9747b28c)).toBe(0x704b81dc)
    expect(hash('Hello, world!', 0x9747b28c)).toBe(0x24884cba)
    expect(hash('The quick brown fox jumps over the lazy dog', 0x9747b28c)).toBe(0x2fa826cd)
  })
})

describe('seeded randomness', () => {
  it('never changes: what a log holds must be decided alike by every later version', () => {
    const random = createRandom(1, 2)
    expect([random.uniform(), random.uniform()]).toEqual([0.9151666486847271, 0.6409162407680817])
    expect([random.normal(), random.normal()]).toEqual([-0.39130177803875127, 0.6332851737518918])
    expect([random.integer(10), random.integer(2 ** 50)]).toEqual([9, 1054341465871784])
    expect(deriveSeed('a', 1)).toBe(1148274530)
  })

  it('is the same for the same parts, and another for others', () => {
    const first = (...parts: (number | string)[]) => createRandom(...parts).uniform()
    expect(first(7, 3)).toBe(first(7, 3))
    const seeds = [first(7, 3), first(73), first(3, 7), first('7', 3), first(7, '3'), first('7,3'), first(7, 3, '')]
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it('draws uniform numbers with equal chances in a thousand bins', () => {
    const random = createRandom('uniform')
    const counts = times(1000, () => 0)
    for (let draw = 0; draw < 200_000; draw++) counts[Math.floor(random.uniform() * 1000)]! += 1
    // 999 degrees of freedom: mean 999, standard deviation 45.
    expect(chiSquare(counts)).toBeGreaterThan(999 - 4 * 45)
    expect(chiSquare(counts)).toBeLessThan(999 + 4 * 45)
  })

  it('draws whole numbers with equal chances, also below what is no power of two', () => {
    const random = createRandom('integer')
    for (const below of [3, 7, 100]) {
      const counts = times(below, () => 0)
      for (let draw = 0; draw < 1000 * below; draw++) counts[random.integer(below)]! += 1
      expect(chiSquare(counts)).toBeLessThan(below - 1 + 4 * Math.sqrt(2 * below))
    }
  })

  it('has no bias towards the low half below two thirds of 2^32, where a plain remainder has twice the chance', () => {
    const random = createRandom('bias')
    const below = 2 ** 33 / 3 - 2 / 3
    const low = times(20_000, () => random.integer(below)).filter((value) => value < below / 2).length
    expect(Math.abs(low / 20_000 - 0.5)).toBeLessThan(4 * 0.0036)
  })

  it('draws normal numbers: their mean, variance, skewness and kurtosis', () => {
    const random = createRandom('normal')
    const values = times(100_000, () => random.normal())
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length
    // Standard errors: 1, 2, 15 and 96 over n, square root.
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / 1e5))
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / 1e5))
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / 1e5))
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / 1e5))
  })

  it('refuses a range that is none', () => {
    for (const below of [0, -1, 1.5, NaN, 2 ** 54]) expect(() => createRandom(1).integer(below)).toThrow(RangeError)
  })

  it('keeps whole numbers below their limit', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 53 - 1 }), (seed, below) => {
        const value = createRandom(seed).integer(below)
        return Number.isSafeInteger(value) && value >= 0 && value < below
      }),
    )
  })
})

describe('a permutation', () => {
  it('takes each index to a place of its own', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer(), (size, seed) => {
        const at = permutation(size, seed)
        const places = new Set(Array.from({ length: size }, (_, index) => at(index)))
        return places.size === size && [...places].every((place) => place >= 0 && place < size)
      }),
    )
  })

  it('stays in range up to 2^52', () => {
    const at = permutation(2 ** 52, 1)
    const places = [0, 1, 2 ** 51, 2 ** 52 - 1].map(at)
    expect(new Set(places).size).toBe(4)
    for (const place of places) expect(Number.isSafeInteger(place) && place >= 0 && place < 2 ** 52).toBe(true)
    expect(() => permutation(2 ** 53, 1)).toThrow(RangeError)
  })

  it('puts the first index anywhere, by the seed', () => {
    const counts = times(10, () => 0)
    for (let seed = 0; seed < 5000; seed++) counts[permutation(10, seed)(0)]! += 1
    // 9 degrees of freedom: 27.9 is exceeded one time in a thousand.
    expect(chiSquare(counts)).toBeLessThan(27.9)
  })
})
