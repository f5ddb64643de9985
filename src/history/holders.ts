/** Which worker the log gave each attempt to: nobody else's word counts for it. Pure. */
import type { LogEvent } from '../../protocol/index.ts'

export class Holders {
  readonly #workers = new Map<number, Map<number, string>>()

  note(event: LogEvent): void {
    if (event.type !== 'trial.assigned') return
    const given = this.#workers.get(event.trial) ?? new Map<number, string>()
    given.set(event.attempt, event.worker)
    this.#workers.set(event.trial, given)
  }

  /** Undefined: the log gave it to nobody. */
  holderOf(trial: number, attempt: number): string | undefined {
    return this.#workers.get(trial)?.get(attempt)
  }
}
