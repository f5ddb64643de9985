/**
 * The one writer of an experiment's log.
 * I1 Group commit: what one turn produced, and all that gathers while an append is under way, is one append and one sync.
 * I2 Fenced: every append names the last sequence it knows. When somebody else wrote, this writer is done (`onFenced`).
 * I3 An append whose fate is unknown (time-out, outage) is repeated until it is known: nothing is dropped, nothing stands twice.
 * I4 Events are numbered from 0 on; an entry names the number of its first event, so that a reader notices what is gone.
 */
import { encodePayload, isProblem, log, subjectFor, type LogEvent } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'

const eventsPerAppend = 256
const retryMs = 200

/** Where a log ends. */
export interface LogEnd {
  /** The last sequence on its subject; 0: there is none. */
  readonly last: number
  /** The number that the next event gets. */
  readonly next: number
}

export class LogWriter {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #subject: string
  readonly #onFenced: () => void
  #last: number
  /** The number of the next event to be written (I4). */
  #next: number
  #queue: LogEvent[] = []
  #waiting: (() => void)[] = []
  #writing = false
  #fenced = false
  #appended = 0

  constructor(bus: Bus, clock: Clock, experiment: string, { last, next }: LogEnd, onFenced: () => void) {
    this.#bus = bus
    this.#clock = clock
    this.#subject = subjectFor(log, { experiment })
    this.#last = last
    this.#next = next
    this.#onFenced = onFenced
  }

  /** Appends made so far; with group commit fewer than events. */
  get appended(): number {
    return this.#appended
  }

  write(...events: LogEvent[]): void {
    if (this.#fenced) return
    this.#queue.push(...events)
    if (!this.#writing) {
      this.#writing = true
      // The rest of this turn joins the same append.
      queueMicrotask(() => void this.#run())
    }
  }

  /** Resolves true once all that was written so far is kept; false if another writer took over. */
  kept(): Promise<boolean> {
    if (this.#fenced) return Promise.resolve(false)
    if (!this.#writing) return Promise.resolve(true)
    const { promise, resolve } = withResolvers()
    this.#waiting.push(resolve)
    return promise.then(() => !this.#fenced)
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#fenced) {
      const events = this.#queue.splice(0, eventsPerAppend)
      const atEnd = this.#queue.length === 0
      const waiting = atEnd ? this.#waiting.splice(0) : []
      await this.#append(encodePayload(log.payload, { first: this.#next, events }, this.#subject))
      this.#next += events.length
      for (const resolve of waiting) resolve()
    }
    this.#writing = false
    for (const resolve of this.#waiting.splice(0)) resolve()
    if (this.#fenced) this.#onFenced()
  }

  async #append(data: Uint8Array): Promise<void> {
    for (let again = false; !this.#fenced; again = true) {
      try {
        this.#last = await this.#bus.streams.append(this.#subject, data, { expectedLast: this.#last })
        this.#appended += 1
        return
      } catch (error) {
        if (isProblem(error, 'BUS_CONFLICT')) {
          if (again && (await this.#wasOurs(data))) return
          this.#fenced = true
        } else if (isProblem(error, 'BUS_CLOSED')) {
          this.#fenced = true
        } else if (isProblem(error, 'BUS_TIMEOUT', 'BUS_DISCONNECTED', 'BUS_NO_RESPONDERS')) {
          await pause(this.#clock, retryMs)
        } else {
          throw error
        }
      }
    }
  }

  /** After an unknown fate: does the entry that is in the way hold our own bytes? */
  async #wasOurs(data: Uint8Array): Promise<boolean> {
    for (;;) {
      try {
        const entry = await this.#bus.streams.last('log', this.#subject)
        if (entry === undefined || Buffer.compare(entry.data, data) !== 0) return false
        this.#last = entry.sequence
        this.#appended += 1
        return true
      } catch (error) {
        if (!isProblem(error, 'BUS_TIMEOUT', 'BUS_DISCONNECTED', 'BUS_NO_RESPONDERS')) throw error
        await pause(this.#clock, retryMs)
      }
    }
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, ms)
  })
}
