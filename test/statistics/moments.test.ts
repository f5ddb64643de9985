import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deviation, mean, midpoint } from '../../src/statistics/index.ts'

const { MAX_VALUE } = Number
const anyFinite = fc.double({ noNaN: true, noDefaultInfinity: true })

describe('means and deviations', () => {
  it('are those of the plain formula, to the last bit, where that does not overflow', () => {
    const ordinary = fc.array(fc.double({ noNaN: true, min: -1e100, max: 1e100 }), { minLength: 2 })
    fc.assert(
      fc.property(ordinary, (values) => {
        const plain = values.reduce((sum, value) => sum + value, 0) / values.length
        expect(mean(values)).toBe(plain)
        const square = values.reduce((sum, value) => sum + (value - plain) ** 2, 0) / (values.length - 1)
        if (square > 1e-280) expect(deviation(values, 1)).toBe(Math.sqrt(square))
      }),
    )
  })

  it('are finite, and lie within the values, for any finite numbers', () => {
    fc.assert(
      fc.property(fc.array(anyFinite, { minLength: 1 }), (values) => {
        const [least, most] = [Math.min(...values), Math.max(...values)]
        const slack = 1e-9 * Math.max(Math.abs(least), Math.abs(most))
        expect(mean(values)).toBeGreaterThanOrEqual(least - slack)
        expect(mean(values)).toBeLessThanOrEqual(most + slack)
        expect(Number.isFinite(deviation(values))).toBe(true)
      }),
    )
  })

  it('do not overflow or vanish on the way', () => {
    expect(mean([MAX_VALUE, MAX_VALUE, -MAX_VALUE])).toBeCloseTo(MAX_VALUE / 3, -300)
    expect(mean([1e308, 1e308])).toBe(1e308)
    expect(midpoint(1e308, 1.2e308)).toBe(1.1e308)
    expect(deviation([-1e308, 1e308]) / 1e308).toBeCloseTo(1, 12)
    expect(deviation([1e200, -1e200]) / 1e200).toBeCloseTo(1, 12)
    expect(deviation([1e-200, -1e-200]) / 1e-200).toBeCloseTo(1, 12)
    expect(deviation([7, 7, 7])).toBe(0)
  })
})
