/** How many slots had an attempt in them, and how many there were, over time; where workers came and were lost. Pure. */
import { nearest, type Chart } from '../drawing/chart.ts'
import { drawAxes, drawEmpty, plotIn, type Plot } from '../drawing/plot.ts'
import type { Ink, Size } from '../drawing/pen.ts'
import { elapsed, linear } from '../drawing/scale.ts'
import { duration, plural } from '../words.ts'
import type { Stay } from '../wire.ts'

export interface Span {
  readonly from: number
  /** null: it goes on. */
  readonly to: number | null
  /** How much it counts; left out: 1. */
  readonly slots?: number
}

interface Count {
  readonly at: number
  readonly count: number
}

/** The number at each moment at which it changes, from the first on. */
export function countOver(spans: readonly Span[], now: number): Count[] {
  const changes = spans.flatMap(({ from, to, slots = 1 }) => [
    { at: from, by: slots },
    { at: to ?? now, by: to === null ? 0 : -slots },
  ])
  changes.sort((a, b) => a.at - b.at || a.by - b.by)
  const found: Count[] = []
  let count = 0
  for (const { at, by } of changes) {
    count += by
    if (found.at(-1)?.at === at) found.pop()
    found.push({ at, count })
  }
  return found
}

/** The same from a moment on. */
function since(over: readonly Count[], from: number): Count[] {
  const before = over.findLast(({ at }) => at < from)
  const after = over.filter(({ at }) => at >= from)
  return before === undefined || after[0]?.at === from ? after : [{ at: from, count: before.count }, ...after]
}

/** A worker that came, or went. */
interface Move {
  readonly at: number
  readonly text: string
  readonly ink: Ink
}

function movesOf(stays: readonly Stay[], from: number): Move[] {
  return stays
    .flatMap(({ worker, slots, from: came, to, went }): Move[] => [
      { at: came, text: `${worker} came with ${plural(slots, 'slot')}`, ink: 'good' },
      ...(to === null
        ? []
        : [{ at: to, text: `${worker} ${went === 'lost' ? 'was lost' : 'left'}`, ink: lossInk(went) }]),
    ])
    .filter(({ at }) => at >= from)
    .sort((a, b) => a.at - b.at)
}

const lossInk = (went: Stay['went']): Ink => (went === 'lost' ? 'bad' : 'warn')

const recentMs = 30 * 60_000

export function busyChart(attempts: readonly Span[], stays: readonly Stay[], now: number): Chart {
  const begins = [...attempts, ...stays].reduce((least, { from }) => Math.min(least, from), now)
  const first = Math.max(begins, now - recentMs)
  const busy = since(countOver(attempts, now), first)
  const slots = since(countOver(stays, now), first)
  const moves = movesOf(stays, first)
  const most = [...busy, ...slots].reduce((high, { count }) => Math.max(high, count), 1)
  const plot = (size: Size): Plot =>
    plotIn(size, elapsed(Math.max(1, now - first)), linear(0, most * 1.08), { left: 40 })
  const steps = (on: Plot, over: readonly Count[]) =>
    [...over, { at: now, count: over.at(-1)?.count ?? 0 }].flatMap(({ at, count }, place) => {
      const before = over[place - 1]?.count
      const x = on.atX(at - first)
      return before === undefined ? [x, on.atY(count)] : [x, on.atY(before), x, on.atY(count)]
    })
  const lost = stays.filter(({ went }) => went === 'lost').length
  return {
    summary:
      busy.length === 0 && slots.length === 0
        ? 'no worker was there and nothing ran in the last half hour'
        : `up to ${busy.reduce((high, { count }) => Math.max(high, count), 0)} of ${most} slots busy over ${duration(now - first)}; ${plural(stays.length, 'worker')} came, ${lost} lost`,
    draw(pen, size) {
      if (busy.length === 0 && slots.length === 0)
        return drawEmpty(pen, size, 'Nobody was there in the last half hour.')
      const on = plot(size)
      drawAxes(pen, on, { x: `the last ${duration(now - first)}, now at the right`, y: 'slots' })
      const { y, height } = on.box
      for (const { at, ink } of moves) {
        const x = on.atX(at - first)
        pen.line([x, y, x, y + height], { ink, width: 1, dash: [3, 3], opacity: 0.8 })
        const [from, to] = ink === 'good' ? [y + 8, y] : [y, y + 8]
        pen.area([x - 4, from, x + 4, from, x, to], { ink })
      }
      if (busy.length > 0) {
        const [line, foot, left] = [steps(on, busy), on.atY(0), on.atX((busy[0] as Count).at - first)]
        pen.area([left, foot, ...line, on.atX(now - first), foot], { ink: 'accent', opacity: 0.25 })
        pen.line(line, { ink: 'accent', width: 1.6 })
      }
      if (slots.length > 0) pen.line(steps(on, slots), { ink: 'good', width: 1.4, dash: [5, 4] })
    },
    hit(x, y, size) {
      const on = plot(size)
      const found = moves[nearest(moves.length, (at) => [on.atX((moves[at] as Move).at - first), y], x, y, 8)]
      if (found === undefined) return null
      return { x, y, title: found.text, lines: [new Date(found.at).toLocaleTimeString()] }
    },
    numbers: () => ({
      columns: ['at', 'what', 'count'],
      rows: [
        ...busy.map(({ at, count }) => [new Date(at).toISOString(), 'busy slots', count]),
        ...slots.map(({ at, count }) => [new Date(at).toISOString(), 'slots', count]),
        ...moves.map(({ at, text }) => [new Date(at).toISOString(), text, null]),
      ],
    }),
  }
}
