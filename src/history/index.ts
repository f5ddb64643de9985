/** The log's one reading, pure: what its events mean, for the driver that writes it and for all who read it. */
export { History, type Effect, type Observed, type TrialSnapshot } from './history.ts'
export { LogOrder, type LogEntry } from './log-order.ts'
export type { Part } from './trial.machine.ts'
export { verdict, type AttemptEnd, type FinalState } from './verdict.ts'
