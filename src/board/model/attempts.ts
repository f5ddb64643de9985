/** The attempts of an experiment as a page holds them, and what the lanes of its slots tell. Pure. */
import type { AttemptRecord, TrialState } from '../../history/index.ts'
import type { AttemptColumns } from '../wire.ts'

export class AttemptList {
  readonly #byKey = new Map<string, AttemptRecord>()

  /** Each attempt comes whole: what is known of it already is replaced. */
  merge(columns: AttemptColumns): void {
    for (const [at, trial] of columns.trial.entries()) {
      const attempt = columns.attempt[at] as number
      this.#byKey.set(`${trial}/${attempt}`, {
        trial,
        attempt,
        worker: columns.worker[at] as string,
        slot: columns.slot[at] as number,
        assignedAt: columns.assignedAt[at] as number,
        startedAt: columns.startedAt[at] ?? null,
        endedAt: columns.endedAt[at] ?? null,
        ending: columns.ending[at] ?? null,
        reason: columns.reason[at] ?? null,
        checkpoint: columns.checkpoint[at] === true,
      })
    }
  }

  get count(): number {
    return this.#byKey.size
  }

  all(): AttemptRecord[] {
    return [...this.#byKey.values()]
  }

  of(trial: number): AttemptRecord[] {
    return this.all()
      .filter((attempt) => attempt.trial === trial)
      .sort((a, b) => a.attempt - b.attempt)
  }
}

/** A slot's attempts, one after the other. */
export interface Lane {
  readonly name: string
  readonly attempts: readonly AttemptRecord[]
}

export function lanesOf(attempts: readonly AttemptRecord[]): Lane[] {
  const lanes = new Map<string, AttemptRecord[]>()
  for (const attempt of attempts) {
    const name = `${attempt.worker}/${attempt.slot}`
    const lane = lanes.get(name)
    if (lane === undefined) lanes.set(name, [attempt])
    else lane.push(attempt)
  }
  return [...lanes]
    .map(([name, own]) => ({ name, attempts: own.sort((a, b) => beginOf(a) - beginOf(b)) }))
    .sort((a, b) => beginOf(a.attempts[0]) - beginOf(b.attempts[0]) || (a.name < b.name ? -1 : 1))
}

/** It waits in its slot behind another one: its trial is queued, though a worker has it. */
export const waits = ({ ending }: AttemptRecord, state: TrialState | undefined): boolean =>
  ending === null && state === 'queued'

export const beginOf = (attempt: AttemptRecord | undefined): number => attempt?.startedAt ?? attempt?.assignedAt ?? 0

/** The time saved because no trial waited for another. */
export interface Savings {
  readonly slots: number
  /** From the first attempt to now, or to the end. */
  readonly wallMs: number
  /** How long the same trials would have taken in stages of as many as there are slots, each waiting for its slowest. */
  readonly stagedMs: number
  readonly stopped: number
  /** The time saved by early stopping: each stopped trial is taken to have needed the median duration of those that ran to their end. */
  readonly savedMs: number
  /** Time that attempts took which were lost or crashed. */
  readonly lostMs: number
}

/** null: no attempt has ended yet. */
export function savingsOf(attempts: readonly AttemptRecord[], now: number): Savings | null {
  const ended = attempts.filter(({ endedAt }) => endedAt !== null)
  if (ended.length === 0) return null
  const lanes = lanesOf(attempts)
  const from = Math.min(...lanes.map((lane) => beginOf(lane.attempts[0])))
  const open = attempts.some(({ endedAt }) => endedAt === null)
  const to = open ? now : ended.reduce((latest, { endedAt }) => Math.max(latest, endedAt ?? 0), 0)
  const took = (attempt: AttemptRecord) => Math.max(0, (attempt.endedAt ?? now) - beginOf(attempt))
  const sum = (of: readonly AttemptRecord[]) => of.reduce((total, attempt) => total + took(attempt), 0)
  const whole = ended.filter(({ ending }) => ending === 'done').map(took)
  const stopped = ended.filter(({ ending }) => ending === 'stopped')
  const median = medianOf(whole)
  return {
    slots: lanes.length,
    wallMs: to - from,
    stagedMs: stagedMs(attempts, lanes.length, took),
    stopped: stopped.length,
    savedMs: median === null ? 0 : stopped.reduce((total, attempt) => total + Math.max(0, median - took(attempt)), 0),
    lostMs: sum(ended.filter(({ ending }) => ending === 'lost' || ending === 'crashed' || ending === 'oom')),
  }
}

function stagedMs(attempts: readonly AttemptRecord[], slots: number, took: (attempt: AttemptRecord) => number): number {
  const inOrder = attempts.toSorted((a, b) => beginOf(a) - beginOf(b))
  let total = 0
  for (let at = 0; at < inOrder.length; at += slots) total += Math.max(...inOrder.slice(at, at + slots).map(took))
  return total
}

function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
