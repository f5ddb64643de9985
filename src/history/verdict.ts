/** Decides the meaning of an event for its trial. Pure, shared by the driver's machine and by readers of the log. */
import {
  problem,
  toTold,
  type AttemptOutcome,
  type LogEvent,
  type Metrics,
  type Policy,
  type Problem,
} from '../../protocol/index.ts'

/** A trial ends in exactly one of these. */
export type FinalState = 'done' | 'pruned' | 'failed' | 'cancelled'

export type AttemptEnd = Extract<LogEvent, { type: 'trial.ended' | 'trial.lost' }>

export type Verdict =
  | { readonly kind: 'final'; readonly state: FinalState; readonly metrics: Metrics; readonly problem?: Problem }
  /** Tried again; it counts as an attempt. */
  | { readonly kind: 'retry' }
  /** train threw, and its context has it tried again. */
  | { readonly kind: 'thrown' }
  /** Tried again; it never began, and costs nothing. */
  | { readonly kind: 'return' }
  /** One of several workers that train the trial together is gone; the others go on, and it costs nothing. */
  | { readonly kind: 'goOn' }
  /** Another attempt ended the trial already. */
  | { readonly kind: 'ignore' }

interface Beside {
  /** Workers that train it beside this one. */
  readonly others?: number
  /** So many more throws of train are tried again. */
  readonly throwsLeft?: number
  /** Crashes of members in a row, while others went on. */
  readonly crashes?: number
}

/**
 * `spent`: attempts of this trial that were lost or crashed before this event. A member that crashes while others go on costs nothing, but
 * where as many do in a row as there were tries for each, it is the code.
 */
export function verdict(
  event: AttemptEnd,
  spent: number,
  policy: Pick<Policy, 'maxAttempts'>,
  { others = 0, throwsLeft = 0, crashes = 0 }: Beside = {},
): Verdict {
  if (others > 0 && isLoss(event)) {
    const isLast = isCrash(event) && crashes + 1 >= policy.maxAttempts * (others + 1)
    return isLast ? exhausted(crashes + 1, event.outcome.problem.message) : { kind: 'goOn' }
  }
  if (event.type === 'trial.lost') return again(event.reason, spent, policy)
  const { outcome } = event
  switch (outcome.kind) {
    case 'done':
      return { kind: 'final', state: 'done', metrics: outcome.metrics }
    case 'failed':
      if (throwsLeft > 0 && isThrow(outcome.problem)) return { kind: 'thrown' }
      return { kind: 'final', state: 'failed', metrics: {}, problem: outcome.problem }
    case 'crashed':
      return again(outcome.problem.message, spent, policy)
    case 'returned':
      return { kind: 'return' }
    default:
      return stopped(outcome)
  }
}

/** True for errors that train threw itself; an invalid result or a time limit would be the same again. */
const isThrow = ({ code }: Problem): boolean => code === 'TRAIN_FAILED'

export type Crash = Extract<AttemptEnd, { type: 'trial.ended' }> & {
  readonly outcome: Extract<AttemptOutcome, { kind: 'crashed' }>
}

export function isCrash(event: AttemptEnd): event is Crash {
  return event.type === 'trial.ended' && event.outcome.kind === 'crashed'
}

function isLoss(event: AttemptEnd): boolean {
  if (event.type === 'trial.lost') return true
  const { kind } = event.outcome
  return kind === 'crashed' || kind === 'returned'
}

function again(reason: string, spent: number, policy: Pick<Policy, 'maxAttempts'>): Verdict {
  return spent + 1 < policy.maxAttempts ? { kind: 'retry' } : exhausted(policy.maxAttempts, reason)
}

function exhausted(attempts: number, reason: string): Verdict {
  const fault = toTold(problem('ATTEMPTS_EXHAUSTED', { attempts, reason }))
  return { kind: 'final', state: 'failed', metrics: {}, problem: fault }
}

function stopped({ reason, metrics }: Extract<AttemptOutcome, { kind: 'stopped' }>): Verdict {
  return reason === 'superseded' ? { kind: 'ignore' } : { kind: 'final', state: reason, metrics }
}
