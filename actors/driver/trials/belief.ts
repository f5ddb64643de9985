/**
 * Whose word counts for an attempt: that of the worker to which the log gave it, and nobody else's. What the server's permissions
 * cannot know, the log does.
 */
import { problem, type MaggyError } from '../../../protocol/index.ts'
import type { History } from '../../../src/history/index.ts'

/** Why what a worker says of an attempt is not believed; undefined: the attempt is its own. */
export function disbelief(history: History, worker: string, trial: number, attempt: number): MaggyError | undefined {
  const holder = history.records.holders.holderOf(trial, attempt)
  if (holder === worker) return undefined
  const { experiment } = history.submission
  return problem('ATTEMPT_FOREIGN', { worker, trial, attempt, experiment, holder: holder ?? 'nobody' })
}

/** The trial that a subject names; undefined: it is no number as one writes it. */
export function trialIn(token: string): number | undefined {
  return /^(?:0|[1-9]\d{0,15})$/.test(token) ? Number(token) : undefined
}
