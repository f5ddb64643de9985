/** Makes the assignment of a trial, and decides how far a worker's answer is believed. */
import {
  problem,
  ringName,
  toTold,
  type Ablated,
  type Assignment,
  type AttemptOutcome,
  type AttemptRef,
  type Context,
  type RingSeat,
  type RingSettings,
  type Submission,
} from '../../../protocol/index.ts'
import { seedOf, type TrialSnapshot } from '../../../src/history/index.ts'
import { limitsOf, limitText } from '../../../src/pareto/index.ts'
import { signedOf } from '../../../src/signing/index.ts'

export interface AssignmentSource {
  readonly driver: string
  readonly submission: Submission
  /** As its signature vouches for it. */
  readonly vouched: Submission
  readonly attempt: AttemptRef
  readonly slot: number
  readonly trial: TrialSnapshot['context']
  readonly ablated: Ablated | undefined
}

export function assignmentOf(source: AssignmentSource): Assignment {
  const { driver, submission, vouched, attempt, slot, trial, ablated } = source
  const { context, bundle, contextName } = submission
  const signed = signedOf(vouched)
  return {
    attempt,
    driver,
    slot,
    ...(bundle === undefined ? {} : { bundle }),
    contextName,
    ...inputOf(context, trial),
    seed: seedOf(context, attempt.trial, ablated),
    objectives: context.objectives.map(({ metric }) => metric),
    trialTimeoutMs: context.policy.trialTimeoutMs,
    graceMs: context.policy.graceMs,
    ...(ablated === undefined ? {} : { ablated }),
    ...(signed === undefined ? {} : { signed }),
    ...('ring' in context && context.ring !== undefined ? { ring: ringSeatOf(attempt, context.ring, trial) } : {}),
  }
}

function ringSeatOf(
  { experiment, trial, attempt }: AttemptRef,
  settings: RingSettings,
  { parts }: TrialSnapshot['context'],
): RingSeat {
  const seat = parts.find((part) => part.attempt === attempt)?.seat
  return { ring: ringName(experiment, trial), settings, ...(seat === undefined ? {} : { seat }) }
}

/** A result is believed only if it holds what the context asked for. */
export function believed({ objectives }: Context, outcome: AttemptOutcome): AttemptOutcome {
  if (outcome.kind !== 'done') return outcome
  const isMissing = ({ metric }: { readonly metric: string }) => !Object.hasOwn(outcome.metrics, metric)
  const limit = limitsOf(objectives).find(isMissing)
  const missing = objectives.find(isMissing) ?? limit
  if (missing === undefined) return outcome
  const { metric } = missing
  const names = Object.keys(outcome.metrics).join(', ') || 'none'
  // A worker is asked for the objectives alone: to say what else is missing, and for which constraint, is left to the driver.
  const returned = missing === limit ? `${names}, and the constraint ${limitText(limit)} needs ${metric}` : names
  return { kind: 'failed', problem: toTold(problem('METRIC_MISSING', { metric, returned })) }
}

/** The hparams that train gets, and the checkpoint that it goes on from. */
function inputOf(
  { hparams: fixed }: Context,
  { hparams, fidelity }: TrialSnapshot['context'],
): Pick<Assignment, 'hparams' | 'resumeFrom'> {
  if (fidelity === undefined) return { hparams: { ...fixed, ...hparams } }
  const { budget, from } = fidelity
  return { hparams: { ...fixed, ...hparams, budget }, ...(from === null ? {} : { resumeFrom: from }) }
}
