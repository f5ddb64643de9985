/** Messages from the board to browsers: JSON frames, with long lists as columns. Types only, shared by both sides. */
import type {
  Conclusion,
  Component,
  Counts,
  HparamValue,
  Hparams,
  LayersGraph,
  MetricPoint,
  Objective,
  PayloadOf,
  Problem,
  progress,
  SlotStatus,
  ActorInfo,
  WorkerInfo,
} from '../../protocol/index.ts'
import type { AblationResult } from '../ablation/index.ts'
import type { AttemptEnding, ExperimentState, GenerationRecord, TrialState } from '../history/index.ts'
import type { Outline } from '../store/index.ts'

export type Progress = PayloadOf<typeof progress>

/** Why nothing goes on; `code` is one of the table of errors. */
export interface Waiting {
  readonly code: string
  readonly message: string
  readonly sinceMs: number
}

/** An experiment in a list. */
export interface Card {
  readonly experiment: string
  readonly name: string
  readonly contextName: string
  readonly kind: 'optimization' | 'ablation' | 'training'
  readonly state: ExperimentState
  readonly wanted: number
  readonly counts: Counts
  readonly objectives: readonly Objective[]
  /** Of the first objective, where there is one. */
  readonly best: { readonly trial: number; readonly value: number | null } | null
  /** The best value after so many results, evenly thinned. */
  readonly spark: readonly number[]
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly conclusion?: Conclusion
  readonly problem?: Problem
}

export interface HomeFrame {
  /** It replaces all that was known. */
  readonly whole?: boolean
  /** Those that have changed. */
  readonly experiments: readonly Card[]
  readonly waiting: Readonly<Record<string, Waiting>>
  readonly fleet: { readonly workers: number; readonly slots: number; readonly busy: number }
}

/** One worker as its beats tell it. */
export interface WorkerCard {
  readonly worker: string
  /** null: it has not announced itself since the board listens. */
  readonly info: Omit<WorkerInfo, 'worker'> | null
  readonly slots: readonly SlotStatus[]
  readonly draining: boolean
  readonly unacknowledged: number
  /** silent: no beat for 2.5 s; gone: none for 8 s; left: it said good-bye. */
  readonly state: 'here' | 'silent' | 'gone' | 'left'
  readonly heardAt: number
}

/** A worker that was here from then until then. */
export interface Stay {
  readonly worker: string
  readonly slots: number
  readonly from: number
  /** null: it is here. */
  readonly to: number | null
  /** left: it said good-bye; lost: it fell silent. */
  readonly went: 'left' | 'lost' | null
}

export interface DriverCard {
  readonly driver: string
  readonly experiments: readonly string[]
  readonly state: 'here' | 'silent'
}

/** An attempt in somebody's lane. */
export interface LaneAttempt {
  readonly experiment: string
  readonly trial: number
  readonly attempt: number
  readonly worker: string
  readonly slot: number
  readonly from: number
  /** null: it is under way. */
  readonly to: number | null
  readonly ending: AttemptEnding | null
}

export interface FleetFrame {
  readonly workers: readonly WorkerCard[]
  readonly drivers: readonly DriverCard[]
  /** Optimizers, pruners, ablators. */
  readonly actors: readonly ({ readonly actor: string } & ActorInfo)[]
  /** The attempts of the last half hour, of experiments that the board has in mind. */
  readonly recent: readonly LaneAttempt[]
  /** Of workers, in the last half hour, as far as the board has heard of them. */
  readonly stays: readonly Stay[]
}

/** Trials by columns: the values at one place of all columns belong to one trial. */
export interface TrialColumns {
  readonly trial: readonly number[]
  readonly state: readonly TrialState[]
  readonly attempts: readonly number[]
  readonly attempt: readonly (number | null)[]
  readonly worker: readonly (string | null)[]
  readonly startedAt: readonly (number | null)[]
  readonly endedAt: readonly (number | null)[]
  readonly points: readonly number[]
  /** Why it failed or was stopped, or which constraints it breaks. */
  readonly why: readonly (string | null)[]
  readonly from: readonly (number | null)[]
  readonly without: readonly (string | null)[]
  readonly repeat: readonly (number | null)[]
  readonly parameters: readonly (number | null)[]
  readonly members: readonly (number | null)[]
  /** null: the trial has no such hparam. */
  readonly hparams: Readonly<Record<string, readonly HparamValue[]>>
  /** null: there is none, or it is not finite. */
  readonly metrics: Readonly<Record<string, readonly (number | null)[]>>
}

export interface AttemptColumns {
  readonly trial: readonly number[]
  readonly attempt: readonly number[]
  readonly worker: readonly string[]
  readonly slot: readonly number[]
  readonly assignedAt: readonly number[]
  readonly startedAt: readonly (number | null)[]
  readonly endedAt: readonly (number | null)[]
  readonly ending: readonly (AttemptEnding | null)[]
  readonly reason: readonly (string | null)[]
  readonly checkpoint: readonly boolean[]
}

/** An experiment without its trials. */
export interface Standing extends Pick<
  Outline,
  | 'experiment'
  | 'name'
  | 'contextName'
  | 'state'
  | 'seed'
  | 'objectives'
  | 'space'
  | 'wanted'
  | 'searched'
  | 'counts'
  | 'conclusion'
  | 'startedAt'
  | 'endedAt'
  | 'utilization'
  | 'problem'
  | 'holes'
> {
  readonly kind: Card['kind']
  /** The best trial, by number. */
  readonly best: number | null
  readonly notes: readonly string[]
  readonly driver: string | null
  /** By name. */
  readonly plugins: { readonly optimizer?: string; readonly ablator?: string; readonly pruner?: string }
  /** Given to every trial. */
  readonly fixed: Hparams
  readonly maxAttempts: number
  /** Trials of each configuration, numbered one after the other; 1: it is not repeated. */
  readonly repeats: number
  readonly ring: {
    readonly min: number
    readonly max: number
    readonly encoding: string
    readonly algorithm: string
  } | null
  readonly components?: readonly Component[]
  readonly ablation?: AblationResult
}

/** Points that a trial reported, in the order of their indexes within the attempt. */
export interface PointBatch {
  readonly trial: number
  readonly attempt: number
  readonly first: number
  readonly points: readonly MetricPoint[]
}

export interface ExperimentFrame {
  /** It replaces all that was known. */
  readonly whole?: boolean
  readonly standing?: Standing
  /** Trials and attempts that have changed. */
  readonly trials?: TrialColumns
  readonly attempts?: AttemptColumns
  readonly generations?: readonly GenerationRecord[]
  /** Of an ablation, with a frame that is whole: the base's model, where its client has looked at it. */
  readonly graph?: LayersGraph
  readonly points?: readonly PointBatch[]
  readonly progress?: Progress | null
  readonly waiting?: Waiting | null
}

/** A curve as it is kept: points by columns, thinned where there are many; the newest is always there. */
export interface CurveColumns {
  readonly trial: number
  readonly attempt: number
  readonly index: readonly number[]
  readonly step: readonly number[]
  readonly at: readonly number[]
  readonly values: Readonly<Record<string, readonly (number | null)[]>>
}

/** A line that a trial printed. */
export interface OutputRow {
  readonly attempt: number
  readonly at: number
  readonly from: 'stdout' | 'stderr' | 'log'
  readonly text: string
}

export interface OutputFrame {
  readonly whole?: boolean
  readonly lines: readonly OutputRow[]
  /** Older lines were left out: `maggy logs` has all. */
  readonly cut?: boolean
}

/** How the board itself stands; said every few seconds, so that a silence can be told from quiet. */
export interface BoardStatus {
  readonly bus: 'connected' | 'disconnected' | 'closed'
  readonly server: string
  /** The board's clock: a browser's may be another. */
  readonly now: number
  readonly control: boolean
}

/** How much each hparam matters, by metric: shares that add up to 1. */
export type Importances = Readonly<Record<string, Readonly<Record<string, number>>>>
