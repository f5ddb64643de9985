/** The attempts at an experiment's trials, and their way to workers. */
export { assignmentOf } from './assignment.ts'
export { disbelief, trialIn } from './belief.ts'
export { Attempts, standingsOf } from './attempts.ts'
export type { TrialDecision } from './decision.ts'
export { Delivery } from './delivery.ts'
