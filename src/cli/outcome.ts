/** What an experiment came to, for whoever started it: its fault and its exit code. Pure. */
import { problem, toTold } from '../../protocol/index.ts'
import { exitCodeFor, exitCodes } from '../actor/index.ts'
import type { Result } from '../store/index.ts'

/** A pruned trial is no failure to the log, which ends as done; where there is nothing else, nothing was found. */
export function judged(result: Result): Result {
  const { state, counts, trials } = result
  if (state !== 'done' || counts.done > 0 || counts.pruned === 0) return result
  const reason = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
  return {
    ...result,
    problem: toTold(problem('NOTHING_DONE', { trials: trials.length, reason: reason.join(', ') })),
  }
}

/** `result`: as it was judged. */
export function codeFor({ state, problem: fault, misbehaved }: Result, signal: AbortSignal): number {
  if (signal.aborted) return exitCodes.interrupted
  // All trials ran, and a pruner of the user's said what is no verdict.
  if (state !== 'failed' && misbehaved !== undefined) return exitCodes.internal
  if (state !== 'failed' && fault === undefined) return exitCodes.done
  const own = exitCodeFor(fault?.code ?? '')
  return own === exitCodes.usage || own === exitCodes.internal ? own : exitCodes.failed
}
