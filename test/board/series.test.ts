import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Series } from '../../src/board/series.ts'

const pointsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, at) => ({ step: first + at, at: 1000 + first + at, values: { loss: first + at } }))

it('takes each point once and in order, in whatever batches it comes, also twice (I1)', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ size: fc.integer({ min: 1, max: 9 }), back: fc.integer({ min: 0, max: 9 }) })),
      (batches) => {
        const series = new Series(0, 1, 1000)
        let next = 0
        for (const { size, back } of batches) {
          const first = Math.max(0, next - back)
          expect(series.take(first, pointsFrom(first, size))).toBe('taken')
          next = Math.max(next, first + size)
        }
        expect(series.index).toEqual(Array.from({ length: next }, (_, at) => at))
        expect(series.values.get('loss') ?? []).toEqual(series.step)
      },
    ),
  )
})

it('tells of a gap and takes nothing in', () => {
  const series = new Series(0, 1, 10)
  series.take(0, pointsFrom(0, 2))
  expect(series.take(3, pointsFrom(3, 2))).toBe('gap')
  expect(series.next).toBe(2)
  series.skipTo(3)
  expect(series.take(3, pointsFrom(3, 2))).toBe('taken')
  expect(series.step).toEqual([0, 1, 3, 4])
})

it('stays within its bound, with the first point and the newest (I2)', () => {
  const series = new Series(0, 1, 16)
  for (let at = 0; at < 1000; at += 1) {
    series.take(at, pointsFrom(at, 1))
    expect(series.length).toBeLessThanOrEqual(16)
    expect([series.index[0], series.index.at(-1)]).toEqual([0, at])
  }
  expect(series.index).toEqual(series.step)
})

it('is the same after its way over the wire, and goes on there', () => {
  const series = new Series(3, 2, 16)
  series.take(0, pointsFrom(0, 40))
  const other = Series.of(JSON.parse(JSON.stringify(series.columns())) as ReturnType<Series['columns']>, 16)
  for (const each of [series, other]) each.take(40, pointsFrom(40, 5))
  expect(other.columns()).toEqual(series.columns())
})

it('a metric that is reported now and then has null in between', () => {
  const series = new Series(0, 1, 10)
  series.take(0, [
    { step: 0, at: 0, values: { a: 1 } },
    { step: 1, at: 1, values: { b: 2 } },
    { step: 2, at: 2, values: { a: 3 } },
  ])
  expect(series.values.get('a')).toEqual([1, null, 3])
  expect(series.values.get('b')).toEqual([null, 2])
})
