/**
 * Follows the reports of one experiment's trials for as long as somebody looks at it.
 * I1 Points are said twice on the bus now and then: each is taken in once, by its index.
 */
import { metrics, subjectFor, type MetricPoint } from '../../protocol/index.ts'
import { Series, type CurveColumns, type PointBatch } from '../../src/board/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { followPoints } from '../../src/store/index.ts'

/** Points of a curve that are kept for overviews. */
const mostPoints = 256

export class Curves {
  readonly #bus: Bus
  readonly #experiment: string
  readonly #subject: string
  readonly #series = new Map<string, Series>()
  readonly #lastAttempt = new Map<number, number>()
  readonly #stopping = new AbortController()
  #fresh: PointBatch[] = []
  #live = false
  /** Resolves once all has been read that was there when it began. */
  readonly ready: Promise<void>
  /** Rejects when it cannot go on. */
  readonly ended: Promise<void>

  constructor(bus: Bus, experiment: string, onChange: () => void) {
    this.#bus = bus
    this.#experiment = experiment
    this.#subject = subjectFor(metrics, { worker: '*', experiment, trial: '*' })
    let told = (): void => {}
    this.ready = new Promise((resolve) => (told = resolve))
    this.ended = this.#follow(told, onChange)
  }

  close(): void {
    this.#stopping.abort()
  }

  /** The curves of the last attempts of these trials. */
  of(trials: readonly number[]): CurveColumns[] {
    return trials.flatMap((trial) => {
      const series = this.#series.get(`${trial}/${this.#lastAttempt.get(trial) ?? 0}`)
      return series === undefined ? [] : [series.columns()]
    })
  }

  /** Reports that came since the last call. */
  takeFresh(): PointBatch[] {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }

  async #follow(caughtUp: () => void, onChange: () => void): Promise<void> {
    const there = (await this.#bus.streams.last('telemetry', this.#subject))?.sequence ?? 0
    const begin = () => {
      this.#live = true
      caughtUp()
    }
    if (there === 0) begin()
    for await (const { sequence, trial, points } of followPoints(this.#bus, this.#experiment, this.#stopping.signal)) {
      const [first] = points
      if (first !== undefined) this.#take(trial, first.attempt, first.index, points)
      if (!this.#live && sequence >= there) begin()
      else if (this.#live) onChange()
    }
  }

  #take(trial: number, attempt: number, first: number, points: readonly MetricPoint[]): void {
    const before = this.#lastAttempt.get(trial)
    // Of attempts that are over, nobody asks for the overview any more.
    if (before !== undefined && before > attempt) return
    if (before !== undefined && before < attempt) this.#series.delete(`${trial}/${before}`)
    this.#lastAttempt.set(trial, attempt)
    const key = `${trial}/${attempt}`
    let series = this.#series.get(key)
    if (series === undefined) this.#series.set(key, (series = new Series(trial, attempt, mostPoints)))
    // The oldest telemetry may be gone from the stream: what is there is shown.
    if (series.take(first, points) === 'gap') {
      series.skipTo(first)
      series.take(first, points)
    }
    if (this.#live)
      this.#fresh.push({ trial, attempt, first, points: points.map(({ step, at, values }) => ({ step, at, values })) })
  }
}
