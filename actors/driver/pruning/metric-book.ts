/**
 * What the trials of an experiment have reported, as far as a pruner and the progress display need it.
 * I1 A point counts once: batches are said again until they are kept, and are told apart by the index of their first point.
 * I2 Bounded: a trial keeps at most `pointsPerTrial`; beyond that every second point of the older ones goes.
 * I3 A trial that several workers train is spoken for by one of them; when that one is lost, another goes on where it stopped.
 * I4 Without a pruner only the last point of a trial is kept.
 */
import type { MetricPoint, Metrics } from '../../../protocol/index.ts'
import type { Pruner, ReportedTrial } from '../../../src/pruners/index.ts'

const pointsPerTrial = 10_000

interface Page {
  attempt: number
  /** Points heard so far. */
  next: number
  points: MetricPoint[]
  last: MetricPoint | null
}

export type Heard =
  /** The index of the point at which the pruner said stop. */
  | { readonly kind: 'stop'; readonly step: number }
  | { readonly kind: 'continue' }
  /** Points are missing in between: read them from the telemetry stream. */
  | { readonly kind: 'gap' }

export class MetricBook {
  readonly #pruner: Pruner | null
  readonly #pages = new Map<number, Page>()
  readonly #history = new Map<number, ReportedTrial>()
  #historyList: readonly ReportedTrial[] | null = null

  constructor(pruner: Pruner | null) {
    this.#pruner = pruner
  }

  get prunes(): boolean {
    return this.#pruner !== null
  }

  /** `shared`: by several workers, whose attempts all count (I3). */
  hear(
    trial: number,
    batch: { attempt: number; first: number; points: readonly MetricPoint[] },
    shared = false,
  ): Heard {
    let page = this.#pages.get(trial)
    if (shared && page !== undefined && batch.attempt !== page.attempt) {
      page.attempt = batch.attempt
      page.next = batch.first
    }
    if (page === undefined || batch.attempt > page.attempt) {
      page = { attempt: batch.attempt, next: 0, points: [], last: null }
      this.#pages.set(trial, page)
      this.#historyList = null
    }
    if (batch.attempt < page.attempt) return { kind: 'continue' }
    if (batch.first > page.next && this.#pruner !== null) return { kind: 'gap' }
    for (const point of batch.points.slice(Math.max(0, page.next - batch.first))) {
      page.last = point
      page.next += 1
      if (this.#pruner === null) continue
      page.points.push(point)
      if (page.points.length === 1) this.#historyList = null
      if (page.points.length > pointsPerTrial) {
        page.points = page.points.filter((_, index) => index % 2 === 1)
        this.#historyList = null
      }
      const reported: ReportedTrial = { trial, state: 'running', points: page.points }
      if (this.#pruner(this.#others(), reported) === 'stop') {
        page.next = Math.max(page.next, batch.first + batch.points.length)
        return { kind: 'stop', step: point.step }
      }
    }
    page.next = Math.max(page.next, batch.first + batch.points.length)
    return { kind: 'continue' }
  }

  /** All trials that have reported, as far as they are kept. */
  reported(): readonly ReportedTrial[] {
    return this.#others()
  }

  /** A trial has settled: it joins the history that other trials are compared with. */
  settle(trial: number, state: ReportedTrial['state']): void {
    const page = this.#pages.get(trial)
    if (this.#pruner === null || page === undefined) return
    this.#history.set(trial, { trial, state, points: page.points })
    this.#historyList = null
    page.points = []
  }

  /** A trial begins anew: what its former attempt reported no longer counts. */
  restart(trial: number, attempt: number): void {
    this.#history.delete(trial)
    this.#historyList = null
    this.#pages.set(trial, { attempt, next: 0, points: [], last: null })
  }

  last(trial: number): { step: number; metrics: Metrics } | null {
    const last = this.#pages.get(trial)?.last
    return last === null || last === undefined ? null : { step: last.step, metrics: last.values }
  }

  /** All that is known: trials that have settled, and those that run, whose points grow. */
  #others(): readonly ReportedTrial[] {
    if (this.#historyList !== null) return this.#historyList
    const running: ReportedTrial[] = []
    for (const [trial, { points }] of this.#pages) {
      if (!this.#history.has(trial) && points.length > 0) running.push({ trial, state: 'running', points })
    }
    this.#historyList = [...this.#history.values(), ...running]
    return this.#historyList
  }
}
