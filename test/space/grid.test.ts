import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Parameter } from '../../protocol/index.ts'
import { axisOf, contains, enumerate, gridOf, space } from '../../src/space/index.ts'
import { anyParameter, finiteSpace } from '../support/spaces.ts'

const values = (parameter: Parameter, levels?: number) => {
  const axis = axisOf(parameter, levels)
  return axis && Array.from({ length: axis.count }, (_, index) => axis.at(index))
}

describe('an axis', () => {
  it('has the values of its parameter', () => {
    expect(values(space.integer(1, 3))).toEqual([1, 2, 3])
    expect(values(space.categorical(['a', 'b']))).toEqual(['a', 'b'])
    expect(values(space.constant(7))).toEqual([7])
  })

  it('is none for a double without a step, unless levels are given', () => {
    expect(values(space.double(0, 1))).toBeUndefined()
    expect(values(space.double(0, 1), 3)).toEqual([0, 0.5, 1])
    expect(values(space.double(0.1, 0.7), 4)).toEqual([0.1, 0.3, 0.5, 0.7])
    expect(values(space.double(1e-4, 1e-1, { log: true }), 4)).toEqual([0.0001, 0.001, 0.01, 0.1])
    expect(values(space.double(1, 9), 1)).toEqual([5])
  })

  it('picks levels evenly from what has more values, and never more than there are', () => {
    expect(values(space.integer(0, 100), 3)).toEqual([0, 50, 100])
    expect(values(space.integer(1, 1000, { log: true }), 4)).toEqual([1, 10, 100, 1000])
    expect(values(space.integer(1, 3), 9)).toEqual([1, 2, 3])
    expect(values(space.discrete([5, 6, 7, 8, 9]), 3)).toEqual([5, 7, 9])
  })

  it('stays inside its parameter, each value once', () => {
    fc.assert(
      fc.property(anyParameter, fc.integer({ min: 1, max: 20 }), (parameter, levels) => {
        const all = values(parameter, levels) ?? []
        expect(all.length).toBeGreaterThan(0)
        expect(new Set(all.map((value) => JSON.stringify(value))).size).toBe(all.length)
        for (const value of all) expect(contains({ x: parameter }, { x: value })).toBe(true)
      }),
    )
  })
})

describe('a grid', () => {
  it('turns its last parameter fastest', () => {
    const grid = enumerate({ a: space.integer(1, 2), b: space.categorical(['x', 'y']) })
    expect(grid?.size).toBe(4)
    expect([0, 1, 2, 3].map((index) => grid?.at(index))).toEqual([
      { a: 1, b: 'x' },
      { a: 1, b: 'y' },
      { a: 2, b: 'x' },
      { a: 2, b: 'y' },
    ])
    expect(() => grid?.at(4)).toThrow(RangeError)
  })

  it('has no end with a double that has no step', () => {
    expect(enumerate({ a: space.double(0, 1) })).toBeUndefined()
  })

  it('has one point for an empty space', () => {
    expect(gridOf({}).at(0)).toEqual({})
  })

  it('gives each point once, all of them inside the space', () => {
    fc.assert(
      fc.property(finiteSpace, (given) => {
        const grid = enumerate(given)
        const size = Math.min(grid?.size ?? 0, 500)
        const points = Array.from({ length: size }, (_, index) => grid?.at(index))
        expect(new Set(points.map((point) => JSON.stringify(point))).size).toBe(size)
        for (const point of points) expect(contains(given, point)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })
})
