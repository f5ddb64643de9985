/** What a trial comes to. Pure. */
export { verdict, type AttemptEvent, type FinalState, type Verdict } from './outcome.ts'
