/** The trial, pure: what its events mean. */
export { verdict, type AttemptEnd, type FinalState, type Verdict } from './verdict.ts'
