/**
 * The one writer of an experiment's log.
 * I1 Group commit: what one turn produced, and all that gathers while an append is under way, is one append and one sync.
 * I2 Fenced: every append names the last sequence it knows. When somebody else wrote, this writer is done (`onFenced`).
 * I3 An append whose fate is unknown (time-out, outage, an election) is repeated until it is known: nothing is dropped, nothing stands
 *    twice. The server knows it by its id; where it has forgotten that, its bytes are looked for in the log.
 * I4 What the server refuses (it is full, it has no stream) is tried again until it is taken, and `problem` says so meanwhile: nothing
 *    that a server answers ends the process. Only the first entry of a new log is given up, with the server's code. So does it say when
 *    no answer comes at all: the bus waits out an election, which may last for longer than anybody should wonder why nothing goes on.
 * I5 What somebody else wrote on the subject and nobody can read is no entry of the log: it is stepped over, and shuts nobody out.
 * I6 Events are numbered from 0 on; an entry names the number of its first event, so that a reader notices what is gone.
 * I7 An event is checked and encoded once: entries are put together out of encoded events.
 */
import { randomUUID } from 'node:crypto'
import {
  check,
  decodePayload,
  encode,
  isProblem,
  log,
  LogEvent,
  problem,
  subjectFor,
  toProblem,
  within,
  withList,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { streamOverhead, type Bus, type Entry } from '../../../src/bus/index.ts'

const eventsPerAppend = 256
const retryMs = 200
const refusedRetryMs = 1000
/** An answer that has not come after so long is said to be missing. */
const slowMs = 3000
/** The most bytes that an entry's own fields take. */
const entryOverhead = 64
const unknownFate = ['BUS_TIMEOUT', 'BUS_DISCONNECTED', 'BUS_NO_RESPONDERS', 'BUS_NO_LEADER'] as const

/** Where a log ends. */
export interface LogEnd {
  /** The last sequence on its subject; 0: there is none. */
  readonly last: number
  /** The number that the next event gets. */
  readonly next: number
}

/** Why nothing is kept; `since` in elapsed time. */
export interface Unkept {
  readonly code: string
  readonly message: string
  readonly since: number
}

export class LogWriter {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #subject: string
  readonly #onFenced: () => void
  readonly #onForeign: (entries: number) => void
  /** Of this writer alone: with it and the number of its first event an entry has an id (I3). */
  readonly #author = randomUUID()
  #last: number
  /** The number of the next event to be written (I6). */
  #next: number
  #queue: Uint8Array[] = []
  /** Until they are written: histories keep events for long, and their bytes would stay with them. */
  readonly #prepared = new WeakMap<LogEvent, Uint8Array>()
  #waiting: (() => void)[] = []
  #writing = false
  #fenced = false
  #closed = false
  #appended = 0
  /** What the bus has said of why nothing is kept. */
  #said: Unkept | null = null
  /** Since when the server owes an answer, in elapsed time. */
  #askedAt: number | null = null

  /** `onForeign`: so many entries that are none were stepped over (I5). */
  constructor(
    bus: Bus,
    clock: Clock,
    experiment: string,
    { last, next }: LogEnd,
    onFenced: () => void,
    onForeign: (entries: number) => void = () => {},
  ) {
    this.#bus = bus
    this.#clock = clock
    this.#subject = subjectFor(log, { experiment })
    this.#last = last
    this.#next = next
    this.#onFenced = onFenced
    this.#onForeign = onForeign
  }

  /** Why nothing is kept, while nothing is. */
  get problem(): Unkept | null {
    if (this.#said !== null || this.#askedAt === null) return this.#said
    const since = this.#askedAt
    const waitedMs = this.#clock.elapsed() - since
    if (waitedMs < slowMs) return null
    return unkept(problem('LOG_UNANSWERED', { subject: this.#subject, seconds: Math.round(waitedMs / 1000) }), since)
  }

  /** Appends made so far; with group commit fewer than events. */
  get appended(): number {
    return this.#appended
  }

  /** Refuses an event that is none, or would never fit an entry. Throws MESSAGE_INVALID, BUS_TOO_LARGE. */
  admit(event: LogEvent): void {
    const limit = this.#room
    const bytes = this.prepare(event).length
    if (bytes > limit) throw problem('BUS_TOO_LARGE', { bytes, subject: this.#subject, limit })
  }

  /** An event as bytes, checked and encoded once until it is written (I7). Throws MESSAGE_INVALID. */
  prepare(event: LogEvent): Uint8Array {
    const known = this.#prepared.get(event)
    if (known !== undefined) return known
    const bytes = encode(check(LogEvent, event, this.#subject), this.#subject)
    this.#prepared.set(event, bytes)
    return bytes
  }

  /** Begins the log, or goes on with it; false: somebody else did. Rejects with what the server refuses it for (I4). */
  async open(events: readonly LogEvent[]): Promise<boolean> {
    this.#writing = true
    try {
      const entry = this.#entry(events.map((event) => this.prepare(event)))
      await this.#owed(() => this.#append(entry, false))
      this.#next += events.length
    } finally {
      this.#writing = false
    }
    return !this.#fenced
  }

  write(...events: LogEvent[]): void {
    if (this.#fenced || this.#closed) return
    for (const event of events) {
      this.#queue.push(this.prepare(event))
      this.#prepared.delete(event)
    }
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
    if ((await this.#owed(() => this.#whatCame())) === 'theirs') this.#fenced = true
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
      const entry = this.#entry(events)
      await this.#owed(() => this.#append(entry, true))
      this.#next += events.length
      for (const resolve of waiting) resolve()
    }
    this.#writing = false
    for (const resolve of this.#waiting.splice(0)) resolve()
    if (this.#fenced) this.#onFenced()
  }

  #entry(events: readonly Uint8Array[]): Uint8Array {
    const entry = withList(encode({ first: this.#next, events: [] }, this.#subject), events)
    return within(log.maxBytes, entry, this.#subject)
  }

  /** As many events as fit an entry; one at least. */
  #takeBatch(): Uint8Array[] {
    let room = this.#room
    let count = 0
    for (const { length } of this.#queue) {
      if (count > 0 && (count === eventsPerAppend || length > room)) break
      room -= length
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  async #append(data: Uint8Array, isPatient: boolean): Promise<void> {
    for (let again = false; !this.#fenced; again = true) {
      try {
        const id = `${this.#author}-${this.#next}`
        this.#last = await this.#bus.streams.append(this.#subject, data, { expectedLast: this.#last, id })
        this.#appended += 1
        this.#said = null
        return
      } catch (error) {
        if (isProblem(error, 'BUS_CONFLICT')) {
          const came = await this.#whatCame(again ? data : undefined)
          if (came === 'ours') return
          if (came === 'theirs') this.#fenced = true
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

  /** While `work` is under way, the server owes an answer. */
  async #owed<T>(work: () => Promise<T>): Promise<T> {
    this.#askedAt = this.#clock.elapsed()
    try {
      return await work()
    } finally {
      this.#askedAt = null
    }
  }

  #say(error: unknown): void {
    this.#said = unkept(error, this.#said?.since ?? this.#askedAt ?? this.#clock.elapsed())
  }

  /**
   * What stands on the subject after all that this writer knows of: its own bytes, if it does not know what became of them; an entry of
   * another writer; or nothing that is an entry (I5).
   */
  async #whatCame(own?: Uint8Array): Promise<'ours' | 'theirs' | 'nothing' | 'unknown'> {
    let foreign = 0
    let last = this.#last
    const found = await this.#patiently(async () => {
      foreign = 0
      last = this.#last
      for await (const entry of this.#bus.streams.read('log', this.#subject, { after: this.#last })) {
        last = entry.sequence
        if (own !== undefined && Buffer.compare(entry.data, own) === 0) return 'ours'
        if (isEntry(entry)) return 'theirs'
        foreign += 1
      }
      return 'nothing'
    })
    if (found === undefined) return 'unknown'
    if (found === 'theirs') return found
    this.#last = last
    if (foreign > 0) this.#onForeign(foreign)
    if (found === 'ours') this.#appended += 1
    return found
  }

  /** Bytes that the events of an entry may take. */
  get #room(): number {
    return Math.min(this.#bus.maxPayload - streamOverhead, log.maxBytes) - entryOverhead
  }

  /** Until it is answered; undefined: the connection is closed. */
  async #patiently<T>(look: () => Promise<T>): Promise<T | undefined> {
    while (!this.#closed) {
      try {
        const seen = await look()
        this.#said = null
        return seen
      } catch (error) {
        if (isProblem(error, 'BUS_CLOSED')) return undefined
        this.#say(error)
        await pause(this.#clock, retryMs)
      }
    }
    return undefined
  }
}

function unkept(error: unknown, since: number): Unkept {
  const { code, message, remedy } = toProblem(error)
  return { code, message: remedy === undefined ? message : `${message}; ${remedy}`, since }
}

function isEntry({ data, subject }: Entry): boolean {
  try {
    decodePayload(log, data, subject)
    return true
  } catch (error) {
    if (!isProblem(error)) throw error
    return false
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
