/** Trials as traces, for those who ask for them. */
export { spanIdOf, traceIdOf } from './ids.ts'
export { endTracing, startTracing, traced } from './tracing.ts'
