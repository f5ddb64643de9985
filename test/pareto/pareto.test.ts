import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bestFirst,
  crowdingDistance,
  dominates,
  keepingFirst,
  lossOf,
  nonDominatedSort,
  violationOf,
} from '../../src/pareto/index.ts'

const points = fc.integer({ min: 1, max: 4 }).chain((objectives) =>
  fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: objectives, maxLength: objectives }), {
    maxLength: 30,
  }),
)

/** By the definition: the front is what nobody beats; take it away, and again. */
function peeled(all: readonly (readonly number[])[]): number[][] {
  let left = all.map((_, index) => index)
  const fronts: number[][] = []
  while (left.length > 0) {
    const front = left.filter((index) => !left.some((other) => beats(all[other] ?? [], all[index] ?? [])))
    fronts.push(front)
    left = left.filter((index) => !front.includes(index))
  }
  return fronts
}
const beats = (one: readonly number[], other: readonly number[]) =>
  one.every((loss, index) => loss <= (other[index] ?? 0)) && one.some((loss, index) => loss < (other[index] ?? 0))

describe('the fast non-dominated sort', () => {
  it('finds the fronts that peeling by the definition finds', () => {
    fc.assert(
      fc.property(points, (all) => {
        expect(nonDominatedSort(all)).toEqual(peeled(all))
      }),
    )
  })

  it('dominates as the definition says', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: 2, maxLength: 2 }), ([a, b]) => {
        expect(dominates(a ?? [], b ?? [])).toBe(beats(a ?? [], b ?? []))
      }),
    )
  })
})

describe('the crowding distance', () => {
  it('is the sum over objectives of the gap between both neighbours over the range, endless at the ends', () => {
    // By hand: f1 spans 0..4, f2 spans 0..8. Second: (2 - 0)/4 + (8 - 2)/8 = 1.25; third: (4 - 1)/4 + (4 - 0)/8 = 1.25.
    expect(crowdingDistance([[0, 8], [1, 4], [2, 2], [4, 0]])).toEqual([Infinity, 1.25, 1.25, Infinity]) // prettier-ignore
    expect(crowdingDistance([[1, 1], [1, 1], [1, 1]]).filter((each) => each === 0)).toHaveLength(1) // prettier-ignore
  })
})

describe('the crowding distance of losses near the largest number', () => {
  it('is that of the same losses made small', () => {
    const front = [[0, 8], [1, 4], [2, 2], [4, 0]] // prettier-ignore
    const large = front.map(([a = 0, b = 0]) => [(a - 2) * 0.75e308, (b - 4) * 0.375e308])
    expect(crowdingDistance(large)).toEqual(crowdingDistance(front))
  })
})

describe('best first', () => {
  const objectives = [
    { metric: 'a', direction: 'maximize' as const },
    { metric: 'b', direction: 'minimize' as const },
  ]
  it('goes by front, then by room, each objective in its own direction, without what is not finite', () => {
    const trials = [
      { a: 1, b: 1 },
      { a: 3, b: 3 },
      { a: 2, b: 2.9 },
      { a: 2, b: 5 },
      { a: null, b: 0 },
    ].map((metrics, trial) => ({ trial, metrics }))
    expect(bestFirst(trials, objectives).map(({ trial }) => trial)).toEqual([0, 1, 2, 3])
    expect(bestFirst(trials, objectives.slice(0, 1)).map(({ trial }) => trial)).toEqual([1, 2, 3, 0])
  })
})

describe('limits of an objective', () => {
  const limits = [
    { metric: 'memory', atMost: 2 },
    { metric: 'recall', atLeast: 0.5, atMost: 1 },
  ]
  const loss = (metrics: Record<string, number | null>) =>
    lossOf({ value: 3, ...metrics }, { metric: 'value', direction: 'maximize', limits })

  it('leave a value to what keeps them, bounds included, and none to what breaks one', () => {
    expect(loss({ memory: 2, recall: 0.5 })).toBe(-3)
    expect(loss({ memory: 2.01, recall: 0.5 })).toBeNaN()
    expect(loss({ memory: 0, recall: 0.4 })).toBeNaN()
    expect(loss({ memory: null, recall: 0.5 })).toBeNaN()
  })

  it('are not broken by a number that was not reported: it may come with the result', () => {
    expect(loss({ memory: 1 })).toBe(-3)
  })

  it('say how far metrics are beyond them, as a share of the bounds', () => {
    expect(violationOf({ memory: 3, recall: 0.25 }, limits)).toBe(1)
    expect(violationOf({ memory: 1, recall: 1 }, limits)).toBe(0)
    expect(violationOf({ memory: null }, limits)).toBe(Infinity)
  })

  it('order the trials that break one after all that keep them, the nearest first', () => {
    const objectives = [{ metric: 'value', direction: 'minimize' as const, limits }]
    const trials = [
      { value: 1, memory: 9, recall: 1 },
      { value: 2, memory: 1, recall: 1 },
      { value: 0, memory: 3, recall: 1 },
      { value: 1, memory: null, recall: 1 },
      { value: null, memory: 1, recall: 1 },
    ].map((metrics, trial) => ({ trial, metrics }))
    expect(keepingFirst(trials, objectives).map(({ trial }) => trial)).toEqual([1, 2, 0])
  })
})
