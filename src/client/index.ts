/** The client's side: submitting experiments, following them, and a bus of one's own where there is none. */
export { followExperiment, type Progress, type Watch } from './follow.ts'
export { lagom, type ExperimentFailure, type LagomOptions } from './lagom.ts'
export { suggesterFor } from './fleet.ts'
export { resumeAndFollow, runExperiment } from './run.ts'
export { openSession, type Session, type SessionOptions } from './session.ts'
export { contextOf, experimentId, submissionOf } from './submission.ts'
export { withComponents } from './study.ts'
export { stopRunning, type Waiting } from './submit.ts'
