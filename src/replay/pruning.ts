/**
 * A pruner's decisions, taken again. It is shown what it had seen: of each trial that had settled the points that had been heard by
 * then, and of each that had not as many as the log says. Pure.
 */
import type { LogEvent, MetricPoint } from '../../protocol/index.ts'
import type { History, TrialSnapshot } from '../history/index.ts'
import { keepPoint, settledReport, type Pruner, type ReportedTrial } from '../pruners/index.ts'

/** The points of an attempt, in the order of their index; a point that is gone ends them. */
export type PointsOf = (trial: number, attempt: number) => readonly MetricPoint[]

type Stopping = Extract<LogEvent, { type: 'trial.stopping' }>

/** The pruner's answer now: at which step it stops, or that it does not; or why nobody can tell. */
export type Judged =
  | { readonly kind: 'stop'; readonly step: number }
  | { readonly kind: 'continue' }
  | { readonly kind: 'unknown'; readonly reason: string }

const gone = { kind: 'unknown', reason: 'what the trials reported is not kept any more' } as const

export class Pruning {
  readonly #pruner: Pruner
  readonly #pointsOf: PointsOf
  readonly #pointsAtMost: number | undefined
  readonly #settled = new Map<number, ReportedTrial>()
  /** Of these that have settled, nobody knows what was heard. */
  readonly #unknown = new Set<number>()

  constructor(pruner: Pruner, pointsOf: PointsOf, pointsAtMost?: number) {
    this.#pointsAtMost = pointsAtMost
    this.#pruner = pruner
    this.#pointsOf = pointsOf
  }

  /** The history has taken in an event of this trial. */
  moved(trial: number, history: History): void {
    this.#settled.delete(trial)
    this.#unknown.delete(trial)
    const snapshot = history.trial(trial)
    if (snapshot === undefined || !history.settled(trial)) return
    const { end } = snapshot.context
    if (end?.heard === 0 || end === null) return
    this.#keep(trial, snapshot, end.heard ?? undefined)
  }

  /** It had settled before this pruner judged: all counts that its worker said it had reported. */
  settledBefore(trial: number, history: History): void {
    const snapshot = history.trial(trial)
    const end = snapshot?.context.end ?? null
    if (snapshot === undefined || end === null) return
    const count = end.heard ?? end.points
    if (count > 0) this.#keep(trial, snapshot, count)
  }

  /** `count`: how many of its points were heard; undefined: nobody knows. */
  #keep(trial: number, { value, context }: TrialSnapshot, count: number | undefined): void {
    const points = count === undefined ? undefined : this.#heard(trial, context.attempt, count)
    if (points === undefined) this.#unknown.add(trial)
    else this.#settled.set(trial, settledReport(trial, value as ReportedTrial['state'], points, context.metrics))
  }

  judge({ trial, attempt, seen }: Stopping, history: History): Judged {
    if (seen === undefined) return { kind: 'unknown', reason: 'the log does not say what the pruner had seen' }
    const own = this.#heard(trial, attempt, seen.own)
    if (own === undefined || this.#unknown.size > 0) return gone
    const step = own.at(-1)?.step
    const running: ReportedTrial[] = [{ trial, state: 'running', points: own }]
    for (let index = 0; index + 1 < seen.others.length; index += 2) {
      const [other = 0, count = 0] = seen.others.slice(index)
      const points = this.#heard(other, history.trial(other)?.context.attempt ?? 0, count)
      if (points === undefined) return gone
      running.push({ trial: other, state: 'running', points })
    }
    const { repeats } = history
    const all = [...this.#settled.values(), ...running]
      .filter((one) => one.trial % repeats === trial % repeats)
      .sort((a, b) => a.trial - b.trial)
    const verdict = this.#pruner(all, { trial, state: 'running', points: own })
    return verdict === 'stop' && step !== undefined ? { kind: 'stop', step } : { kind: 'continue' }
  }

  /** The first points of an attempt, as a driver keeps them; undefined: not all of them are there any more. */
  #heard(trial: number, attempt: number, count: number): readonly MetricPoint[] | undefined {
    const all = this.#pointsOf(trial, attempt)
    if (all.length < count) return undefined
    let kept: MetricPoint[] = []
    for (let index = 0; index < count; index += 1) kept = keepPoint(kept, all[index] as MetricPoint, this.#pointsAtMost)
    return kept
  }
}
