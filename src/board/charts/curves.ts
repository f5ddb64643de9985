/** Learning curves: what trials reported, step by step, or put together by an hparam as mean and 95 % band. Pure. */
import { nearest, type Chart } from '../drawing/chart.ts'
import { seriesInk } from '../drawing/palette.ts'
import { drawAxes, drawEmpty, plotIn, type Plot } from '../drawing/plot.ts'
import type { Ink, Pen, Size } from '../drawing/pen.ts'
import { elapsed, linear, logarithmic } from '../drawing/scale.ts'
import { meanOf } from '../model/groups.ts'
import type { Series } from '../series.ts'
import { number, plural } from '../words.ts'

/** A curve and what is to be said of it. */
export interface Curve {
  readonly series: Pick<Series, 'trial' | 'attempt' | 'step' | 'at' | 'values'>
  /** running, done, …: those that were stopped are greyed. */
  readonly state: string
  /** Why it was stopped or failed. */
  readonly why: string | null
  readonly chosen: boolean
  /** Curves of one group are put together; null: it stands alone. */
  readonly group: string | null
}

/** Something that happened at a moment of the training, drawn as a line across. */
export interface Mark {
  /** A step. */
  readonly at: number
  readonly label: string
  readonly ink: Ink
}

export interface CurveOptions {
  readonly metric: string
  readonly across: 'step' | 'time'
  readonly log: boolean
  readonly best: number | null
  readonly marks?: readonly Mark[]
  /** All groups, which gives each its colour. */
  readonly groups?: readonly string[]
}

interface Line {
  readonly curve: Curve
  readonly x: readonly number[]
  readonly y: readonly number[]
}

export function curvesChart(curves: readonly Curve[], options: CurveOptions): Chart {
  const { metric, across, log, best, marks = [], groups = [] } = options
  const lines = curves.flatMap((curve) => lineOf(curve, metric, across) ?? [])
  const inGroups = new Set(lines.flatMap(({ curve }) => curve.group ?? []))
  const drawn = groups.flatMap((name, place) => (inGroups.has(name) ? [{ name, ink: seriesInk(place) }] : []))
  const all = lines.flatMap(({ y }) => y)
  const [low, high] = rangeOf(all)
  const last = Math.max(1, ...lines.map(({ x }) => x.at(-1) ?? 0))
  const plot = (size: Size): Plot =>
    plotIn(
      size,
      across === 'time' ? elapsed(last) : linear(0, last),
      log && low > 0 ? logarithmic(low, high) : linear(low, high, 0.04),
    )
  return {
    summary:
      lines.length === 0
        ? `nothing has been reported of ${metric}`
        : `${plural(lines.length, 'curve')} of ${metric}, from ${number(low)} to ${number(high)}`,
    draw(pen, size) {
      if (lines.length === 0) return drawEmpty(pen, size, `No trial shown here has reported ${metric} yet.`)
      const on = plot(size)
      drawAxes(pen, on, { x: across === 'time' ? 'time since the first report' : 'step', y: metric })
      pen.within(on.box, () => {
        for (const { at, ink } of marks) {
          pen.line([on.atX(at), on.box.y, on.atX(at), on.box.y + on.box.height], { ink, width: 1, dash: [4, 3] })
        }
        if (drawn.length > 0) drawGroups(pen, on, lines, drawn)
        else for (const line of inOrder(lines, best)) drawLine(pen, on, line, best)
      })
      for (const [place, { at, label, ink }] of marks.entries()) {
        pen.text(Math.min(on.atX(at) + 3, on.box.x + on.box.width - 40), on.box.y + 6 + (place % 3) * 12, label, {
          ink,
          size: 10,
          most: 90,
        })
      }
      for (const [place, { name, ink }] of drawn.slice(0, 8).entries()) {
        pen.rect(on.box.x + 8, on.box.y + 4 + place * 15, 10, 10, { ink })
        pen.text(on.box.x + 23, on.box.y + 10 + place * 15, name, { size: 11, most: 220, halo: true })
      }
    },
    hit(x, y, size) {
      const on = plot(size)
      const points: [Line, number][] = lines.flatMap((line) => line.x.map((_, at): [Line, number] => [line, at]))
      const place = ([line, at]: [Line, number]): [number, number] => [on.atX(line.x[at]), on.atY(line.y[at])]
      const found = points[nearest(points.length, (at) => place(points[at] as [Line, number]), x, y, 18)]
      if (found === undefined) return null
      const [{ curve, x: xs, y: ys }, at] = found
      const [px, py] = place(found)
      const where = across === 'time' ? `after ${number((xs[at] ?? 0) / 1000)} s` : `step ${xs[at]}`
      const said = [`${metric} ${number(ys[at])} at ${where}`, curve.why ?? curve.state]
      return { x: px, y: py, title: `trial ${curve.series.trial}`, lines: said, trial: curve.series.trial }
    },
    numbers: () => ({
      columns: ['trial', 'attempt', across === 'time' ? 'ms' : 'step', metric],
      rows: lines.flatMap(({ curve: { series }, x, y }) =>
        x.map((step, at) => [series.trial, series.attempt, step, y[at] ?? null]),
      ),
    }),
  }
}

function lineOf(curve: Curve, metric: string, across: 'step' | 'time'): Line | undefined {
  const { step, at, values } = curve.series
  const column = values.get(metric)
  if (column === undefined) return undefined
  const [x, y]: [number[], number[]] = [[], []]
  for (const [place, value] of column.entries()) {
    if (typeof value !== 'number') continue
    x.push(across === 'time' ? (at[place] ?? 0) - (at[0] ?? 0) : (step[place] ?? 0))
    y.push(value)
  }
  return y.length === 0 ? undefined : { curve, x, y }
}

/** Highlighted curves are drawn last, above the others. */
function inOrder(lines: readonly Line[], best: number | null): Line[] {
  const weight = ({ curve: { chosen, series, state } }: Line) =>
    chosen ? 3 : series.trial === best ? 2 : state === 'running' ? 1 : 0
  return lines.toSorted((a, b) => weight(a) - weight(b))
}

function drawLine(pen: Pen, on: Plot, { curve, x, y }: Line, best: number | null): void {
  const { state, chosen, series } = curve
  const points = x.flatMap((each, at) => [on.atX(each), on.atY(y[at])])
  const isBest = series.trial === best
  const stopped = state === 'pruned' || state === 'failed' || state === 'cancelled'
  const ink: Ink = chosen
    ? seriesInk(series.trial)
    : isBest
      ? 'good'
      : stopped
        ? 'quiet'
        : state === 'running'
          ? 'running'
          : 'accent'
  const opacity = chosen || isBest ? 1 : stopped ? 0.6 : 0.75
  pen.line(points, { ink, width: chosen || isBest ? 2.6 : 1.4, opacity })
  const [endX, endY] = [points.at(-2) as number, points.at(-1) as number]
  if (state === 'running' || x.length === 1) pen.circle(endX, endY, 3, { ink })
  // Where it was stopped.
  if (stopped) {
    pen.line([endX - 3, endY - 3, endX + 3, endY + 3], { ink, width: 1.5 })
    pen.line([endX - 3, endY + 3, endX + 3, endY - 3], { ink, width: 1.5 })
  }
}

function drawGroups(
  pen: Pen,
  on: Plot,
  lines: readonly Line[],
  groups: readonly { readonly name: string; readonly ink: Ink }[],
): void {
  for (const { name, ink } of groups) {
    const band = bandOf(lines.filter(({ curve }) => curve.group === name))
    const upper = band.flatMap(({ x, mean, error }) => [on.atX(x), on.atY(mean + error)])
    const lower = band.toReversed().flatMap(({ x, mean, error }) => [on.atX(x), on.atY(mean - error)])
    pen.area([...upper, ...lower], { ink, opacity: 0.15 })
    pen.line(
      band.flatMap(({ x, mean }) => [on.atX(x), on.atY(mean)]),
      { ink, width: 2.2 },
    )
  }
}

interface BandPoint {
  readonly x: number
  readonly mean: number
  /** Half of the 95 % interval of the mean: 1.96 standard errors; 0 of a single curve. */
  readonly error: number
  readonly count: number
}

/** Mean over curves at each place that one of them has; others are taken as they were last, for as long as they go on. */
export function bandOf(
  lines: readonly { readonly x: readonly number[]; readonly y: readonly number[] }[],
): BandPoint[] {
  const places = [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b)
  const at = lines.map(() => 0)
  return places.flatMap((place) => {
    const values: number[] = []
    for (const [index, { x, y }] of lines.entries()) {
      while ((x[(at[index] as number) + 1] ?? Infinity) <= place) at[index] = (at[index] as number) + 1
      const here = at[index] as number
      if ((x[here] ?? Infinity) <= place && (x.at(-1) ?? -Infinity) >= place) values.push(y[here] as number)
    }
    if (values.length === 0) return []
    return [{ x: place, ...meanOf(values), count: values.length }]
  })
}

function rangeOf(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)]
  return [low, high]
}
