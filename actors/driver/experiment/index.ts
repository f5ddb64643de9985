/** One experiment that a driver owns. */
export type { LogEnd } from './log-writer.ts'
export { tellProgress } from './progress.ts'
export { ExperimentRun, type RunNews } from './run.ts'
