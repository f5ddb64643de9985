/**
 * The contract of pruners: pure, `(history, trial) -> continue | stop`, asked after each report of the trial.
 * test/contract/pruner.contract.ts holds every pruner to it; plug-in authors import the same suite.
 */
import type { MetricPoint, Metrics, Objective } from '../../protocol/index.ts'

/** A trial as a pruner sees it. */
export interface ReportedTrial {
  readonly trial: number
  readonly state: 'running' | 'done' | 'pruned' | 'failed' | 'cancelled'
  /** In the order of their steps. */
  readonly points: readonly MetricPoint[]
  /** Of one that is done: what train returned. */
  readonly metrics?: Metrics
}

/** A trial that has settled, as pruners are shown it, live and on replay. `metrics`: its result, which only one that is done has. */
export const settledReport = (
  trial: number,
  state: ReportedTrial['state'],
  points: readonly MetricPoint[],
  metrics: Metrics,
): ReportedTrial => ({ trial, state, points, ...(state === 'done' ? { metrics } : {}) })

/**
 * `history` holds the other trials, and may hold the trial itself as running. The list is never changed in place: when a trial
 * joins it or ends, there is a new one, and a trial that has ended keeps its `points`. So a pruner may keep beside either what it worked out of them; it is asked a thousand
 * times a second. Points are appended to a running trial's list, and each is asked about when it is the last.
 */
export type Pruner = (history: readonly ReportedTrial[], trial: ReportedTrial) => 'continue' | 'stop'

interface PrunerSetting {
  readonly objectives: readonly Objective[]
  readonly options: Readonly<Record<string, unknown>>
}

export interface PrunerPlugin {
  readonly name: string
  /** Of each trial it needs so many points, evenly thinned; left out: as many as are kept. */
  readonly pointsAtMost?: number
  /** Throws CONTEXT_INVALID for options that it cannot take, with the path `pruner.options.NAME`. */
  create(setting: PrunerSetting): Pruner
  /** Sentences for people before the first trial. */
  notes?(setting: PrunerSetting): readonly string[]
  /** Of one that waits before it stops anything: a sentence for people, the same each time, once it may; undefined before. */
  begins?(setting: PrunerSetting): (history: readonly ReportedTrial[]) => string | undefined
}
