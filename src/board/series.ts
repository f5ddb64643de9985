/**
 * A curve of bounded length: what one attempt reported, thinned evenly when there is too much of it. Pure; the board keeps curves so,
 * and so does the page.
 * I1 Points are taken in once each and in order, by their index: one that was taken already is passed over, a gap is told.
 * I2 The first and the newest point are always there.
 */
import type { MetricPoint } from '../../protocol/index.ts'
import type { CurveColumns } from './wire.ts'

export class Series {
  readonly trial: number
  readonly attempt: number
  readonly index: number[] = []
  readonly step: number[] = []
  readonly at: number[] = []
  readonly values = new Map<string, (number | null)[]>()
  readonly #most: number
  #next = 0

  constructor(trial: number, attempt: number, most: number) {
    this.trial = trial
    this.attempt = attempt
    this.#most = most
  }

  static of(columns: CurveColumns, most: number): Series {
    const series = new Series(columns.trial, columns.attempt, most)
    series.index.push(...columns.index)
    series.#next = (columns.index.at(-1) ?? -1) + 1
    series.step.push(...columns.step)
    series.at.push(...columns.at)
    for (const [name, values] of Object.entries(columns.values)) series.values.set(name, [...values])
    return series
  }

  /** The index of the point that comes next. */
  get next(): number {
    return this.#next
  }

  get length(): number {
    return this.index.length
  }

  /** 'gap': points before these are missing, and nothing was taken in. */
  take(first: number, points: readonly MetricPoint[]): 'taken' | 'gap' {
    if (first > this.next) return 'gap'
    for (const point of points.slice(this.next - first)) this.#push(point)
    return 'taken'
  }

  /** The points before this one are gone for good. */
  skipTo(index: number): void {
    this.#next = Math.max(this.#next, index)
  }

  columns(): CurveColumns {
    const { trial, attempt, index, step, at } = this
    return { trial, attempt, index, step, at, values: Object.fromEntries(this.values) }
  }

  #push({ step, at, values }: MetricPoint): void {
    if (this.length >= this.#most) this.#thin()
    const place = this.length
    this.index.push(this.#next)
    this.#next += 1
    this.step.push(step)
    this.at.push(at)
    for (const [name, value] of Object.entries(values)) {
      let column = this.values.get(name)
      if (column === undefined) this.values.set(name, (column = []))
      while (column.length < place) column.push(null)
      column.push(value)
    }
  }

  /** Every second point goes (I2: the first stays, and the one that comes next is the newest). */
  #thin(): void {
    for (const column of [this.index, this.step, this.at, ...this.values.values()]) {
      let kept = 0
      for (let place = 0; place < column.length; place += 2) column[kept++] = column[place] as number
      column.length = kept
    }
  }
}
