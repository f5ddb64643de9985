/** Trials and attempts as columns, for the wire. Pure. */
import type { AttemptRecord } from '../history/index.ts'
import type { TrialResult } from '../store/index.ts'
import type { AttemptColumns, TrialColumns } from './wire.ts'

/** `whyStopped`: the reason of the attempt that counts, where it was stopped. */
export function trialColumns(
  trials: readonly TrialResult[],
  whyStopped: (trial: TrialResult) => string | null,
): TrialColumns {
  return {
    trial: trials.map(({ trial }) => trial),
    state: trials.map(({ state }) => state),
    attempts: trials.map(({ attempts }) => attempts),
    attempt: trials.map(({ attempt }) => attempt),
    worker: trials.map(({ worker }) => worker),
    startedAt: trials.map(({ startedAt }) => startedAt),
    endedAt: trials.map(({ endedAt }) => endedAt),
    points: trials.map(({ points }) => points),
    why: trials.map((trial) => {
      if (trial.breaks !== undefined) return `breaks ${trial.breaks.join(', ')}`
      return trial.problem === undefined ? whyStopped(trial) : `${trial.problem.code}: ${trial.problem.message}`
    }),
    from: trials.map(({ from }) => from ?? null),
    without: trials.map(({ ablated }) => ablated?.components.map(({ name }) => name).join(' + ') ?? null),
    repeat: trials.map(({ ablated }) => ablated?.repeat ?? null),
    parameters: trials.map(({ parameters }) => parameters ?? null),
    members: trials.map(({ members }) => members ?? null),
    hparams: byName(trials.map(({ hparams }) => hparams)),
    metrics: byName(trials.map(({ metrics }) => metrics)),
  }
}

export function attemptColumns(attempts: readonly AttemptRecord[]): AttemptColumns {
  return {
    trial: attempts.map(({ trial }) => trial),
    attempt: attempts.map(({ attempt }) => attempt),
    worker: attempts.map(({ worker }) => worker),
    slot: attempts.map(({ slot }) => slot),
    assignedAt: attempts.map(({ assignedAt }) => assignedAt),
    startedAt: attempts.map(({ startedAt }) => startedAt),
    endedAt: attempts.map(({ endedAt }) => endedAt),
    ending: attempts.map(({ ending }) => ending),
    reason: attempts.map(({ reason }) => reason),
    checkpoint: attempts.map(({ checkpoint }) => checkpoint),
  }
}

/** A column for each name that occurs, null where a row has none. Names come from users: `__proto__` is one like any other. */
function byName<T>(rows: readonly Readonly<Record<string, T>>[]): Record<string, T[]> {
  const columns = new Map<string, (T | null)[]>()
  for (const [place, row] of rows.entries()) {
    for (const [name, value] of Object.entries(row)) {
      let column = columns.get(name)
      if (column === undefined) columns.set(name, (column = Array<T | null>(rows.length).fill(null)))
      column[place] = value
    }
  }
  return Object.fromEntries(columns) as Record<string, T[]>
}
