/** Parallel coordinates: a line a trial, an axis a column; axes are brushed. Pure; fifty thousand lines are drawn in parts. */
import type { Chart, Hit } from '../drawing/chart.ts'
import { scaleInk } from '../drawing/palette.ts'
import { drawEmpty } from '../drawing/plot.ts'
import type { Pen, Size } from '../drawing/pen.ts'
import type { Scale } from '../drawing/scale.ts'
import type { Trials } from '../model/trials.ts'
import type { Bounds } from '../model/view.ts'
import { number, plural, value } from '../words.ts'

export interface ParallelAxis {
  readonly column: string
  readonly title: string
  readonly scale: Scale
}

export interface ParallelOptions {
  readonly axes: readonly ParallelAxis[]
  readonly shown: Uint8Array
  readonly bounds: Readonly<Record<string, Bounds>>
  readonly chosen: ReadonlySet<number>
  /** 0 (worst) to 1 (best) by place; NaN: it has no result. */
  readonly goodness: Float64Array
}

const margin = { top: 46, bottom: 24, side: 56 }
/** Lines that are drawn at most of those that are let through; more cannot be told apart, and none is left out of the numbers. */
const mostLines = 4_000

export class ParallelChart implements Chart {
  readonly #trials: Trials
  readonly #options: ParallelOptions
  /** The places of the lines on all axes, by axis: 0 to 1. */
  readonly #parts: readonly Float32Array[]

  constructor(trials: Trials, options: ParallelOptions, parts = partsOf(trials, options.axes)) {
    this.#trials = trials
    this.#options = options
    this.#parts = parts
  }

  get summary(): string {
    const shown = this.#options.shown.reduce((sum, one) => sum + one, 0)
    const names = this.#options.axes.map(({ title }) => title).join(', ')
    return `${plural(shown, 'trial')} of ${this.#trials.count} across ${names}`
  }

  draw(pen: Pen, size: Size): void {
    if (this.#options.axes.length === 0 || this.#trials.count === 0) {
      return drawEmpty(pen, size, 'Waiting for the first trial.')
    }
    this.drawQuiet(pen, size)
    this.drawShown(pen, size)
    this.drawAxes(pen, size)
  }

  /** All lines, in grey: the ground that brushing does not change. */
  drawQuiet(pen: Pen, size: Size): void {
    const every = Math.max(1, Math.ceil(this.#trials.count / mostLines))
    for (let place = 0; place < this.#trials.count; place += every) {
      pen.line(this.#line(place, size), { ink: 'quiet', width: 1, opacity: 0.14 })
    }
  }

  /** Those that are let through, the best last. */
  drawShown(pen: Pen, size: Size, most = mostLines): void {
    const { shown, goodness, chosen } = this.#options
    const places: number[] = []
    for (let place = 0; place < shown.length; place += 1) if (shown[place] === 1) places.push(place)
    const every = Math.max(1, Math.ceil(places.length / most))
    const drawn = places.filter((_, at) => at % every === 0)
    const of = (place: number) => goodness[place] ?? NaN
    drawn.sort((a, b) => (Number.isNaN(of(a)) ? -1 : of(a)) - (Number.isNaN(of(b)) ? -1 : of(b)))
    const opacity = Math.max(0.12, Math.min(0.85, 40 / Math.sqrt(drawn.length * 12 + 1)))
    for (const place of drawn) {
      const good = of(place)
      pen.line(
        this.#line(place, size),
        Number.isNaN(good) ? { ink: 'quiet', width: 1.2, opacity } : { ink: scaleInk(good), width: 1.4, opacity },
      )
    }
    for (const trial of chosen) {
      const place = this.#trials.place(trial)
      if (place !== undefined) pen.line(this.#line(place, size), { ink: 'warn', width: 3 })
    }
  }

  drawAxes(pen: Pen, size: Size): void {
    const { axes, bounds } = this.#options
    const height = size.height - margin.top - margin.bottom
    for (const [index, { column, title, scale }] of axes.entries()) {
      const x = this.#x(index, size)
      pen.line([x, margin.top, x, margin.top + height], { ink: 'text', width: 1, opacity: 0.7 })
      const room = (size.width - 2 * margin.side) / Math.max(1, axes.length - 1) - 12
      pen.text(x, 14, title, { align: 'middle', bold: true, size: 11, most: Math.max(30, Math.min(room, 150)) })
      for (const { part, label } of scale.ticks(Math.max(3, Math.floor(height / 40)))) {
        const y = margin.top + (1 - part) * height
        pen.line([x - 3, y, x + 3, y], { ink: 'text', width: 1, opacity: 0.7 })
        pen.text(x + 7, y, label, { ink: 'text', size: 10.5, most: 80, halo: true })
      }
      const brushed = bounds[column]
      if (brushed === undefined) continue
      const [from, to] = this.#brushParts(scale, brushed)
      pen.rect(x - 7, margin.top + (1 - to) * height, 14, Math.max(2, (to - from) * height), {
        ink: 'accent',
        opacity: 0.35,
      })
    }
  }

  hit(x: number, y: number, size: Size): Hit | null {
    const { shown, axes } = this.#options
    const step = (size.width - 2 * margin.side) / Math.max(1, axes.length - 1)
    const left = Math.min(axes.length - 2, Math.max(0, Math.floor((x - margin.side) / step)))
    const along = (x - margin.side) / step - left
    const height = size.height - margin.top - margin.bottom
    let [best, bar] = [-1, 6]
    for (let place = 0; place < shown.length; place += 1) {
      if (shown[place] === 0) continue
      const [a, b] = [this.#parts[left]?.[place] ?? NaN, this.#parts[left + 1]?.[place] ?? NaN]
      const distance = Math.abs(margin.top + (1 - (a + (b - a) * along)) * height - y)
      if (distance < bar) [best, bar] = [place, distance]
    }
    if (best < 0) return null
    const trial = this.#trials.number(best)
    const lines = axes.map(({ column, title }) => `${title} ${value(this.#trials.at(column, best))}`)
    return { x, y, title: `trial ${trial}`, lines, trial }
  }

  /** The axis under a place, and the part of it; null: none is near. */
  axisAt(x: number, y: number, size: Size): { readonly axis: ParallelAxis; readonly part: number } | null {
    const { axes } = this.#options
    const height = size.height - margin.top - margin.bottom
    for (const [index, axis] of axes.entries()) {
      if (Math.abs(x - this.#x(index, size)) > 14) continue
      return { axis, part: Math.min(1, Math.max(0, 1 - (y - margin.top) / height)) }
    }
    return null
  }

  numbers() {
    const { axes, shown } = this.#options
    const places = [...shown.keys()].filter((place) => shown[place] === 1)
    const cell = (given: unknown) => (typeof given === 'number' ? given : given === null ? null : value(given))
    return {
      columns: ['trial', ...axes.map(({ title }) => title)],
      rows: places.map((place) => [
        this.#trials.number(place),
        ...axes.map(({ column }) => cell(this.#trials.at(column, place))),
      ]),
    }
  }

  #x(index: number, size: Size): number {
    const { axes } = this.#options
    return axes.length === 1
      ? size.width / 2
      : margin.side + (index * (size.width - 2 * margin.side)) / (axes.length - 1)
  }

  /** A trial without a value on an axis has a gap there. */
  #line(place: number, size: Size): number[] {
    const height = size.height - margin.top - margin.bottom
    return this.#parts.flatMap((parts, index) => [
      this.#x(index, size),
      margin.top + (1 - (parts[place] as number)) * height,
    ])
  }

  #brushParts(scale: Scale, [low, high]: Bounds): [number, number] {
    if (scale.kind === 'choices') return [low, high]
    return [Math.max(0, scale.part(low)), Math.min(1, scale.part(high))]
  }
}

export function partsOf(trials: Trials, axes: readonly ParallelAxis[]): Float32Array[] {
  return axes.map(({ column, scale }) => {
    const parts = new Float32Array(trials.count)
    const valueAt = trials.column(column)
    for (let place = 0; place < parts.length; place += 1) parts[place] = scale.part(valueAt(place))
    return parts
  })
}

/** The bounds that a brush from one part of an axis to another stands for. */
export function boundsOf(scale: Scale, one: number, other: number): Bounds {
  const [low, high] = [Math.min(one, other), Math.max(one, other)]
  if (scale.kind === 'choices') return [low, high]
  return [Number(scale.value(low)), Number(scale.value(high))]
}

/** In words: `0.01 to 0.1`. */
export function boundsText(scale: Scale, [low, high]: Bounds): string {
  if (scale.kind !== 'choices') return `${number(low)} to ${number(high)}`
  const kept = scale.ticks(Infinity).filter(({ part }) => part >= low && part <= high)
  return kept.map(({ label }) => label).join(', ') || 'none'
}

/** How good each trial is by rank among those with a result: 1 is the best. */
export function goodnessOf(trials: Trials, ranked: readonly number[]): Float64Array {
  const goodness = new Float64Array(trials.count).fill(NaN)
  for (const [rank, place] of ranked.entries()) goodness[place] = ranked.length < 2 ? 1 : 1 - rank / (ranked.length - 1)
  return goodness
}
