/** The attempts at an experiment's trials, and their way to workers. */
export { assignmentOf } from './assignment.ts'
export { Attempts, observationsOf, type TrialDecision } from './attempts.ts'
export { Delivery } from './delivery.ts'
