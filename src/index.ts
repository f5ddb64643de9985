/**
 * Maggy's public API.
 *
 * An experiment is one oblivious training function, its generators, and the contexts it is run in.
 */
import { defineWith, type DefineExperiment } from './experiment/index.ts'

/**
 * Defines an experiment: a training function, its generators and the contexts it is run in. The module that calls it (give it
 * `import.meta.url`, or in CommonJS `__filename`) and exports the result as its default is what travels to the workers. Throws EXPERIMENT_INVALID.
 */
export const defineExperiment: DefineExperiment = defineWith(() => import('./train/index.ts'))
export { ablation, fromBest, optimization, training } from './experiment/index.ts'
export { study, withoutColumns, type StudyBuilder, type Table, type WithoutOptions } from './ablation/index.ts'
export { sample, space, validate } from './space/index.ts'
export { EarlyStop } from './train/index.ts'
export type {
  AblationOptions,
  ArtifactSaver,
  AsCalled,
  Checkpoint,
  ContextOf,
  Experiment,
  ExperimentSpec,
  Exploration,
  ExploredArtifact,
  ExploreOptions,
  FitCallbacks,
  FitReports,
  HparamsOf,
  OptimizationOptions,
  Reporter,
  RunInfo,
  SavedCheckpoint,
  Space,
  Switches,
  Told,
  TrainArguments,
  TrainingOptions,
  TrainResult,
  ValuesOf,
} from './experiment/index.ts'

/** How you run it: with `lagom`, or by `experiment.run(hparams)` in this process. */
export {
  lagom,
  type ExperimentFailure,
  type KeptResult,
  type KeptTrial,
  type LagomBoard,
  type LagomOptions,
  type Progress,
  type Waiting,
} from './client/index.ts'

/** The result. */
export type { ExperimentState, TrialState } from './history/index.ts'
export type { Artifact, Result, TrialResult } from './store/index.ts'
export type { Counts, Direction, Hparams, HparamValue, MetricPoint, Metrics, Objective } from '../protocol/index.ts'

/** Optimizers of your own: a process that answers three requests. */
export { serveOptimizer, type OpenedSearch, type ServedQuestion, type ServeOptions } from './optimizer/index.ts'
export { servePruner, type ServedPruner } from './pruning/index.ts'
export type { Pruner, PrunerPlugin, ReportedTrial } from './pruners/index.ts'
export type { Proposal, Scheduler, SchedulerPlugin } from './schedulers/index.ts'
export type { Question, Sampler, SamplerPlugin, SamplerSetting } from './samplers/index.ts'

/** Samplers alone: ask and tell, without any bus. */
export {
  createSearch,
  type Search,
  type SearchOptions,
  type Suggestion,
  type SearchOutcome,
} from './optimizer/index.ts'
export type { Random } from './random/index.ts'

/** Ablators of your own, and what an ablation came to. */
export {
  serveAblator,
  type OpenedStudy,
  type ServeAblatorOptions,
  type ServedAblationQuestion,
} from './ablator/index.ts'
export type { AblationQuestion, AblationResult, Ablator, AblatorPlugin, Comparison } from './ablation/index.ts'
/** Model surgery, for those who want it outside of an ablation. */
export { removeLayers } from './train/index.ts'

/** Errors: compare codes, never texts. */
export { codeOf, errorTable, MaggyError, RemoteError, type ErrorCode, type Problem } from '../protocol/index.ts'
