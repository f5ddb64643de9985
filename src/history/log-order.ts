/** The order of a log's events by their numbers: what is missing between two entries is a hole. Pure. */
import type { LogEvent } from '../../protocol/index.ts'

/** An entry of a log: the number of its first event (older logs have none), and its events. */
export interface LogEntry {
  readonly first?: number
  readonly events: readonly LogEvent[]
}

export class LogOrder {
  /** The number of the next event. */
  next = 0
  /** Places at which events are missing. */
  holes = 0
  /** The numbers that are known to be missing. */
  missing = 0
  #damaged = false
  #accepted = 0

  /** Takes in an entry, in the order of the log. */
  take({ first, events }: LogEntry): void {
    if (first !== undefined && first !== this.next) {
      // After an entry that could not be read the hole is counted already, and this is its size.
      if (!this.#damaged) this.holes += 1
      this.missing += Math.max(0, first - this.next)
      this.next = first
    } else if (first !== undefined && this.#damaged) {
      // The numbers go on: what could not be read was no part of the log, whoever wrote it there.
      this.holes -= 1
    }
    this.#damaged = false
    this.next += events.length
    for (const event of events) if (event.type === 'experiment.adopted') this.#accepted = event.holes ?? this.#accepted
  }

  /** There is a hole, and nobody has said to go on all the same. */
  get broken(): boolean {
    return this.holes > this.#accepted
  }

  /** The same, whatever the last entry was, if it could not be read: the next one tells whether it was part of the log. */
  get surelyBroken(): boolean {
    return this.holes - (this.#damaged ? 1 : 0) > this.#accepted
  }

  /** Describes the fault, for people. */
  get fault(): string {
    const events = this.missing === 0 ? 'events' : this.missing === 1 ? 'an event' : `${this.missing} events`
    const places = this.holes === 1 ? 'at one place' : `at ${this.holes} places`
    return `${events} missing ${places}`
  }

  /** An entry that cannot be read: nobody knows how many events it held. */
  damaged(): void {
    if (!this.#damaged) this.holes += 1
    this.#damaged = true
  }
}
