/** Every result in the order in which it came, and the best so far. Pure. */
import type { Objective } from '../../../protocol/index.ts'
import { nearest, type Chart } from '../drawing/chart.ts'
import { drawAxes, drawEmpty, plotIn, type Plot } from '../drawing/plot.ts'
import type { Size } from '../drawing/pen.ts'
import { elapsed, linear, logarithmic } from '../drawing/scale.ts'
import type { Trials } from '../model/trials.ts'
import { number, plural } from '../words.ts'

export interface BestOptions {
  readonly objective: Objective
  /** By place: 1 is drawn in full colour. */
  readonly shown: Uint8Array
  readonly chosen: ReadonlySet<number>
  readonly log: boolean
  readonly across: 'step' | 'time'
  readonly startedAt: number | null
}

export function bestChart(trials: Trials, options: BestOptions): Chart {
  const { objective, shown, chosen, log, across, startedAt } = options
  const { metric, direction } = objective
  const places = trials.byEnd(objective)
  const values = places.map((place) => trials.metrics.get(metric)?.[place] as number)
  const ends = places.map((place) => Number(trials.plain('endedAt')[place] ?? 0) - (startedAt ?? 0))
  const best = runningBest(values, direction)
  const [low, high] = inner(values, direction)
  const plot = (size: Size): Plot => {
    const x = across === 'time' ? elapsed(ends.at(-1) ?? 1) : linear(1, Math.max(2, values.length))
    return plotIn(size, x, log && low > 0 ? logarithmic(low, high) : linear(low, high, 0.05))
  }
  const at = (at: Plot, place: number): [number, number] => {
    const y = at.atY(values[place])
    const { box } = at
    // Values that are far off are drawn at the edge rather than left out.
    return [at.atX(across === 'time' ? ends[place] : place + 1), Math.min(box.y + box.height, Math.max(box.y, y))]
  }
  return {
    summary:
      values.length === 0
        ? `no trial has come to a value of ${metric} yet`
        : `${plural(values.length, 'result')}; best ${metric} ${number(best.at(-1))}`,
    draw(pen, size) {
      if (values.length === 0) return drawEmpty(pen, size, 'Waiting for the first result.')
      const on = plot(size)
      drawAxes(pen, on, {
        x: across === 'time' ? 'time since the start' : 'results, in the order of their ends',
        y: metric,
      })
      const radius = values.length > 5_000 ? 1.2 : values.length > 500 ? 2 : 3
      for (const [place, of] of places.entries()) {
        const [x, y] = at(on, place)
        if (shown[of] === 0) pen.circle(x, y, radius, { ink: 'quiet', opacity: 0.25 })
        else pen.circle(x, y, radius, { ink: 'accent', opacity: 0.45 })
      }
      const line: number[] = []
      for (const [place, value] of best.entries()) {
        const [x] = at(on, place)
        if (place > 0) line.push(x, on.atY(best[place - 1]))
        line.push(x, on.atY(value))
      }
      pen.within(on.box, () => pen.line(line, { ink: 'good', width: 2 }))
      for (const [place, of] of places.entries()) {
        if (!chosen.has(trials.number(of))) continue
        const [x, y] = at(on, place)
        pen.circle(x, y, 6, { ink: 'text' })
        pen.circle(x, y, 4, { ink: 'warn' })
      }
    },
    hit(x, y, size) {
      const on = plot(size)
      const found = nearest(values.length, (place) => at(on, place), x, y)
      if (found < 0) return null
      const [px, py] = at(on, found)
      const trial = trials.number(places[found] as number)
      return {
        x: px,
        y: py,
        title: `trial ${trial}`,
        lines: [`${metric} ${number(values[found])}`, `best by then ${number(best[found])}`],
        trial,
      }
    },
    numbers: () => ({
      columns: ['trial', metric, 'best so far', 'ms since the start'],
      rows: places.map((place, at) => [trials.number(place), values[at] ?? null, best[at] ?? null, ends[at] ?? null]),
    }),
  }
}

/** The best value up to each place. */
export function runningBest(values: readonly number[], direction: Objective['direction']): number[] {
  let best = direction === 'minimize' ? Infinity : -Infinity
  return values.map((value) => (best = direction === 'minimize' ? Math.min(best, value) : Math.max(best, value)))
}

/** A range that one result that is far off does not squeeze: up to the worst of the better nine tenths, with as much room again. */
function inner(values: readonly number[], direction: Objective['direction']): [number, number] {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[0] ?? 0, sorted.at(-1) ?? 1]
  if (sorted.length < 10) return [low, high]
  const at = (part: number) => sorted[Math.round(part * (sorted.length - 1))] as number
  if (direction === 'minimize') return [low, Math.min(high, at(0.9) + (at(0.9) - low))]
  return [Math.max(low, at(0.1) - (high - at(0.1))), high]
}
