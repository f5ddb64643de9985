/** Where user code runs: the tfjs backend, the reporter, one training. The only room that imports tfjs. */
export { loadBackend, type Backend } from './backend.ts'
export type { CheckpointStore } from './checkpoint.ts'
export { EarlyStop } from './early-stop.ts'
export { explore } from './explore.ts'
export { provideHost } from './host.ts'
export { createRelease } from './release.ts'
export type { ReporterHandle } from './reporter.ts'
export { runTraining, type TrainingOutcome } from './training.ts'
