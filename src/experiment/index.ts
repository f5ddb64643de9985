/** What a user writes, and how it is recognised. */
export type {
  ContextOf,
  Contexts,
  Experiment,
  ExperimentSpec,
  Exploration,
  FitCallbacks,
  HparamsOf,
  ParameterOf,
  Reporter,
  RunInfo,
  Space,
  TrainArguments,
  TrainResult,
  ValuesOf,
} from './definition.ts'
export { defineExperiment, isExperiment, specOf } from './define.ts'
export { optimization, type OptimizationOptions } from './optimization.ts'
export { training, trainingOptions, type TrainingOptions } from './training.ts'
