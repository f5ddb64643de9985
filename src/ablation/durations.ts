/**
 * How long trials took. The first trial of a runner takes longer: it loads the program, and everything runs for the first time. The
 * base comes first, so it would be the slowest whatever was left out. Such trials are kept apart.
 */
import { meanOf } from './moments.ts'

interface Timed {
  readonly trial: number
  readonly durationMs: number | null
  readonly worker?: string | null
  readonly startedAt?: number | null
  readonly endedAt?: number | null
  readonly attempts?: number
}

export interface Times {
  /** Mean milliseconds of these trials in runners that were warm, and in fresh ones; null: there were none. */
  of(trials: readonly Timed[]): { readonly warm: number | null; readonly fresh: number | null }
}

/** `trials`: all of the experiment. */
export function timesOf(trials: readonly Timed[]): Times {
  const firstEnds = new Map<string, number>()
  for (const { worker, endedAt } of trials) {
    if (typeof worker !== 'string' || typeof endedAt !== 'number') continue
    firstEnds.set(worker, Math.min(endedAt, firstEnds.get(worker) ?? Infinity))
  }
  const isFresh = ({ worker, startedAt, attempts = 1 }: Timed): boolean => {
    if (typeof worker !== 'string' || typeof startedAt !== 'number') return false
    // Before its worker had ended any; or after its runner died and was started anew.
    return startedAt < (firstEnds.get(worker) ?? Infinity) || attempts > 1
  }
  const mean = (of: readonly Timed[]) =>
    meanOf(of.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs])))
  return {
    of: (some) => ({ warm: mean(some.filter((one) => !isFresh(one))), fresh: mean(some.filter(isFresh)) }),
  }
}
