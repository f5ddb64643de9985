/** How a trial may stand, in the machine's words and in a reader's. */
import type { FinalState } from './verdict.ts'

/** A trial as those who read of it know it: it runs, or it waits for a slot or in one, or it has settled. */
export type TrialState = 'queued' | 'running' | FinalState

const finalStates: ReadonlySet<string> = new Set(['done', 'pruned', 'failed', 'cancelled'] satisfies FinalState[])

/** Whether nothing follows on a trial's state (but that a resumed experiment opens it again). */
export function isFinal(state: string): state is FinalState {
  return finalStates.has(state)
}

/** A state of the trial machine in a reader's words. `waits`: in its slot, behind another trial. */
export function trialStateOf(value: string, waits: boolean): TrialState {
  if (isFinal(value)) return value
  return value === 'queued' || waits ? 'queued' : 'running'
}
