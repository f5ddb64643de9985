/**
 * All experiments, by one follower of the log, however many browsers look.
 * I1 An entry is taken in once, in its order, also where an experiment is read anew while the follower goes on.
 * I2 Those that run and those that somebody looks at are kept whole; of the others no more than `mostIdleTrials` trials, and a card.
 */
import { log, paramsFrom, subjectFor } from '../../protocol/index.ts'
import { entryOf, logSubject, readLog } from '../../src/archive/index.ts'
import { cardOf, Watched, type Card } from '../../src/board/index.ts'
import type { Bus, Entry } from '../../src/bus/index.ts'

const mostIdleTrials = 20_000
/** Experiments whose logs are looked for at once. */
const mostLookedFor = 32
const everyLog = subjectFor(log, { experiment: '*' })

interface Known {
  /** The place of its last entry in the log. */
  sequence: number
  card: Card | undefined
  whole: Watched | undefined
  reading: Promise<Watched> | undefined
  looks: number
}

export class Experiments {
  readonly #bus: Bus
  readonly #known = new Map<string, Known>()
  readonly #onChange: (experiment: string) => void
  readonly #stopping = new AbortController()
  /** Those that wait until the follower has come to a place in the log. */
  #passing: { readonly sequence: number; readonly resolve: () => void }[] = []
  #lookedFor = 0
  /** The place of the last entry of the log that was taken in. */
  sequence = 0

  constructor(bus: Bus, onChange: (experiment: string) => void) {
    this.#bus = bus
    this.#onChange = onChange
  }

  /** Follows the log. `caughtUp` resolves once all has been read that is there now; `ended` when it is closed. */
  start(): { readonly caughtUp: Promise<void>; readonly ended: Promise<void> } {
    let told = (): void => {}
    const caughtUp = new Promise<void>((resolve) => (told = resolve))
    return { caughtUp, ended: this.#follow(told) }
  }

  close(): void {
    this.#stopping.abort()
  }

  ids(): string[] {
    return [...this.#known.keys()]
  }

  card(experiment: string): Card | undefined {
    const known = this.#known.get(experiment)
    if (known === undefined) return undefined
    return known.whole === undefined ? known.card : (known.card ??= cardOf(known.whole.reading))
  }

  /** The place of its last entry in the log; 0: there is none. */
  sequenceOf(experiment: string): number {
    return this.#known.get(experiment)?.sequence ?? 0
  }

  /** Those that are kept whole. */
  *whole(): Iterable<Watched> {
    for (const { whole } of this.#known.values()) if (whole !== undefined) yield whole
  }

  /** Somebody looks at it: it is kept whole until `leave`. undefined: there is no such experiment. */
  async look(experiment: string): Promise<Watched | undefined> {
    const known = this.#known.get(experiment) ?? (await this.#arriving(experiment))
    if (known === undefined) return undefined
    known.looks += 1
    try {
      return await this.#whole(experiment, known)
    } catch (error) {
      known.looks -= 1
      throw error
    }
  }

  /**
   * Looks whether their logs are still there: a stream tells nobody of what is removed from it. Those that somebody looks at each time,
   * of the others a few. Resolves with those that are gone.
   */
  async missing(): Promise<string[]> {
    const ids = this.ids()
    const some = Array.from(
      { length: Math.min(mostLookedFor, ids.length) },
      (_, at) => ids[(this.#lookedFor + at) % ids.length],
    )
    this.#lookedFor += mostLookedFor
    const seen = ids.filter((id) => (this.#known.get(id)?.looks ?? 0) > 0)
    const gone: string[] = []
    for (const id of new Set([...seen, ...some])) {
      if (id === undefined || (await this.#bus.streams.last('log', logSubject(id))) !== undefined) continue
      this.#known.delete(id)
      gone.push(id)
    }
    return gone
  }

  leave(experiment: string): void {
    const known = this.#known.get(experiment)
    if (known !== undefined) known.looks -= 1
    this.#forget()
  }

  /** One that was accepted a moment ago may be in the log, and the follower not there yet. */
  async #arriving(experiment: string): Promise<Known | undefined> {
    const last = await this.#bus.streams.last('log', logSubject(experiment))
    if (last === undefined) return undefined
    if (last.sequence > this.sequence) {
      await new Promise<void>((resolve) => this.#passing.push({ sequence: last.sequence, resolve }))
    }
    return this.#known.get(experiment)
  }

  #passed(sequence: number): void {
    this.sequence = sequence
    if (this.#passing.length === 0) return
    const [over, ahead] = [
      this.#passing.filter((one) => one.sequence <= sequence),
      this.#passing.filter((one) => one.sequence > sequence),
    ]
    this.#passing = ahead
    for (const { resolve } of over) resolve()
  }

  async #follow(caughtUp: () => void): Promise<void> {
    const { streams } = this.#bus
    const { signal } = this.#stopping
    const there = (await streams.last('log', everyLog))?.sequence ?? 0
    if (there === 0) caughtUp()
    for await (const entry of streams.follow('log', everyLog, { signal })) {
      await this.#take(entry)
      this.#passed(entry.sequence)
      if (entry.sequence >= there) caughtUp()
    }
  }

  async #take(entry: Entry): Promise<void> {
    const experiment = paramsFrom(log, entry.subject)?.experiment
    if (experiment === undefined) return
    let known = this.#known.get(experiment)
    if (known === undefined) {
      known = { sequence: 0, card: undefined, whole: new Watched(experiment), reading: undefined, looks: 0 }
      this.#known.set(experiment, known)
    }
    const whole = known.whole ?? (await this.#whole(experiment, known))
    if (entry.sequence > whole.sequence) whole.take(entry.sequence, entryOf(entry).entry)
    known.sequence = Math.max(known.sequence, whole.sequence)
    known.card = undefined
    this.#onChange(experiment)
    if (whole.reading.over) this.#forget()
  }

  /** Reads it anew, where it is not in mind. */
  async #whole(experiment: string, known: Known): Promise<Watched> {
    if (known.whole !== undefined) return known.whole
    known.reading ??= this.#read(experiment)
    try {
      const whole = await known.reading
      known.whole ??= whole
      known.sequence = Math.max(known.sequence, known.whole.sequence)
      return known.whole
    } finally {
      known.reading = undefined
    }
  }

  async #read(experiment: string): Promise<Watched> {
    const whole = new Watched(experiment)
    for await (const { sequence, entry } of readLog(this.#bus, experiment)) whole.take(sequence, entry)
    return whole
  }

  /** I2: the latest are kept. */
  #forget(): void {
    const idle = [...this.#known.entries()]
      .filter(([, { whole, looks }]) => whole !== undefined && looks === 0 && whole.reading.over)
      .toSorted(([, a], [, b]) => b.sequence - a.sequence)
    let trials = 0
    for (const [experiment, known] of idle) {
      trials += known.whole?.reading.history?.trials.size ?? 0
      if (trials <= mostIdleTrials) continue
      known.card = this.card(experiment)
      known.whole = undefined
    }
  }
}
