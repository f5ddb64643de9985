/**
 * The rings of one experiment, whose trials several workers train together: which of them need places, and what the places that
 * come are for.
 * I1 A trial begins only with as many places as it needs (placement.ts I4); after that each worker that comes or goes is its own matter.
 */
import { ringName, type LogEvent, type RingSettings, type RingStanding } from '../../../protocol/index.ts'
import type { HeldPart } from '../../../src/history/index.ts'
import type { RingNeed } from '../fleet/index.ts'
import { neededAt } from './ring.machine.ts'
import { Ring, type RingHost } from './ring.ts'

/** After all of its workers were lost, a ring does not wait for as many as it began with. */
const secondWaitMs = 10_000

export class Rings {
  readonly #host: RingHost
  readonly #experiment: string
  readonly #settings: RingSettings
  readonly #rings = new Map<number, Ring>()
  readonly #queuedSince = new Map<number, number>()
  readonly #generations = new Map<number, number>()

  constructor(host: RingHost, experiment: string, settings: RingSettings) {
    this.#host = host
    this.#experiment = experiment
    this.#settings = settings
  }

  /** The trial's ring, if it has one now. */
  ring(trial: number): Ring | undefined {
    return this.#rings.get(trial)
  }

  standing(trial: number): RingStanding | undefined {
    return this.#rings.get(trial)?.standing()
  }

  /**
   * Demand for several places at once: rings that lack members, trials that wait (`queued`), and so many that could be suggested.
   */
  needs(now: number, queued: readonly number[], fresh: number): RingNeed[] {
    const ringNeeds: RingNeed[] = []
    for (const [trial, ring] of this.#rings) {
      const { least, most } = ring.wanted(now)
      if (least > 0) ringNeeds.push({ key: trial, least, most })
    }
    const { max } = this.#settings.workers
    for (const trial of queued) {
      this.#queuedSince.set(trial, this.#queuedSince.get(trial) ?? now)
      ringNeeds.push({ key: trial, least: neededAt(this.#input(trial, now), now), most: max })
    }
    for (let index = 1; index <= fresh; index += 1) ringNeeds.push({ key: -index, least: max, most: max })
    return ringNeeds
  }

  /** Members that rings which go on could take in beside those they have. */
  room(now: number): number {
    let room = 0
    for (const ring of this.#rings.values()) {
      const { least, most } = ring.wanted(now)
      if (least === 0) room += most
    }
    return room
  }

  /** A ring that could take in one more member. */
  withRoom(now: number): number | undefined {
    for (const [trial, ring] of this.#rings) if (ring.wanted(now).most > 0) return trial
    return undefined
  }

  /** A generation is in the log. */
  formed(trial: number, generation: number): void {
    this.#generations.set(trial, generation)
    void this.#rings.get(trial)?.formed(generation)
  }

  /** A worker has a part in a trial; its ring is there from the first on. */
  seat(trial: number, part: HeldPart): void {
    this.#open(trial).seat(part)
  }

  /** The lowest number of a seat that nobody has. */
  freeSeat(trial: number): number {
    const taken = this.#rings.get(trial)?.seats ?? []
    let free = 0
    while (taken.some(({ seat }) => seat === free)) free += 1
    return free
  }

  /** From the log. */
  restore(
    trial: number,
    parts: readonly HeldPart[],
    formed: Extract<LogEvent, { type: 'ring.formed' }> | undefined,
  ): void {
    if (formed !== undefined) this.#generations.set(trial, formed.generation)
    if (parts.length === 0) return
    const ring = this.#open(trial)
    for (const part of parts) ring.seat(part)
    if (formed !== undefined) {
      const attempts = formed.members.map(({ attempt }) => attempt)
      ring.adopt(formed.generation, attempts)
    }
  }

  gone(trial: number, attempt: number): void {
    this.#rings.get(trial)?.gone(attempt)
  }

  /** The trial has settled, or waits for places again. */
  end(trial: number): void {
    this.#rings.get(trial)?.close()
    this.#rings.delete(trial)
  }

  close(): void {
    for (const trial of this.#rings.keys()) this.end(trial)
  }

  /** For people: how many members something waits for, and how many there are; `free`: places that may be had now. */
  missing(now: number, free: number, queued: readonly number[]): { wanted: number; there: number } | undefined {
    for (const ring of this.#rings.values()) {
      const there = ring.seats.length
      const { least } = ring.wanted(now)
      if (least > 0) return { wanted: there + least, there }
    }
    if (this.#rings.size > 0) return undefined
    for (const trial of queued) {
      const wanted = neededAt(this.#input(trial, now), now)
      return { wanted, there: Math.min(free, wanted) }
    }
    return undefined
  }

  /** For people: the trial whose members have waited longest for others of them. `since`: elapsed. */
  awaited(): { trial: number; members: number; workers: readonly string[]; since: number } | undefined {
    const waits = [...this.#rings].flatMap(([trial, ring]) => {
      const { awaited } = ring
      return awaited === undefined ? [] : [{ trial, members: ring.seats.length, ...awaited }]
    })
    return waits.toSorted((a, b) => a.since - b.since)[0]
  }

  #open(trial: number): Ring {
    const known = this.#rings.get(trial)
    if (known !== undefined) return known
    const input = this.#input(trial, this.#host.clock.elapsed())
    const ring = new Ring(this.#host, ringName(this.#experiment, trial), trial, this.#settings, input)
    this.#queuedSince.delete(trial)
    this.#rings.set(trial, ring)
    return ring
  }

  #input(trial: number, now: number) {
    const { workers, waitMs } = this.#settings
    const generation = this.#generations.get(trial) ?? 0
    const patience = generation === 0 ? waitMs : Math.min(waitMs ?? secondWaitMs, secondWaitMs)
    return { ...workers, waitMs: patience, generation, at: this.#queuedSince.get(trial) ?? now }
  }
}
