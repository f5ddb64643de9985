/**
 * Reports of an experiment's trials, as far as a pruner and the progress display need them.
 * I1 A point counts once: batches are said again until they are kept, and are told apart by the index of their first point.
 * I2 Bounded: a trial keeps at most so many points; beyond that every second one goes.
 * I3 A trial that several workers train is spoken for by one of them; when that one is lost, another goes on where it stopped.
 * I4 Without a pruner only the last point of a trial is kept, until it settles.
 * I5 What a pruner is shown of a trial depends only on how many of its points were heard: the log says so for each decision, so that
 *    it can be taken again. All that was heard counts, what comes after a stop too, and trials stand in the order of their numbers.
 */
import type { MetricPoint, Metrics, Seen } from '../../../protocol/index.ts'
import { keepPoint, settledReport, type Pruner, type ReportedTrial } from '../../../src/pruners/index.ts'

interface Page {
  attempt: number
  /** Points heard so far. */
  next: number
  points: MetricPoint[]
  last: MetricPoint | null
}

export type Heard =
  /** The step at which the pruner said stop, and what it had seen. */
  | { readonly kind: 'stop'; readonly step: number; readonly seen: Seen }
  | { readonly kind: 'continue' }
  /** Points are missing in between: read them from the telemetry stream. */
  | { readonly kind: 'gap' }

export class MetricBook {
  readonly #pruner: Pruner | null
  readonly #repeats: number
  readonly #pointsAtMost: number | undefined
  readonly #pages = new Map<number, Page>()
  readonly #history = new Map<number, ReportedTrial>()
  #historyList: readonly ReportedTrial[] | null = null

  /** `repeats`: of each configuration; trials are compared with those of the same repeat. `pointsAtMost`: of each trial (I2). */
  constructor(pruner: Pruner | null, repeats = 1, pointsAtMost?: number) {
    this.#pointsAtMost = pointsAtMost
    this.#pruner = pruner
    this.#repeats = repeats
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
    let stop: Heard | null = null
    for (const point of batch.points.slice(Math.max(0, page.next - batch.first))) {
      page.last = point
      page.next += 1
      if (this.#pruner === null) continue
      const kept = keepPoint(page.points, point, this.#pointsAtMost)
      if (page.points.length === 1 || kept !== page.points) this.#historyList = null
      page.points = kept
      if (stop !== null) continue
      const reported: ReportedTrial = { trial, state: 'running', points: page.points }
      if (this.#pruner(this.reported(trial), reported) === 'stop') {
        stop = { kind: 'stop', step: point.step, seen: this.#seen(trial, page) }
      }
    }
    page.next = Math.max(page.next, batch.first + batch.points.length)
    return stop ?? { kind: 'continue' }
  }

  /** The trials that have reported and are compared with this one, itself among them, as far as they are kept. */
  reported(trial: number): readonly ReportedTrial[] {
    return this.#repeats === 1 ? this.all : this.all.filter((other) => this.#isLike(other.trial, trial))
  }

  get isEmpty(): boolean {
    return this.all.length === 0
  }

  /** How many points of a trial were heard; undefined where nobody compares any. */
  heard(trial: number): number | undefined {
    return this.#pruner === null ? undefined : (this.#pages.get(trial)?.next ?? 0)
  }

  /** A trial has settled: it joins the history that others are compared with, with its result and the first `heard` of its points. */
  settle(trial: number, state: ReportedTrial['state'], metrics: Metrics, heard: number | null = null): void {
    const page = this.#pages.get(trial)
    if (this.#pruner === null) this.#pages.delete(trial)
    if (this.#pruner === null || page === undefined) return
    const points = heard === null || heard >= page.next ? page.points : page.points.slice(0, heard)
    this.#history.set(trial, settledReport(trial, state, points, metrics))
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

  #isLike(one: number, other: number): boolean {
    return one % this.#repeats === other % this.#repeats
  }

  #seen(trial: number, { next }: Page): Seen {
    const others: number[] = []
    for (const [other, page] of this.#pages) {
      if (other === trial || this.#history.has(other) || page.points.length === 0) continue
      if (this.#isLike(other, trial)) others.push(other, page.next)
    }
    return { own: next, others }
  }

  /** All trials that have reported, as far as they are kept: those that have settled, and those that run, whose points grow. */
  get all(): readonly ReportedTrial[] {
    if (this.#historyList !== null) return this.#historyList
    const running: ReportedTrial[] = []
    for (const [trial, { points }] of this.#pages) {
      if (!this.#history.has(trial) && points.length > 0) running.push({ trial, state: 'running', points })
    }
    this.#historyList = [...this.#history.values(), ...running].sort((a, b) => a.trial - b.trial)
    return this.#historyList
  }
}
