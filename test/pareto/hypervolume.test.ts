import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dominates, hypervolume, nonDominatedSort, volumeFirst } from '../../src/pareto/index.ts'

const side = 5
const points = fc.integer({ min: 1, max: 4 }).chain((objectives) =>
  fc.array(fc.array(fc.integer({ min: 0, max: side }), { minLength: objectives, maxLength: objectives }), {
    minLength: 1,
    maxLength: 12,
  }),
)
const cornerOf = (list: readonly (readonly number[])[]) => (list[0] ?? []).map(() => side)

/** How many unit cells below the corner have a point that is no worse in any objective. */
function cells(list: readonly (readonly number[])[]): number {
  const objectives = list[0]?.length ?? 0
  let count = 0
  for (let cell = 0; cell < side ** objectives; cell++) {
    const at = Array.from({ length: objectives }, (_, objective) => Math.floor(cell / side ** objective) % side)
    if (list.some((point) => point.every((value, objective) => value <= (at[objective] as number)))) count++
  }
  return count
}

describe('the hypervolume', () => {
  it('is the number of cells that points of a grid dominate', () => {
    fc.assert(
      fc.property(points, (list) => {
        expect(hypervolume(list, cornerOf(list))).toBe(cells(list))
      }),
    )
  })

  it('does not count what lies beyond the corner in one objective', () => {
    expect(hypervolume([[0, 2], [3, 0]], [2, 2])).toBe(0) // prettier-ignore
    expect(hypervolume([], [2, 2])).toBe(0)
  })
})

describe('the order by volume', () => {
  it('has every point once, those of a better front before those of a worse one', () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 0, max: 12 }), (list, count) => {
        const order = volumeFirst(list, count)
        expect(order.toSorted((a, b) => a - b)).toEqual([...list.keys()])
        const frontOf = new Map(nonDominatedSort(list).flatMap((front, rank) => front.map((index) => [index, rank])))
        const ranks = order.map((index) => frontOf.get(index) as number)
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b))
      }),
    )
  })

  it('takes of a front, one after the other, the point that adds most', () => {
    fc.assert(
      fc.property(points, (list) => {
        const front = list.filter((point) => !list.some((other) => dominates(other, point)))
        const corner = cornerOf(front).map((_, objective) => {
          const values = front.map((point) => point[objective] as number)
          const [least, most] = [Math.min(...values), Math.max(...values)]
          return most + 0.1 * (most - least || 1)
        })
        const reached = volumeFirst(front, front.length).map((_, place, order) =>
          hypervolume(
            order.slice(0, place + 1).map((index) => front[index] as number[]),
            corner,
          ),
        )
        for (const [place, volume] of reached.entries()) {
          const before = volumeFirst(front, front.length).slice(0, place)
          const best = Math.max(
            ...front.map((point) => hypervolume([...before.map((index) => front[index] as number[]), point], corner)),
          )
          expect(volume).toBeCloseTo(best, 9)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('takes huge numbers, equal points and more objectives than a volume is worked out for', () => {
    const huge = [[-1e308, 1e308], [0, 0], [1e308, -1e308]] // prettier-ignore
    expect(volumeFirst(huge, 2)[0]).toBe(1)
    expect(volumeFirst([[1, 1], [1, 1], [1, 1]], 2)).toHaveLength(3) // prettier-ignore
    const many = Array.from({ length: 30 }, (_, index) => Array.from({ length: 12 }, (_, m) => (index * (m + 7)) % 31))
    expect(volumeFirst(many, 10)).toHaveLength(30)
  })
})
