/** Where user code runs: the tfjs backend, the reporter, one training. The only room that imports tfjs. */
export { loadBackend, loadPlainBackend, type Backend, type Tf } from './backend.ts'
export type { CheckpointStore } from './checkpoint.ts'
export { EarlyStop, isEarlyStop } from './early-stop.ts'
export { explore } from './explore.ts'
export { provideHost } from './host.ts'
export { createRelease } from './release.ts'
export type { ReporterHandle, ReportSink } from './reporter.ts'
export { runTraining, type Training, type TrainingEnd, type TrainingOutcome } from './training.ts'
