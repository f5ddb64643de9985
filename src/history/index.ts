/** The log's one reading, pure: what its events mean, for the driver that writes it and for all who read it. */
export { Attempts, type AttemptEnding, type AttemptRecord, type GenerationRecord } from './attempts.ts'
export { isFinal, type TrialState } from './final.ts'
export { History, mostPrunerFailures, type Effect, type Observed, type TrialSnapshot } from './history.ts'
export { Holders } from './holders.ts'
export { LogOrder, type LogEntry } from './log-order.ts'
export { Reading, type ExperimentState } from './reading.ts'
export { seedOf } from './seed.ts'
export type { Part } from './trial.machine.ts'
