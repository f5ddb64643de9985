/** What holds in every space that is not refused, however odd it is. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode, type HparamValue, type Hparams } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import {
  acceptance,
  cardinality,
  contains,
  countOf,
  cubeOf,
  faultIn,
  fromUnit,
  indexOf,
  sample,
  space,
  toUnit,
  told,
  validateSpace,
  valueAt,
} from '../../src/space/index.ts'
import { takenSpace } from '../support/odd-spaces.ts'

/** Equal to the last bit, 0 and -0 apart. */
const identical = (one: unknown, other: unknown): boolean =>
  typeof one !== 'object' || one === null
    ? Object.is(one, other)
    : Object.keys(one).join() === Object.keys(other as object).join() &&
      Object.entries(one).every(([key, value]) => identical(value, (other as Hparams)[key]))

describe('any space that is not refused', () => {
  it('gives points that lie in it, and that JSON and msgpack bring back to the last bit', () => {
    fc.assert(
      fc.property(takenSpace, fc.nat(), (given, seed) => {
        const hparams = sample(given, createRandom(seed))
        expect(faultIn(given, hparams)).toBeUndefined()
        expect(identical(hparams, decode(encode(hparams)))).toBe(true)
        expect(identical(hparams, JSON.parse(JSON.stringify(hparams)))).toBe(true)
        expect(sample(given, createRandom(seed))).toEqual(hparams)
        expect(cardinality(given)).toBeGreaterThanOrEqual(1)
      }),
      { numRuns: 150 },
    )
  })

  it('numbers the values of each parameter, and finds each of them again', () => {
    fc.assert(
      fc.property(takenSpace, fc.double({ min: 0, max: 1, noNaN: true }), (given, unit) => {
        for (const parameter of Object.values(given)) {
          const value = fromUnit(parameter, unit)
          expect(toUnit(parameter, value)).toBeGreaterThanOrEqual(0)
          expect(toUnit(parameter, value)).toBeLessThanOrEqual(1)
          const { when: _, where: __, ...alone } = parameter
          expect(contains({ x: alone }, { x: value })).toBe(true)
          const count = countOf(parameter)
          if (count === Infinity) continue
          // The unit interval does not tell more values apart than doubles do.
          const isFine = 'log' in parameter && parameter.log && (parameter.step ?? 1) < 1e-12 * parameter.high
          const there = count < 1e12 && !isFine ? [0.3, 1] : []
          for (const share of there) {
            const known = valueAt(parameter, Math.floor(share * (count - 1)))
            expect(fromUnit(parameter, toUnit(parameter, known))).toEqual(known)
          }
          for (const index of [0, Math.floor(unit * (count - 1)), count - 1]) {
            const known: HparamValue = valueAt(parameter, index)
            expect(Object.is(known, -0)).toBe(false)
            expect(indexOf(parameter, known)).toBe(index)
          }
        }
      }),
      { numRuns: 150 },
    )
  })

  it('goes into a cube and comes back', () => {
    fc.assert(
      fc.property(takenSpace, fc.nat(), (given, seed) => {
        const cube = cubeOf(given)
        const hparams = sample(given, createRandom(seed))
        const point = cube.toCube(hparams)
        expect(point.every((value) => value >= 0 && value <= 1)).toBe(true)
        expect(Object.keys(cube.fromCube(point))).toEqual(Object.keys(hparams))
      }),
      { numRuns: 100 },
    )
  })
})

it('a range of one number has one value, which is found again', () => {
  const only = space.double(2, 2)
  expect([countOf(only), valueAt(only, 0), indexOf(only, 2), indexOf(only, 3)]).toEqual([1, 2, 0, undefined])
})

describe('a step', () => {
  it('that is finer than doubles can count is refused at once, with what they can', () => {
    for (const [low, high, step] of [
      [1e16, 1e16 + 100, 1],
      [1e300, 1.1e300, 1e280],
      [-1e17, 0, 9],
      [0, 1e16, 3],
      [1e15, 1e15 + 50, 0.3],
    ] as const) {
      expect(() => validateSpace({ x: space.double(low, high, { step }) })).toThrow(
        /^space\.x\.step is .*(finer than numbers near|too small for the range)/,
      )
    }
    expect(() => validateSpace({ x: space.double(1e15, 1e15 + 100, { step: 1 }) })).not.toThrow()
    expect(() => validateSpace({ n: space.integer(2 ** 53 - 9, 2 ** 53 - 1, { step: 1 }) })).not.toThrow()
  })

  it('never leads to -0', () => {
    const through = validateSpace({ x: space.double(-0.3, 0.3, { step: 0.1 }), y: space.discrete([-0, 1]), z: space.double(-0, 1) })
    const zero = valueAt(through['x'] ?? space.constant(0), 3)
    expect(Object.is(zero, 0)).toBe(true)
    expect(Object.is(valueAt(through['y'] ?? space.constant(1), 0), 0)).toBe(true)
    expect(Object.is(fromUnit(through['z'] ?? space.constant(1), 0), 0)).toBe(true)
  }) // prettier-ignore
})

describe('a constraint that leaves little', () => {
  const within = (s: object, seed = 1) => {
    const given = validateSpace(s)
    const random = createRandom(seed)
    const points = Array.from({ length: 300 }, () => sample(given, random))
    for (const point of points) expect(faultIn(given, point)).toBeUndefined()
    return { given, points }
  }

  it('is counted where the parameters that it names have an end of values, whatever else is in the space', () => {
    const { given, points } = within({
      free: space.double(0, 1),
      a: space.integer(1, 300, { where: [{ sum: { a: 1, b: -1 }, atLeast: 0, atMost: 0 }] }),
      b: space.integer(1, 300),
    })
    expect(told(acceptance(given))).toBe('300 of 90,000 points (counted)')
    // All of them come, about as often as each other.
    expect(new Set(points.map(({ a }) => a)).size).toBeGreaterThan(150)
    expect(new Set(points.map(({ free }) => free)).size).toBe(300)
  })

  it('is counted by turning back early where there are more points than could be gone through', () => {
    const steps = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => {
        const where = [{ sum: { [`x${index - 1}`]: 1, [`x${index}`]: -1 }, atMost: -1 }]
        return [`x${index}`, space.integer(1, 9, index === 0 ? {} : { where })]
      }),
    )
    const { given, points } = within(steps)
    expect(told(acceptance(given))).toBe('1 of 387,420,489 points (counted)')
    expect(points[0]).toMatchObject({ x0: 1, x8: 9 })
  })

  it('is estimated where it names a number without a step, and the estimate says that it is one', () => {
    const { given, points } = within({
      a: space.double(0, 1, { where: [{ sum: { a: 1, b: 1 }, atMost: 0.02 }] }),
      b: space.double(0, 1),
    })
    expect(told(acceptance(given))).toMatch(/^about 0\.0\d+ % of all points \(estimated: \d+ of 100,000 points by chance\)$/)
    // Spread over the corner that is left: its mean is a third of its side.
    const mean = points.reduce((sum, { a }) => sum + Number(a), 0) / points.length
    expect(mean / 0.02).toBeGreaterThan(0.25)
    expect(mean / 0.02).toBeLessThan(0.42)
    expect(new Set(points.map(({ a }) => a)).size).toBe(300)
  }) // prettier-ignore

  it('that leaves nothing is refused: for sure where points can be counted, by an estimate that says so elsewhere', () => {
    const none = (a: object, b: object) => () => validateSpace({ a, b })
    const where = [{ sum: { a: 1, b: 1 }, atMost: 1 }]
    expect(none(space.integer(1, 100, { where }), space.integer(1, 100))).toThrow(
      'space.a.where leaves nothing: none of the 10000 points keeps all constraints',
    )
    expect(none(space.double(1, 2, { where }), space.double(1, 2))).toThrow(
      /none of 100000 points by chance .*estimate/,
    )
  })

  it('of a law is kept to: what is left of a logarithmic range comes as often as the range says', () => {
    const { points } = within({
      n: space.integer(1, 1000, { log: true, where: [{ sum: { n: 1, m: -1 }, atLeast: 0, atMost: 0 }] }),
      m: space.integer(1, 1000, { log: true }),
    })
    const below = points.filter(({ n }) => Number(n) <= 10).length / points.length
    // The chance of n is that of n = m: a square of its share, so small numbers come nearly always.
    expect(below).toBeGreaterThan(0.8)
  })

  it('is kept to the last digits of numbers of any size, and by sums and products that overflow on the way', () => {
    const tiny = validateSpace({
      a: space.double(1e-200, 1e-100, { log: true, where: [{ product: { a: 1, b: 1 }, atMost: 1e-300 }] }),
      b: space.double(1e-200, 1e-100, { log: true }),
    })
    expect(contains(tiny, { a: 1e-120, b: 1e-120 })).toBe(false)
    expect(contains(tiny, { a: 1e-160, b: 1e-160 })).toBe(true)
    const large = validateSpace({
      a: space.double(1e100, 1e200, { log: true, where: [{ product: { a: 1, b: 1, c: -1 }, atMost: 1e300 }] }),
      b: space.double(1e100, 1e200, { log: true }),
      c: space.double(1, 1e100, { log: true }),
    })
    expect(contains(large, { a: 1e180, b: 1e180, c: 1e80 })).toBe(true)
    expect(contains(large, { a: 1e180, b: 1e180, c: 1e10 })).toBe(false)
    const sum = validateSpace({
      a: space.double(0, 1e308, { where: [{ sum: { a: 1000, b: -1000 }, atMost: 0 }] }),
      b: space.double(0, 1e308),
    })
    expect(contains(sum, { a: 1e308, b: 1e308 })).toBe(true)
    expect(contains(sum, { a: 1e308, b: 0.9e308 })).toBe(false)
    expect(contains(sum, { a: 0.9e308, b: 1e308 })).toBe(true)
  })
})
