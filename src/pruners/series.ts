/**
 * The reports of one metric in one trial. A driver may ask after each of a thousand reports a second, so a series is cached for the array
 * of points that it was read from, and only new points are read.
 * I1 Points are appended and never changed, so a series stays true for the beginning of its array.
 * I2 null stands for a number that is not finite: it counts as a report, but in no mean and as no best value.
 */
import type { MetricPoint } from '../../protocol/index.ts'
import { mean } from '../statistics/index.ts'

export class Series {
  /** The steps at which the metric was reported, in order. */
  readonly steps: number[] = []
  /** The last report's value. */
  last: number | null | undefined
  private readonly values: (number | null)[] = []
  private readonly sums: number[] = []
  private readonly counts: number[] = []
  private least = Infinity
  private most = -Infinity
  private read = 0
  private lastRead: MetricPoint | undefined

  /** Reads the new points; false if the beginning of the array is not what was read before (I1). */
  extend(points: readonly MetricPoint[], metric: string): boolean {
    if (points.length < this.read || (this.read > 0 && points[this.read - 1] !== this.lastRead)) return false
    for (let index = this.read; index < points.length; index++) {
      const point = points[index] as MetricPoint
      this.lastRead = point
      // A metric may have a name that every object inherits.
      const value = Object.hasOwn(point.values, metric) ? point.values[metric] : undefined
      if (value !== undefined) this.append(point.step, value)
    }
    this.read = points.length
    return true
  }

  private append(step: number, value: number | null): void {
    const end = this.steps.length - 1
    const finite = value !== null && Number.isFinite(value)
    this.steps.push(step)
    this.values.push(finite ? value : null)
    this.sums.push((this.sums[end] ?? 0) + (finite ? value : 0))
    this.counts.push((this.counts[end] ?? 0) + (finite ? 1 : 0))
    this.last = finite ? value : null
    if (finite) {
      this.least = Math.min(this.least, value)
      this.most = Math.max(this.most, value)
    }
  }

  /** The best finite value; undefined if there is none. */
  best(direction: 'minimize' | 'maximize'): number | undefined {
    const best = direction === 'minimize' ? this.least : this.most
    return Number.isFinite(best) ? best : undefined
  }

  /** The value at a step, or at the last report before it; undefined if the series ends before that step. null: not finite. */
  at(step: number): number | null | undefined {
    return (this.steps.at(-1) ?? -1) < step ? undefined : this.values[this.lastAt(step)]
  }

  /** The value of the first report at a step or after it; undefined if the series ends before that step. null: not finite. */
  firstFrom(step: number): number | null | undefined {
    return (this.steps.at(-1) ?? -1) < step ? undefined : this.values[this.lastAt(step - 1) + 1]
  }

  /** The best finite value of the reports from index `from` up to `to`, exclusive; undefined if there is none. */
  bestOf(direction: 'minimize' | 'maximize', from: number, to: number): number | undefined {
    let best: number | undefined
    for (let index = Math.max(0, from); index < Math.min(to, this.values.length); index++) {
      const value = this.values[index] as number | null
      if (value === null) continue
      if (best === undefined || (direction === 'minimize' ? value < best : value > best)) best = value
    }
    return best
  }

  /** The mean of the finite values up to and with a step; undefined if there are none, or if the series ends before that step. */
  meanUpTo(step: number): number | undefined {
    const { steps } = this
    const end = steps.length - 1
    if (end < 0 || (steps[end] as number) < step) return undefined
    const at = this.lastAt(step)
    const count = this.counts[at] ?? 0
    if (count === 0) return undefined
    const sum = this.sums[at] as number
    if (Number.isFinite(sum)) return sum / count
    return mean(this.values.slice(0, at + 1).filter((value) => value !== null))
  }

  /** Whether it goes as far as this step. */
  reaches(step: number): boolean {
    return (this.steps.at(-1) ?? -Infinity) >= step
  }

  /** The mean of the finite values after a step, and up to another; undefined if there are none. */
  meanBetween(after: number, upTo: number): number | undefined {
    const [before, end] = [this.lastAt(after), this.lastAt(upTo)]
    const count = (this.counts[end] ?? 0) - (this.counts[before] ?? 0)
    if (count <= 0) return undefined
    const sum = (this.sums[end] ?? 0) - (this.sums[before] ?? 0)
    if (Number.isFinite(sum)) return sum / count
    return mean(this.values.slice(before + 1, end + 1).filter((value) => value !== null))
  }

  /** The index of the last report at a step or before; -1 if there is none. */
  private lastAt(step: number): number {
    const { steps } = this
    // Most series count by one: look where the step would then be.
    const guess = step - (steps[0] ?? 0)
    if (steps[guess] === step && (steps[guess + 1] ?? Infinity) > step) return guess
    let low = 0
    let high = steps.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((steps[middle] as number) <= step) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** Makes a reader of one metric. Its cache holds a series only as long as something else holds the points. */
export function seriesReader(metric: string): (points: readonly MetricPoint[]) => Series {
  const known = new WeakMap<readonly MetricPoint[], Series>()
  return (points) => {
    const kept = known.get(points)
    if (kept?.extend(points, metric)) return kept
    const fresh = new Series()
    fresh.extend(points, metric)
    known.set(points, fresh)
    return fresh
  }
}

/** Whether the last report is one to judge: of the metric, after the start-up, the first one of its interval. */
export function isDue(
  series: Series,
  points: readonly MetricPoint[],
  schedule: { readonly interval: number; readonly startupSteps: number },
): boolean {
  const { steps } = series
  const step = steps.at(-1)
  if (step === undefined || step !== points.at(-1)?.step || step < schedule.startupSteps) return false
  const interval = (at: number) => Math.floor((at - schedule.startupSteps) / schedule.interval)
  const previous = steps.at(-2)
  return previous === undefined || interval(step) > interval(previous)
}
