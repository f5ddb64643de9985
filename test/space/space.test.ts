import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Parameter } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import {
  cardinality,
  contains,
  countOf,
  fromUnit,
  indexOf,
  sample,
  space,
  toUnit,
  validateHparams,
  validateSpace,
  valueAt,
  type ValuesOf,
} from '../../src/space/index.ts'
import { anyParameter, anySpace, finiteParameter } from '../support/spaces.ts'

describe('the builder', () => {
  it('infers what train gets to see', () => {
    const written = {
      lr: space.double(1e-4, 1e-1, { log: true }),
      units: space.integer(32, 256),
      rate: space.discrete([0.1, 0.5]),
      activation: space.categorical(['relu', 'tanh']),
      bias: space.categorical([true, false, null]),
      depth: space.constant(3),
    }
    expectTypeOf<ValuesOf<typeof written>>().toEqualTypeOf<{
      lr: number
      units: number
      rate: 0.1 | 0.5
      activation: 'relu' | 'tanh'
      bias: boolean | null
      depth: 3
    }>()
    expect(validateSpace(written)).toEqual(written)
  })
})

describe('one parameter', () => {
  it('gives only values that it contains, from anywhere in the unit interval', () => {
    fc.assert(
      fc.property(anyParameter, fc.double({ min: 0, max: 1, noNaN: true }), (parameter, unit) =>
        contains({ x: parameter }, { x: fromUnit(parameter, unit) }),
      ),
    )
  })

  it('takes a value to the unit interval and back', () => {
    fc.assert(
      fc.property(finiteParameter, fc.double({ min: 0, max: 1, noNaN: true }), (parameter, unit) => {
        const value = fromUnit(parameter, unit)
        expect(fromUnit(parameter, toUnit(parameter, value))).toEqual(value)
      }),
    )
  })

  it('takes an unstepped double to the unit interval and back, but for rounding', () => {
    for (const parameter of [space.double(-3, 5), space.double(1e-8, 1e3, { log: true })]) {
      for (const unit of [0, 0.1, 0.5, 0.99, 1])
        expect(toUnit(parameter, fromUnit(parameter, unit))).toBeCloseTo(unit, 12)
    }
  })

  it('numbers its values without a gap', () => {
    fc.assert(
      fc.property(finiteParameter, fc.nat(), (parameter, pick) => {
        const index = pick % countOf(parameter)
        expect(indexOf(parameter, valueAt(parameter, index))).toBe(index)
      }),
    )
  })

  it('has the values that people mean by a step, as short decimals', () => {
    const values = (parameter: Parameter) =>
      Array.from({ length: countOf(parameter) }, (_, index) => valueAt(parameter, index))
    expect(values(space.double(0.1, 0.7, { step: 0.1 }))).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    expect(values(space.double(0, 1, { step: 0.3 }))).toEqual([0, 0.3, 0.6, 0.9])
    expect(values(space.double(1e-7, 3e-7, { step: 1e-7 }))).toEqual([1e-7, 2e-7, 3e-7])
    expect(values(space.integer(1, 10, { step: 4 }))).toEqual([1, 5, 9])
    expect(values(space.double(2, 2))).toEqual([2])
  })

  it('accepts low + k * step as any language computes it', () => {
    expect(contains({ x: space.double(0.1, 0.7, { step: 0.1 }) }, { x: 0.1 + 2 * 0.1 })).toBe(true)
    expect(contains({ x: space.double(0.1, 0.7, { step: 0.1 }) }, { x: 0.35 })).toBe(false)
  })

  it('does not overflow at the ends of the number line', () => {
    const wide: Parameter = { type: 'double', low: -8e307, high: 8e307 }
    for (const unit of [0, 0.25, 0.5, 1]) expect(Number.isFinite(fromUnit(wide, unit))).toBe(true)
  })
})

describe('a sample', () => {
  it('lies in its space and depends on the seed alone', () => {
    fc.assert(
      fc.property(anySpace, fc.nat(), (given, seed) => {
        const hparams = sample(given, createRandom(seed))
        expect(validateHparams(given, hparams)).toBe(hparams)
        expect(sample(given, createRandom(seed))).toEqual(hparams)
      }),
    )
  })

  const draw = (parameter: Parameter, count: number) => {
    const random = createRandom('law')
    return Array.from({ length: count }, () => Number(sample({ x: parameter }, random)['x']))
  }

  it('gives every step of a range the same chance, both ends among them', () => {
    const values = draw(space.integer(1, 5), 20_000)
    for (let value = 1; value <= 5; value++) {
      const share = values.filter((each) => each === value).length / values.length
      expect(Math.abs(share - 0.2)).toBeLessThan(4 * Math.sqrt((0.2 * 0.8) / 20_000))
    }
  })

  it('gives every decade the same chance with log', () => {
    const values = draw(space.double(1e-4, 1, { log: true }), 20_000)
    for (const decade of [-4, -3, -2, -1]) {
      const share = values.filter((value) => Math.floor(Math.log10(value)) === decade).length / values.length
      expect(Math.abs(share - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 20_000))
    }
  })

  it('gives a whole number the share of its cell in log space', () => {
    const values = draw(space.integer(1, 100, { log: true }), 50_000)
    for (const value of [1, 2, 10, 100]) {
      const chance = Math.log((value + 0.5) / (value - 0.5)) / Math.log(100.5 / 0.5)
      const share = values.filter((each) => each === value).length / values.length
      expect(Math.abs(share - chance)).toBeLessThan(4 * Math.sqrt((chance * (1 - chance)) / 50_000))
    }
  })
})

describe('the cardinality', () => {
  it('is the product of the counts, and has no end with a double that has no step', () => {
    expect(cardinality({ a: space.integer(1, 3), b: space.categorical(['x', 'y']), c: space.constant(0) })).toBe(6)
    expect(cardinality({ a: space.integer(1, 3), b: space.double(0, 1) })).toBe(Infinity)
    expect(cardinality({})).toBe(1)
  })
})

describe('hparams', () => {
  const given = {
    lr: space.double(0.1, 1),
    units: space.integer(1, 9, { step: 4 }),
    rate: space.discrete([1, 2]),
    kind: space.categorical(['1', null]),
    list: space.constant([1, 'a']),
  }
  const fine = { lr: 0.5, units: 5, rate: 2, kind: null, list: [1, 'a'] }
  const cases: [object, string][] = [
    [{ ...fine, lr: 2 }, 'hparams.lr is 2, outside of 0.1 to 1'],
    [{ ...fine, lr: Number.NaN }, 'hparams.lr is NaN, not a finite number'],
    [{ ...fine, lr: '0.5' }, 'hparams.lr is "0.5", not a finite number'],
    [{ ...fine, units: 5.5 }, 'hparams.units is 5.5, not a whole number'],
    [{ ...fine, units: 6 }, 'hparams.units is 6, not on the steps of 4 from 1'],
    [{ ...fine, rate: 3 }, 'hparams.rate is 3, none of 1, 2'],
    [{ ...fine, kind: 1 }, 'hparams.kind is 1, none of "1", null'],
    [{ ...fine, list: [1] }, 'hparams.list is [1], not [1,"a"]'],
    [{ ...fine, other: 1 }, 'hparams.other is not in the search space'],
    [{ lr: 0.5 }, 'hparams.units is missing'],
    [[], 'hparams is not a map of values by name'],
  ]

  it('pass when they lie in the space', () => {
    expect(validateHparams(given, fine)).toBe(fine)
  })

  for (const [hparams, message] of cases) {
    it(`are refused: ${message}`, () => {
      expect(() => validateHparams(given, hparams)).toThrow(
        expect.objectContaining({ code: 'HPARAMS_INVALID', message }),
      )
    })
  }

  it('are not found on the prototype', () => {
    expect(contains({ toString: space.constant('x') }, {})).toBe(false)
  })
})
