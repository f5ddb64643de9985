/**
 * Whether a pruner judges, for the people who look. The log says so, and says so again when that changes: a driver that takes the
 * experiment over goes on from there.
 * I1 A pruner that throws stops nothing, and costs nobody a report.
 */
import { codeOf, describe, type PrunerState } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { mostPrunerFailures, type History } from '../../../src/history/index.ts'
import type { Pruner } from '../../../src/pruners/index.ts'

export interface HealthNews {
  readonly pruner: PrunerState
  readonly code: string | undefined
  readonly note: string
}

type Found = { readonly state: 'judges' } | { readonly state: 'fails'; readonly error: unknown }

export class PrunerHealth {
  readonly #history: History
  readonly #clock: Clock
  /** The pruner's last reaction; null: it was not asked yet. */
  #found: Found | null = null

  constructor(history: History, clock: Clock) {
    this.#history = history
    this.#clock = clock
  }

  /** A pruner that never throws (I1). */
  guarded(pruner: Pruner): Pruner {
    return (history, trial) => {
      try {
        const verdict = pruner(history, trial)
        this.judges()
        return verdict
      } catch (error) {
        this.fails(error)
        return 'continue'
      }
    }
  }

  judges(): void {
    this.#found = { state: 'judges' }
  }

  fails(error: unknown): void {
    this.#found = { state: 'fails', error }
  }

  /** News that the log does not hold yet; null: none. A pruner that comes and goes is told so often only. */
  news(): HealthNews | null {
    const found = this.#found
    const { state, since, failures } = this.#history.records.notes.pruner
    if (found === null || found.state === state || failures >= mostPrunerFailures) return null
    const name = this.#history.submission.context.pruner?.name ?? 'none'
    if (found.state === 'judges') {
      const seconds = Math.max(0, Math.round((this.#clock.now() - since) / 1000))
      const note = `the pruner ${name} judges again, after ${seconds} s in which it did not`
      return { pruner: 'judges', code: undefined, note }
    }
    const count = failures + 1
    const times = count === 1 ? '' : ` for the ${ordinal(count)} time`
    const last = count === mostPrunerFailures ? '; it comes and goes, and no more is said of it' : ''
    const reason = describe(found.error)
    const note = `the pruner ${name} does not judge${times}, so nothing is stopped meanwhile${last}: ${reason}`
    return { pruner: 'fails', code: codeOf(found.error), note }
  }
}

const ordinal = (count: number): string => `${count}${['th', 'st', 'nd', 'rd'][count] ?? 'th'}`
