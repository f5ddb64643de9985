/** The driver's part of a trial's trace: the trial from its suggestion to its end, and how long it waited for a slot. */
import type { LogEvent } from '../../../protocol/index.ts'
import { isFinal, type History } from '../../../src/history/index.ts'
import { traced } from '../../../src/tracing/index.ts'

export class TrialTraces {
  readonly #history: History
  /** Of trials that have not ended; those of another driver's time are not known. */
  readonly #suggestedAt = new Map<number, number>()

  constructor(history: History) {
    this.#history = history
  }

  /** Called after the history has taken it in. */
  note(event: LogEvent): void {
    const { experiment } = this.#history.submission
    if (event.type === 'trial.suggested') this.#suggestedAt.set(event.trial, event.at)
    if (event.type === 'trial.assigned') {
      const { trial, at, attempt, worker } = event
      const startedAt = this.#suggestedAt.get(trial) ?? at
      const attributes = { 'maggy.worker': worker }
      const name = attempt === 1 ? 'queued' : `queued-${attempt}`
      traced(() => ({ experiment, trial, name, below: 'trial', startedAt, endedAt: at, attributes }))
    }
    if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return
    const { trial, at } = event
    const snapshot = this.#history.trial(trial)
    if (snapshot === undefined || !isFinal(snapshot.value)) return
    const { value: state, context } = snapshot
    const startedAt = this.#suggestedAt.get(trial) ?? context.assignedAt ?? at
    this.#suggestedAt.delete(trial)
    const attributes = { 'maggy.state': state, 'maggy.attempts': context.attempt }
    traced(() => ({ experiment, trial, name: 'trial', startedAt, endedAt: at, failed: state === 'failed', attributes }))
  }
}
