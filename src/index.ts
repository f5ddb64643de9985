/**
 * Maggy's public API.
 *
 * What you write: an experiment is one oblivious training function, its generators, and the contexts it is run in.
 */
export { defineExperiment, optimization, training } from './experiment/index.ts'
export { sample, space } from './space/index.ts'
export { EarlyStop } from './train/index.ts'
export type {
  ContextOf,
  Experiment,
  ExperimentSpec,
  Exploration,
  FitCallbacks,
  HparamsOf,
  OptimizationOptions,
  Reporter,
  RunInfo,
  Space,
  TrainArguments,
  TrainingOptions,
  TrainResult,
  ValuesOf,
} from './experiment/index.ts'

/** How you run it: with `lagom`, or by `experiment.run(hparams)` in this process. */
export { lagom, type ExperimentFailure, type LagomOptions, type Progress, type Waiting } from './client/index.ts'

/** What comes out of it. */
export type { ExperimentState, Result, TrialResult, TrialState } from './store/index.ts'
export type { Counts, Direction, Hparams, HparamValue, MetricPoint, Metrics, Objective } from '../protocol/index.ts'

/** Optimizers of your own: a process that answers three requests. */
export { serveOptimizer, type ServedQuestion, type ServeOptions } from './optimizer/index.ts'
export type { Question, Sampler, SamplerPlugin } from './samplers/index.ts'
export type { Random } from './random/index.ts'

/** Errors: compare codes, never texts. */
export { codeOf, errorTable, MaggyError, RemoteError, type ErrorCode, type Problem } from '../protocol/index.ts'
