/**
 * The one writer of an experiment's log.
 * I1 Group commit: what one turn produced, and all that gathers while an append is under way, is one append and one sync.
 * I2 Fenced: every append names the last sequence it knows. When somebody else wrote, this writer is done (`onFenced`).
 * I3 An append whose fate is unknown (time-out, outage) is repeated until it is known: nothing is dropped, nothing stands twice.
 * I4 What the server refuses (it is full, it has no stream) is tried again until it is taken, and `problem` says so meanwhile: nothing
 *    that a server answers ends the process. Only the first entry of a new log is given up, with the server's code.
 * I5 Events are numbered from 0 on; an entry names the number of its first event, so that a reader notices what is gone.
 */
import {
  encode,
  encodePayload,
  isProblem,
  log,
  problem,
  subjectFor,
  toProblem,
  type LogEvent,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { streamOverhead, type Bus } from '../../../src/bus/index.ts'

const eventsPerAppend = 256
const retryMs = 200
const refusedRetryMs = 1000
/** What an entry's own fields take at most, in bytes. */
const entryOverhead = 64
const unknownFate = ['BUS_TIMEOUT', 'BUS_DISCONNECTED', 'BUS_NO_RESPONDERS'] as const

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
  /** The number of the next event to be written (I5). */
  #next: number
  #queue: LogEvent[] = []
  #waiting: (() => void)[] = []
  #writing = false
  #fenced = false
  #closed = false
  #appended = 0
  /** Why nothing is kept, while nothing is; `since` in elapsed time. */
  problem: { code: string; message: string; since: number } | null = null

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

  /** Refuses an event that would never fit an entry. Throws BUS_TOO_LARGE. */
  admit(event: LogEvent): void {
    const limit = this.#bus.maxPayload - streamOverhead - entryOverhead
    const bytes = encode(event).length
    if (bytes > limit) throw problem('BUS_TOO_LARGE', { bytes, subject: this.#subject, limit })
  }

  /** Begins the log, or goes on with it; false: somebody else did. Rejects with what the server refuses it for (I4). */
  async open(events: readonly LogEvent[]): Promise<boolean> {
    this.#writing = true
    try {
      await this.#append(this.#entry(events), false)
      this.#next += events.length
    } finally {
      this.#writing = false
    }
    return !this.#fenced
  }

  write(...events: LogEvent[]): void {
    if (this.#fenced || this.#closed) return
    this.#queue.push(...events)
    if (!this.#writing) {
      this.#writing = true
      // The rest of this turn joins the same append.
      queueMicrotask(() => void this.#run())
    }
  }

  /** This driver lets go of the experiment: nothing more is written. What is on its way counts as not kept. */
  close(): void {
    if (this.#writing) this.#fenced = true
    this.#closed = true
    this.#queue = []
  }

  /** After an outage, or on the word of somebody who knows more: does the log still end where this writer left it? */
  verify(): void {
    if (this.#writing || this.#fenced || this.#closed) return
    this.#writing = true
    void this.#verify()
  }

  async #verify(): Promise<void> {
    const last = await this.#patiently(() => this.#bus.streams.last('log', this.#subject))
    if (last !== undefined && last.sequence > this.#last) this.#fenced = true
    await this.#run()
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
      const events = this.#takeBatch()
      const atEnd = this.#queue.length === 0
      const waiting = atEnd ? this.#waiting.splice(0) : []
      await this.#append(this.#entry(events), true)
      this.#next += events.length
      for (const resolve of waiting) resolve()
    }
    this.#writing = false
    for (const resolve of this.#waiting.splice(0)) resolve()
    if (this.#fenced) this.#onFenced()
  }

  #entry(events: readonly LogEvent[]): Uint8Array {
    return encodePayload(log, { first: this.#next, events: [...events] }, this.#subject)
  }

  /** As many events as fit an entry. */
  #takeBatch(): LogEvent[] {
    const limit = this.#bus.maxPayload - streamOverhead - entryOverhead
    let count = Math.min(this.#queue.length, eventsPerAppend)
    while (count > 1 && encode(this.#queue.slice(0, count)).length > limit) count = Math.ceil(count / 2)
    return this.#queue.splice(0, count)
  }

  async #append(data: Uint8Array, isPatient: boolean): Promise<void> {
    for (let again = false; !this.#fenced; again = true) {
      try {
        this.#last = await this.#bus.streams.append(this.#subject, data, { expectedLast: this.#last })
        this.#appended += 1
        this.problem = null
        return
      } catch (error) {
        if (isProblem(error, 'BUS_CONFLICT')) {
          if (again && (await this.#wasOurs(data))) return
          this.#fenced = true
        } else if (isProblem(error, 'BUS_CLOSED')) {
          this.#fenced = true
        } else if (isProblem(error, ...unknownFate)) {
          this.#say(error)
          await pause(this.#clock, retryMs)
        } else if (isPatient) {
          this.#say(error)
          await pause(this.#clock, refusedRetryMs)
        } else {
          throw error
        }
      }
    }
  }

  #say(error: unknown): void {
    const { code, message, remedy } = toProblem(error)
    const since = this.problem?.since ?? this.#clock.elapsed()
    this.problem = { code, message: remedy === undefined ? message : `${message}; ${remedy}`, since }
  }

  /** After an unknown fate: does the entry that is in the way hold our own bytes? */
  async #wasOurs(data: Uint8Array): Promise<boolean> {
    const entry = await this.#patiently(() => this.#bus.streams.last('log', this.#subject))
    if (entry === undefined || Buffer.compare(entry.data, data) !== 0) return false
    this.#last = entry.sequence
    this.#appended += 1
    this.problem = null
    return true
  }

  /** Until it is answered; undefined: the connection is closed. */
  async #patiently<T>(look: () => Promise<T>): Promise<T | undefined> {
    while (!this.#closed) {
      try {
        return await look()
      } catch (error) {
        if (isProblem(error, 'BUS_CLOSED')) return undefined
        this.#say(error)
        await pause(this.#clock, retryMs)
      }
    }
    return undefined
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
