/** How many slots had an attempt in them, over time. Pure. */
import type { Chart } from '../drawing/chart.ts'
import { drawAxes, drawEmpty, plotIn } from '../drawing/plot.ts'
import { elapsed, linear } from '../drawing/scale.ts'
import { duration } from '../words.ts'

export interface Span {
  readonly from: number
  /** null: it goes on. */
  readonly to: number | null
}

/** The number at each moment at which it changes, from the first on. */
export function busyOver(spans: readonly Span[], now: number): { readonly at: number; readonly busy: number }[] {
  const changes = spans.flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to ?? now, by: to === null ? 0 : -1 },
  ])
  changes.sort((a, b) => a.at - b.at || a.by - b.by)
  const found: { at: number; busy: number }[] = []
  let busy = 0
  for (const { at, by } of changes) {
    busy += by
    if (found.at(-1)?.at === at) found.pop()
    found.push({ at, busy })
  }
  return found
}

/** `slots`: how many there are now. */
export function busyChart(spans: readonly Span[], slots: number, now: number): Chart {
  const over = busyOver(spans, now)
  const first = over[0]?.at ?? now
  const most = over.reduce((high, { busy }) => Math.max(high, busy), slots)
  return {
    summary:
      over.length === 0
        ? 'no slot has run anything in the last half hour'
        : `up to ${most} slots busy over ${duration(now - first)}`,
    draw(pen, size) {
      if (over.length === 0) return drawEmpty(pen, size, 'Nothing has run in the last half hour.')
      const on = plotIn(size, elapsed(Math.max(1, now - first)), linear(0, Math.max(1, most)), { left: 40 })
      drawAxes(pen, on, { x: `the last ${duration(now - first)}`, y: 'slots' })
      const points = [...over, { at: now, busy: over.at(-1)?.busy ?? 0 }]
      const line = points.flatMap(({ at, busy }, place) => {
        const before = points[place - 1]?.busy
        const x = on.atX(at - first)
        return before === undefined ? [x, on.atY(busy)] : [x, on.atY(before), x, on.atY(busy)]
      })
      const foot = on.atY(0)
      pen.area([on.atX(0), foot, ...line, on.atX(now - first), foot], { ink: 'accent', opacity: 0.25 })
      pen.line(line, { ink: 'accent', width: 1.6 })
      if (slots > 0)
        pen.line([on.box.x, on.atY(slots), on.box.x + on.box.width, on.atY(slots)], {
          ink: 'good',
          width: 1,
          dash: [5, 4],
        })
    },
    numbers: () => ({
      columns: ['at', 'busy slots'],
      rows: over.map(({ at, busy }) => [new Date(at).toISOString(), busy]),
    }),
  }
}
