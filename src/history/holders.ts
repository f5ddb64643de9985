/** Which worker the log gave each attempt to: nobody else's word counts for it. Pure. */
import type { LogEvent } from '../../protocol/index.ts'

export class Holders {
  /** By trial: most are given away once, and there are tens of thousands. */
  readonly #first: (string | undefined)[] = []
  readonly #later = new Map<string, string>()

  note(event: LogEvent): void {
    if (event.type !== 'trial.assigned') return
    const { trial, attempt, worker } = event
    if (attempt === 1) this.#first[trial] = worker
    else this.#later.set(`${trial}/${attempt}`, worker)
  }

  /** Undefined: the log gave it to nobody. */
  holderOf(trial: number, attempt: number): string | undefined {
    return attempt === 1 ? this.#first[trial] : this.#later.get(`${trial}/${attempt}`)
  }
}
