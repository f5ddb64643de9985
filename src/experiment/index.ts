/** Definitions that a user writes, and how they are recognised. */
export { ablation, fromBest, type AblationOptions } from './ablation.ts'
export type {
  ArtifactSaver,
  Checkpoint,
  AsCalled,
  ContextOf,
  Contexts,
  Experiment,
  ExperimentSpec,
  Exploration,
  ExploredArtifact,
  ExploreOptions,
  FitCallbacks,
  FitReports,
  HparamsOf,
  ParameterOf,
  Reporter,
  SavedCheckpoint,
  RunInfo,
  Space,
  Switches,
  Told,
  TrainArguments,
  TrainResult,
  ValuesOf,
} from './definition.ts'
export { defineWith, isContext, isExperiment, specOf, type AnySpec, type DefineExperiment } from './define.ts'
export { atPlace, faultOf, keepingFaults, validContexts } from './faulty-context.ts'
export { optimization, stopRule, type OptimizationOptions } from './optimization.ts'
export { plugin, policy, policyKeys, resourceOptions } from './options.ts'
export { training, trainingOptions, type TrainingOptions } from './training.ts'
