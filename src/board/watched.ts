/**
 * One experiment that is kept in mind whole: its reading, its attempts, and at which place in the log each of its trials changed last.
 * I1 What is told of a trial is all of it, so telling it twice changes nothing: whoever was away until a place in the log is told the
 *    trials that changed after it, and lacks nothing.
 */
import { Attempts, Reading, type LogEntry } from '../history/index.ts'
import { standingOf, trialsOf } from './card.ts'
import { attemptColumns, trialColumns } from './columns.ts'
import type { ExperimentFrame } from './wire.ts'

export class Watched {
  readonly reading: Reading
  readonly attempts = new Attempts()
  /** The place in the log of what was taken in last. */
  sequence = 0
  readonly #trialAt = new Map<number, number>()
  readonly #attemptAt: number[] = []

  constructor(experiment: string) {
    this.reading = new Reading(experiment)
  }

  take(sequence: number, entry: LogEntry | undefined): void {
    this.sequence = sequence
    const open = entry?.events.some(({ type }) => type.startsWith('experiment.')) === true ? this.#open() : undefined
    this.reading.take(entry, (event) => {
      if ('trial' in event) this.#trialAt.set(event.trial, sequence)
      for (const trial of this.reading.history?.movedUp ?? []) this.#trialAt.set(trial, sequence)
      for (const place of this.attempts.apply(event)) this.#attemptAt[place] = sequence
      // An experiment that fails, stops, ends or is resumed moves trials that it does not name.
      if (open !== undefined && event.type === 'experiment.resumed') for (const trial of this.#open()) open.add(trial)
    })
    for (const trial of open ?? []) this.#trialAt.set(trial, sequence)
  }

  /** Changes after this place in the log; 0: all of it. */
  since(sequence: number): ExperimentFrame {
    const trials = trialsOf(this.reading, changedAfter(this.#trialAt, sequence))
    const attempts = this.attempts.records.filter((_, place) => (this.#attemptAt[place] ?? 0) > sequence)
    const standing = standingOf(this.reading)
    const context = this.reading.history?.submission.context
    const graph = context?.kind === 'ablation' ? context.graph : undefined
    return {
      ...(sequence === 0 ? { whole: true, ...(graph === undefined ? {} : { graph }) } : {}),
      ...(standing === undefined ? {} : { standing }),
      trials: trialColumns(trials, ({ trial, attempt }) => this.#reason(trial, attempt)),
      attempts: attemptColumns(attempts),
      generations: this.attempts.generations,
    }
  }

  #open(): Set<number> {
    const { history } = this.reading
    return new Set([...(history?.queued ?? []), ...(history?.held ?? [])])
  }

  #reason(trial: number, attempt: number | null): string | null {
    return attempt === null ? null : (this.attempts.of(trial, attempt)?.reason ?? null)
  }
}

function* changedAfter(at: ReadonlyMap<number, number>, sequence: number): Iterable<number> {
  for (const [trial, changed] of at) if (changed > sequence) yield trial
}
