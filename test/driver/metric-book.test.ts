import { expect, it } from 'vitest'
import { MetricBook } from '../../actors/driver/pruning/metric-book.ts'
import type { MetricPoint, Objective } from '../../protocol/index.ts'
import { createPruner, keepPoint, pointsKeptFor, type ReportedTrial } from '../../src/pruners/index.ts'

const auto = { name: 'auto', options: {} }
const loss: Objective[] = [{ metric: 'loss', direction: 'minimize' }]
const length = 1000
const curve = (level: number): MetricPoint[] =>
  Array.from({ length }, (_, at) => ({ step: at + 1, at: 0, values: { loss: level + 100 / (at + 100) } }))

it('keeps as many points as the pruner needs, and what it decides on them can be decided again', () => {
  const most = pointsKeptFor(auto) as number
  const book = new MetricBook(createPruner(auto, loss), 1, most)
  const levels = [0.1, 0.5, 0.3, 0.9, 0.2, 0.7]
  for (const [trial, level] of levels.entries()) {
    for (const [first, point] of curve(level).entries()) book.hear(trial, { attempt: 1, first, points: [point] })
    book.settle(trial, 'done', { loss: level })
  }
  const running = curve(0.6)
  let stopped: { readonly own: number; readonly others: readonly number[] } | undefined
  for (let first = 0; first < length && stopped === undefined; first += 1) {
    const heard = book.hear(9, { attempt: 1, first, points: running.slice(first, first + 1) })
    if (heard.kind === 'stop') stopped = heard.seen
  }
  expect(stopped).toEqual({ own: expect.any(Number) as number, others: [] })
  for (const { points } of book.all) expect(points.length).toBeLessThanOrEqual(most)

  const kept = (points: readonly MetricPoint[]) =>
    points.reduce<MetricPoint[]>((list, point) => keepPoint(list, point, most), [])
  const history = levels.map((level, trial): ReportedTrial => ({
    trial,
    state: 'done',
    points: kept(curve(level)),
    metrics: { loss: level },
  }))
  const again = (own: number) =>
    createPruner(auto, loss)(history, { trial: 9, state: 'running', points: kept(running.slice(0, own)) })
  const { own = 0 } = stopped ?? {}
  expect([again(own - 1), again(own)]).toEqual(['continue', 'stop'])
})

it('keeps nothing of a trial that has settled where no pruner compares it with others', () => {
  const points: MetricPoint[] = [{ step: 1, at: 0, values: { loss: 1 } }]
  const heard = (book: MetricBook) => {
    book.restart(0, 1)
    book.hear(0, { attempt: 1, first: 0, points })
    const before = book.last(0)
    book.settle(0, 'done', { loss: 1 })
    return [before?.step, book.last(0)?.step]
  }
  expect(heard(new MetricBook(null))).toEqual([1, undefined])
  expect(heard(new MetricBook(createPruner(auto, loss)))).toEqual([1, 1])
})
