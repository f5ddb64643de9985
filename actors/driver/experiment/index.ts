/** One experiment that a driver owns. */
export { annotationOf } from './annotating.ts'
export { LogWriter, type LogEnd } from './log-writer.ts'
export { countsOf, tellProgress } from './progress.ts'
export { ExperimentRun, type RunNews } from './run.ts'
