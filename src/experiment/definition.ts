/** A user's definition: one oblivious training function, its generators, and the contexts it is run in. Types only. */
import type { ArtifactKind, Context, Hparams, MetricPoint } from '../../protocol/index.ts'

export type { ParameterOf, Space, ValuesOf } from '../space/index.ts'

/** A context made by `optimization({ … })` or `ablation({ … })` (later `training`); `H` is what it adds to the hparams. */
export interface ContextOf<H extends object = object> {
  readonly kind: Context['kind']
  /** The form that travels. */
  readonly context: Context
  readonly __hparams?: H
}
export type Contexts = Readonly<Record<string, ContextOf>>

type UnionToIntersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never
type Added<C> = C extends ContextOf<infer H> ? H : never
/** The hparams for train: the definition's defaults, and those that its contexts add. */
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

export interface FitReports {
  readonly every?: 'batch' | 'epoch' | number
  readonly metrics?: readonly string[] | Readonly<Record<string, string>>
}

export interface Reporter {
  /**
   * Reports one number or several by name, at a step (default: the previous one plus 1). Numeric, the step never decreasing.
   * Throws EarlyStop when the trial is to end: let it pass. Throws REPORT_INVALID and REPORT_STEP_BACK on misuse.
   */
  readonly report: (metrics: number | Readonly<Record<string, number>>, step?: number) => void
  /** A line for the trial's log. */
  readonly log: (...values: readonly unknown[]) => void
  /**
   * For `model.fit`: reports at the end of each batch (`every: 'batch'`) or epoch (the default), and stops the fit when told to, at
   * the end of any batch. `every: 1000` reports the means over about so many examples, at steps 1000, 2000, …, so that pruners
   * compare trials with different batch sizes at the same amount of data. `metrics`: which, or under what names: `{ acc: 'accuracy' }`.
   */
  readonly callbacks: (options?: FitReports) => FitCallbacks
  /** Aborted when the trial is to end, for those who wait on something else. */
  readonly signal: AbortSignal
}

/** Where the training function runs, for those who ask; it need not. */
export interface RunInfo {
  readonly kind: 'explore' | Context['kind']
  readonly experiment: string
  readonly contextName: string
  readonly trial: number
  /** The number of this attempt at the trial, from 1. In a training by several always 1: it is one attempt, and goes on when workers are lost. */
  readonly attempt: number
  /** Whole number; the same for the same experiment seed and trial. */
  readonly seed: number
  /**
   * In a training by several: which part of the data is this worker's now, of how many. For a dataset generator that loads its own
   * part (`training({ shard: 'own' })`).
   */
  readonly shard?: { readonly index: number; readonly count: number }
}

/** The checkpoint of a trial, or of the one that it continues. */
export interface SavedCheckpoint {
  /** The trial that saved it. */
  readonly trial: number
  /** The last step that had been reported by then; null: none. */
  readonly step: number | null
  /** As it was saved; of a model, the bytes that it was made into. */
  readonly bytes: Uint8Array
  /** The model that was saved, with its optimizer's state. Rejects with CHECKPOINT_INVALID if it was bytes. */
  readonly model: <M extends object = object>() => Promise<M>
}

/** For trials that are continued: by a further attempt after a crash, or by a trial with a larger `hparams.budget`. */
export interface Checkpoint {
  /**
   * Keeps a tfjs LayersModel or bytes, in place of what was kept before. Rejects with CHECKPOINT_INVALID for anything else, and for
   * more than 1 GiB.
   */
  readonly save: (what: object) => Promise<void>
  /** The last checkpoint of this trial, or else of the one that it continues; undefined: begin afresh. */
  readonly latest: () => Promise<SavedCheckpoint | undefined>
}

/** For people: what is looked at, or used, when the trial is over. */
export interface ArtifactSaver {
  /**
   * Keeps a tfjs LayersModel (without its optimizer's state), bytes, or the file at a path, under a name: letters, digits, `.`, `_` and
   * `-`. A name that is saved again is replaced. Bytes and files are not to be changed before it resolves; train need not await it. What
   * a trial saved stays if it is done, or was stopped. Of several workers that train together one saves for all. Rejects with
   * ARTIFACT_INVALID.
   */
  readonly save: (name: string, what: object | string) => Promise<void>
}

/** Artifacts that an exploration saved. */
export interface ExploredArtifact {
  readonly name: string
  readonly kind: ArtifactKind
  readonly bytes: number
  /** Where it lies, if a folder was given: a file, or of a model a folder. */
  readonly path?: string
  /** Where none was given: the bytes; of a model, those that it was made into. */
  readonly data?: Uint8Array
  readonly model?: <M extends object = object>() => Promise<M>
}

/** The arguments that the system gives a dataset generator, behind the hparams. */
export interface Told {
  /** The features to leave out; none outside of ablations. */
  readonly without: readonly string[]
}

/** A generator as train calls it: what the system adds is not train's to give. */
export type AsCalled<D> = D extends () => unknown
  ? D
  : D extends (hparams: infer H, told: Told) => infer R
    ? (hparams: H) => R
    : D

/** The parts of the training function that are switched off. */
export interface Switches {
  /** Whether this one of the definition's `switches` is to be left out of this trial; false outside of ablations. */
  readonly has: (name: string) => boolean
}

export interface TrainArguments<H, D, M> {
  /** The dataset generator, as it was defined; in an ablation it is told what to leave out, or another one stands here. */
  readonly dataset: AsCalled<D>
  /** The model generator, as it was defined; in an ablation its model lacks layers, or another one stands here. */
  readonly model: M
  /** In an ablation: which of the definition's `switches` this trial does without. */
  readonly ablated: Switches
  readonly hparams: H
  readonly reporter: Reporter
  readonly checkpoint: Checkpoint
  readonly artifact: ArtifactSaver
  readonly run: RunInfo
}

export interface ExperimentSpec<Defaults extends object, C extends Contexts, D, M> {
  /** Letters, digits, - and _. */
  readonly name: string
  /**
   * Dataset generator. In a training by several it must give the same on every worker, which is checked; what it draws with
   * `Math.random` or tfjs is the same there. Arrays, tensors and `tf.data.Dataset`s in plain objects and lists are cut into shards,
   * test and validation parts are not.
   */
  readonly dataset?: D
  /** Model generator. */
  readonly model?: M
  /** The dataset's features by name, for studies that leave some out. */
  readonly features?: readonly string[]
  /** Other model generators by name, for studies: they are called just as `model` is. */
  readonly models?: Readonly<Record<string, NoInfer<M>>>
  /** Other dataset generators by name, for studies. */
  readonly datasets?: Readonly<Record<string, NoInfer<D>>>
  /** The parts that train can do without (an augmentation, a term of the loss): studies name them, train asks `ablated.has(name)`. */
  readonly switches?: readonly string[]
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
  /** Artifacts that train saved. */
  readonly artifacts: readonly ExploredArtifact[]
}

export interface ExploreOptions {
  /** Whole number. Default: 0. */
  readonly seed?: number
  readonly onReport?: (point: MetricPoint) => void
  /** A folder for what train saves. Default: it is held in memory. */
  readonly artifacts?: string
}

/** A defined experiment. */
export interface Experiment<H extends object = object, C extends Contexts = Contexts> {
  readonly name: string
  /** The URL of the module that defines it: what is bundled and shipped. */
  readonly moduleUrl: string
  readonly contexts: C
  readonly defaults: Hparams
  /** Explore: a plain call in this process, no bus at all. */
  readonly run: (hparams?: Partial<H>, options?: ExploreOptions) => Promise<Exploration>
}
