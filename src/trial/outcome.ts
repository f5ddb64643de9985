/**
 * What the end of an attempt means for its trial. The driver decides by it and the store folds the log by it, so that both
 * always tell the same story.
 * I1 A runner or worker lost under a trial costs one of `maxAttempts`; an attempt that was handed back costs nothing.
 * I2 The first final outcome of a trial counts; whoever folds ignores what comes after it.
 */
import { problem, toProblem, type LogEvent, type Metrics, type Policy, type Problem } from '../../protocol/index.ts'

/** The four ways in which a trial is over. */
export type FinalState = 'done' | 'pruned' | 'failed' | 'cancelled'

/** The events that end an attempt. */
export type AttemptEvent = Extract<LogEvent, { type: 'trial.ended' | 'trial.lost' }>

export type Verdict =
  /** The attempt is spent, the trial is queued again. */
  | { readonly kind: 'retry'; readonly problem: Problem }
  /** The attempt never began: the trial is queued again, at no cost. */
  | { readonly kind: 'return' }
  /** Another attempt took its place: nothing follows from this one. */
  | { readonly kind: 'ignore' }
  | { readonly kind: 'final'; readonly state: FinalState; readonly metrics: Metrics; readonly problem?: Problem }

/** `attemptsSoFar`: how many attempts of this trial were spent (crashed or lost) before this event. */
export function verdict(
  event: AttemptEvent,
  attemptsSoFar: number,
  policy: Pick<Policy, 'maxAttempts' | 'trialTimeoutMs'>,
): Verdict {
  if (event.type === 'trial.lost') {
    return spent(toProblem(problem('WORKER_LOST', { worker: event.worker })), attemptsSoFar, policy)
  }
  const { outcome } = event
  switch (outcome.kind) {
    case 'done':
      return { kind: 'final', state: 'done', metrics: outcome.metrics }
    case 'failed':
      return { kind: 'final', state: 'failed', metrics: {}, problem: outcome.problem }
    case 'crashed':
      return spent(outcome.problem, attemptsSoFar, policy)
    case 'returned':
      return { kind: 'return' }
    case 'stopped':
      return stopped(outcome.reason, outcome.metrics, policy)
  }
}

function stopped(
  reason: 'pruned' | 'cancelled' | 'superseded' | 'timeout',
  metrics: Metrics,
  policy: Pick<Policy, 'trialTimeoutMs'>,
): Verdict {
  switch (reason) {
    case 'pruned':
    case 'cancelled':
      return { kind: 'final', state: reason, metrics }
    case 'superseded':
      return { kind: 'ignore' }
    case 'timeout': {
      const late = toProblem(problem('TRIAL_TIMEOUT', { ms: policy.trialTimeoutMs ?? 0 }))
      return { kind: 'final', state: 'failed', metrics, problem: withoutStack(late) }
    }
  }
}

function spent(last: Problem, attemptsSoFar: number, policy: Pick<Policy, 'maxAttempts'>): Verdict {
  const attempts = attemptsSoFar + 1
  if (attempts < policy.maxAttempts) return { kind: 'retry', problem: withoutStack(last) }
  const exhausted = problem('ATTEMPTS_EXHAUSTED', { attempts, reason: last.message })
  return { kind: 'final', state: 'failed', metrics: {}, problem: withoutStack(toProblem(exhausted)) }
}

/** Our own stack says nothing about the user's trial, and a verdict is a value that two processes must agree on. */
function withoutStack({ stack: _, ...rest }: Problem): Problem {
  return rest
}
