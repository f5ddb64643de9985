/**
 * Checks a request to change an experiment, and says why it is refused. The client asks the same as the driver, for not every client
 * is ours. Pure.
 */
import {
  problem,
  termsOf,
  canonical,
  type AskedChange,
  type Change,
  type Context,
  type OptimizationContext,
  type Submission,
} from '../../protocol/index.ts'
import { changedContext, placeOfEntries, type History } from '../history/index.ts'
import { createPruner } from '../pruners/index.ts'
import { fixedTo } from '../space/index.ts'

/** Entries of `enqueue` that a context holds. */
const mostEntries = 65_536

/** The change with absolute numbers. Throws CHANGE_REFUSED, HPARAMS_INVALID (what is enqueued), PRUNER_UNKNOWN, OPTION_INVALID. */
export function requestedChange(history: History, asked: AskedChange): Change {
  const { id: _, resume: __, signature: ___, trials, ...rest } = asked
  const { context, experiment } = history.submission
  const refuse = (what: string, reason: string) => problem('CHANGE_REFUSED', { what, experiment, reason })
  const isSearch = context.kind === 'optimization'
  for (const [name, value] of Object.entries({
    trials,
    optimizer: rest.optimizer,
    stop: rest.stop,
    enqueue: rest.enqueue,
  })) {
    if (value !== undefined && !isSearch) throw refuse(name, `it is no search but ${articled(context.kind)}`)
  }
  const { pruner, enqueue, failed, policy } = rest
  if (pruner !== undefined && context.kind === 'training') throw refuse('pruner', 'it is a training, of one trial')
  if (pruner !== undefined && pruner !== null) createPruner(pruner, context.objectives)
  if (failed === true && history.settledCounts.failed === 0) throw refuse('failed', 'no trial of it has failed')
  if (policy?.retry !== undefined && history.shared) {
    throw refuse('retry', 'its trials are trained by several workers, where a throw is the same on all')
  }
  if (!isSearch) return rest
  const change: Change = { ...rest, ...countOf(context, trials, enqueue?.length ?? 0) }
  if (change.trials !== undefined && change.trials < history.configurations) {
    throw refuse('trials', `${history.configurations} are suggested already, and ${change.trials} are fewer`)
  }
  requireEntries(context, change, history.configurations, refuse)
  return change
}

/** Enqueued trials come on top. */
function countOf(
  { trials: before }: OptimizationContext,
  asked: AskedChange['trials'],
  entries: number,
): { trials?: number } {
  if (asked === undefined) return entries === 0 ? {} : { trials: before + entries }
  return { trials: (typeof asked === 'number' ? asked : before + asked.more) + entries }
}

function requireEntries(
  context: OptimizationContext,
  { enqueue = [] }: Change,
  suggested: number,
  refuse: (what: string, reason: string) => Error,
): void {
  for (const [index, entry] of enqueue.entries()) {
    const made = fixedTo(context.space, entry, `enqueue[${index}]`)
    if (made.kind === 'fault') throw problem('HPARAMS_INVALID', { ...made.fault })
  }
  if (enqueue.length > 0 && placeOfEntries(context, suggested) + enqueue.length > mostEntries) {
    throw refuse('enqueue', `trials beyond number ${mostEntries} cannot be enqueued`)
  }
}

/** The submission as it is after the change. */
export function changedSubmission(history: History, change: Change): Submission {
  const { submission, configurations } = history
  return { ...submission, context: changedContext(submission.context, change, configurations) }
}

/** Whether a changed context goes beyond what the signature vouches for: workers would refuse its trials. */
export function goesBeyond(vouched: Context, changed: Context): boolean {
  const [before, after] = [termsOf(vouched, ''), termsOf(changed, '')]
  const fewer = { trials: Math.max(before.trials, after.trials) }
  return canonical(before) !== canonical({ ...after, ...fewer })
}

const articled = (kind: string): string => `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`
