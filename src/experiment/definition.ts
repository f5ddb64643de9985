/** What a user writes: one oblivious training function, its generators, and the contexts it is run in. Types only. */
import type { Context, Hparams, MetricPoint } from '../../protocol/index.ts'

export type { ParameterOf, Space, ValuesOf } from '../space/index.ts'

/** A context made by `optimization({ … })` (later `ablation`, `training`); `H` is what it adds to the hparams. */
export interface ContextOf<H extends object = object> {
  readonly kind: Context['kind']
  /** The form that travels. */
  readonly context: Context
  readonly __hparams?: H
}
export type Contexts = Readonly<Record<string, ContextOf>>

type UnionToIntersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never
type Added<C> = C extends ContextOf<infer H> ? H : never
/** What train gets as hparams: the definition's defaults and whatever its contexts add. */
export type HparamsOf<Defaults extends object, C extends Contexts> = Omit<
  Defaults,
  keyof UnionToIntersection<Added<C[keyof C]>>
> &
  UnionToIntersection<Added<C[keyof C]>>

/** The numbers that train returns: one (called by the context's metric), or several by name. */
export type TrainResult = number | Readonly<Record<string, number>>

/** A Keras-style callback for `model.fit`; structurally tfjs's CustomCallbackArgs. */
export interface FitCallbacks {
  readonly onBatchEnd: (batch: number, logs?: Readonly<Record<string, number>>) => Promise<void>
  readonly onEpochEnd: (epoch: number, logs?: Readonly<Record<string, number>>) => Promise<void>
}

export interface Reporter {
  /**
   * Reports one number or several by name, at a step (default: the previous one plus 1). Numeric, the step never decreasing.
   * Throws EarlyStop when the trial is to end: let it pass. Throws REPORT_INVALID and REPORT_STEP_BACK on misuse.
   */
  readonly report: (metrics: number | Readonly<Record<string, number>>, step?: number) => void
  /** A line for the trial's log. */
  readonly log: (...values: readonly unknown[]) => void
  /** For `model.fit`: reports at the end of each batch (`every: 'batch'`) or epoch (the default), and stops the fit when told to. */
  readonly callbacks: (options?: { every?: 'batch' | 'epoch'; metrics?: readonly string[] }) => FitCallbacks
  /** Aborted when the trial is to end, for those who wait on something else. */
  readonly signal: AbortSignal
}

/** Where the training function runs, for those who ask; it need not. */
export interface RunInfo {
  readonly kind: 'explore' | Context['kind']
  readonly experiment: string
  readonly contextName: string
  readonly trial: number
  readonly attempt: number
  /** Whole number; the same for the same experiment seed and trial. */
  readonly seed: number
  /**
   * In a training by several: which part of the data is this worker's now, of how many. For a dataset generator that loads its own
   * part (`training({ shard: 'own' })`).
   */
  readonly shard?: { readonly index: number; readonly count: number }
}

export interface TrainArguments<H, D, M> {
  /** The dataset generator, as it was defined. */
  readonly dataset: D
  /** The model generator, as it was defined. */
  readonly model: M
  readonly hparams: H
  readonly reporter: Reporter
  readonly run: RunInfo
}

export interface ExperimentSpec<Defaults extends object, C extends Contexts, D, M> {
  /** Letters, digits, - and _. */
  readonly name: string
  /** Dataset generator. */
  readonly dataset?: D
  /** Model generator. */
  readonly model?: M
  /** Defaults: what `run()` uses, and what contexts that leave a name out get. */
  readonly hparams?: Defaults
  readonly contexts?: C
  /** The oblivious training function. */
  train(args: TrainArguments<HparamsOf<Defaults, C>, D, M>): TrainResult | Promise<TrainResult>
}

export interface Exploration {
  readonly metrics: Readonly<Record<string, number>>
  readonly points: readonly MetricPoint[]
  readonly durationMs: number
  readonly hparams: Hparams
}

/** A defined experiment. */
export interface Experiment<H extends object = object, C extends Contexts = Contexts> {
  readonly name: string
  /** The URL of the module that defines it: what is bundled and shipped. */
  readonly moduleUrl: string
  readonly contexts: C
  readonly defaults: Hparams
  /** Explore: a plain call in this process, no bus at all. */
  readonly run: (
    hparams?: Partial<H>,
    options?: { seed?: number; onReport?: (point: MetricPoint) => void },
  ) => Promise<Exploration>
}
