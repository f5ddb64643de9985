/** The attempts of an experiment as a reader sees them: where each ran, from when to when, and why it ended. Pure. */
import type { LogEvent } from '../../protocol/index.ts'

/**
 * How an attempt ended; `oom`: it ran out of memory; `cancelled`: its experiment ended under it; `superseded`: another attempt counts, as
 * one member’s does in a ring.
 */
export type AttemptEnding =
  'done' | 'stopped' | 'failed' | 'crashed' | 'oom' | 'returned' | 'lost' | 'cancelled' | 'superseded'

export interface AttemptRecord {
  readonly trial: number
  readonly attempt: number
  readonly worker: string
  readonly slot: number
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly assignedAt: number
  /** Known once it has ended. */
  readonly startedAt: number | null
  readonly endedAt: number | null
  /** null: it is under way. */
  readonly ending: AttemptEnding | null
  /** Why it ended or is to end, for people; null: it came to its own end. */
  readonly reason: string | null
  /** The trial has a checkpoint from this attempt or an earlier one. */
  readonly checkpoint: boolean
}

/** A ring's generation: who trains a trial together from then on. */
export interface GenerationRecord {
  readonly trial: number
  readonly generation: number
  readonly at: number
  /** In the order of their ranks. */
  readonly members: readonly string[]
}

export class Attempts {
  readonly records: AttemptRecord[] = []
  readonly generations: GenerationRecord[] = []
  readonly #places = new Map<string, number>()
  readonly #open = new Set<number>()

  /** Takes in one event, in the order of the log; returns the places of the records that it changed. */
  apply(event: LogEvent): readonly number[] {
    switch (event.type) {
      case 'trial.assigned':
        return this.#begin(event)
      case 'trial.stopping':
        return this.#change(event, { reason: stopText(event) })
      case 'trial.ended':
        return this.#end(event, { ...endingOf(event), startedAt: event.startedAt, endedAt: event.endedAt })
      case 'trial.lost':
        return this.#end(event, { ending: 'lost', reason: event.reason, endedAt: event.at })
      case 'experiment.ended':
        return [...this.#open].flatMap((place) => {
          const record = this.records[place] as AttemptRecord
          return this.#end(record, { ending: 'cancelled', endedAt: event.at })
        })
      case 'ring.formed': {
        const { trial, generation, at, members } = event
        this.generations.push({ trial, generation, at, members: members.map(({ worker }) => worker) })
        return []
      }
      default:
        return []
    }
  }

  of(trial: number, attempt: number): AttemptRecord | undefined {
    const place = this.#places.get(`${trial}/${attempt}`)
    return place === undefined ? undefined : this.records[place]
  }

  #begin({ trial, attempt, worker, slot, at }: Extract<LogEvent, { type: 'trial.assigned' }>): readonly number[] {
    const place = this.records.length
    this.#places.set(`${trial}/${attempt}`, place)
    this.#open.add(place)
    const open = { startedAt: null, endedAt: null, ending: null, reason: null, checkpoint: false }
    this.records.push({ trial, attempt, worker, slot, assignedAt: at, ...open })
    return [place]
  }

  #change(of: { readonly trial: number; readonly attempt: number }, change: Partial<AttemptRecord>): readonly number[] {
    const place = this.#places.get(`${of.trial}/${of.attempt}`)
    const before = place === undefined ? undefined : this.records[place]
    if (place === undefined || before === undefined) return []
    this.records[place] = { ...before, ...change }
    return [place]
  }

  /** The first end counts. */
  #end(of: { readonly trial: number; readonly attempt: number }, change: Partial<AttemptRecord>): readonly number[] {
    const place = this.#places.get(`${of.trial}/${of.attempt}`)
    if (place === undefined || !this.#open.delete(place)) return []
    return this.#change(of, change)
  }
}

function stopText({ reason, step }: Extract<LogEvent, { type: 'trial.stopping' }>): string {
  const what = { pruned: 'stopped by the pruner', cancelled: 'cancelled', superseded: 'another attempt counts' }[reason]
  return step === null ? what : `${what} at step ${step}`
}

function endingOf(
  event: Extract<LogEvent, { type: 'trial.ended' }>,
): Pick<AttemptRecord, 'ending' | 'checkpoint'> & Partial<AttemptRecord> {
  const { outcome, checkpoint = false } = event
  switch (outcome.kind) {
    case 'done':
      return { ending: 'done', checkpoint }
    case 'stopped':
      return {
        ending: outcome.reason === 'superseded' ? 'superseded' : 'stopped',
        checkpoint,
        reason: stopText({ ...event, ...outcome, type: 'trial.stopping', step: event.step ?? null }),
      }
    case 'returned':
      return { ending: 'returned', checkpoint, reason: outcome.reason }
    default: {
      const { code, message } = outcome.problem
      const ending = code === 'RUNNER_OUT_OF_MEMORY' ? 'oom' : outcome.kind
      return { ending, checkpoint, reason: `${code}: ${message}` }
    }
  }
}
