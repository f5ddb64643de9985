/** Decides the outcome of an attempt whose runner went with it. */
import {
  problem,
  toTold,
  type Assignment,
  type AttemptOutcome,
  type Metrics,
  type Problem,
} from '../../protocol/index.ts'
import type { KillCause } from './runner.machine.ts'
import type { StopCause } from './runner-messages.ts'

export interface Loss {
  readonly assignment: Assignment
  /** It had been told to stop. */
  readonly cause: StopCause | null
  readonly killed: KillCause | null
  /** How the process ended. */
  readonly reason: string
  /** It ran out of memory. */
  readonly outgrown?: boolean
  /** Null: it had not said that it had begun. */
  readonly startedAt: number | null
}

/** The worker goes, and could not wait for it: no fault of the trial. */
export const isHandedBack = ({ killed }: Loss): boolean => killed === 'handback' || killed === 'dismissed'

/** Of an attempt that no runner has begun: it was stopped, or it is handed back at no cost. */
export function outcomeOfUnbegun(cause: StopCause | null, reason = 'it had not begun'): AttemptOutcome {
  if (cause === null) return { kind: 'returned', reason }
  return { kind: 'stopped', reason: cause === 'timeout' ? 'cancelled' : cause, metrics: {} }
}

/** Pure: the outcome, given the last metrics that are known. */
export function outcomeOfLoss(loss: Loss, latest: Metrics, worker: string): AttemptOutcome {
  const { cause, assignment } = loss
  if (cause === 'timeout') return { kind: 'failed', problem: timedOut(assignment) }
  // An attempt that was told to stop has stopped, however its runner ended.
  if (cause !== null) return { kind: 'stopped', reason: cause, metrics: latest }
  // It is tried elsewhere at no cost.
  if (isHandedBack(loss)) return { kind: 'returned', reason: problem('WORKER_DRAINING', { worker }).message }
  if (loss.outgrown === true) return crashed(problem('RUNNER_OUT_OF_MEMORY', { reason: loss.reason }))
  return crashed(problem('RUNNER_CRASHED', { reason: reasonOf(loss) }))
}

function reasonOf({ killed, reason, startedAt }: Loss): string {
  if (killed === 'silent') return 'killed: it gave no sign of life'
  if (killed === 'deaf') return 'killed: it did not begin'
  return startedAt === null ? `${reason}, before it began` : reason
}

export function timedOut(assignment: Assignment): Problem {
  return toTold(problem('TRIAL_TIMEOUT', { ms: assignment.trialTimeoutMs ?? 0 }))
}

const crashed = (error: Error): AttemptOutcome => ({ kind: 'crashed', problem: toTold(error) })
