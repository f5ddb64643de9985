/** What a user writes, and how it is recognised. */
export type {
  Checkpoint,
  ContextOf,
  Contexts,
  Experiment,
  ExperimentSpec,
  Exploration,
  FitCallbacks,
  HparamsOf,
  ParameterOf,
  Reporter,
  SavedCheckpoint,
  RunInfo,
  Space,
  TrainArguments,
  TrainResult,
  ValuesOf,
} from './definition.ts'
export { defineExperiment, isExperiment, specOf } from './define.ts'
export { optimization, type OptimizationOptions } from './optimization.ts'
