/**
 * The rings of one experiment, whose trials several workers train together: which of them need places, and what the places that
 * come are for.
 * I1 A trial begins only with as many places as it needs (scheduler.ts I4); after that each worker that comes or goes is its own matter.
 * I2 Places for a trial that is not suggested yet are kept together, and are free again together.
 */
import type { LogEvent, RingSettings, RingStanding } from '../../../protocol/index.ts'
import type { Held } from '../fleet/fleet.ts'
import type { Place } from '../suggesting/suggestions.ts'
import { neededAt } from './ring.machine.ts'
import { RingDesk, type RingHost } from './ring.ts'
import type { Gang } from '../fleet/placement.ts'
import type { Part } from '../../../src/history/index.ts'

export interface GangHost extends Omit<RingHost, 'formed' | 'dropped'> {
  readonly experiment: string
  /** Trials that wait for places, in order. */
  queued(): Iterable<number>
  /** How many trials may be suggested still. */
  fresh(): number
  /** Assigns a part of a trial to a place. */
  assign(trial: number, place: Place): void
  /** Waits for a suggestion. */
  suggest(place: Place): void
  free(places: readonly Place[]): void
  formed(trial: number, generation: number, members: readonly Part[]): Promise<boolean>
  dropped(trial: number, attempt: number, reason: string): void
}

/** Places for a trial that the first of them waits for. */
interface Group {
  readonly first: Held
  places: Place[]
}

/** After all of its workers were lost, a ring does not wait for as many as it began with. */
const secondWaitMs = 10_000

export class Gangs {
  readonly #host: GangHost
  readonly #settings: RingSettings
  readonly #rings = new Map<number, RingDesk>()
  readonly #queuedSince = new Map<number, number>()
  readonly #generations = new Map<number, number>()
  #groups: Group[] = []
  /** Of the groups that were asked for last, those that have begun to come, by their key. */
  readonly #coming = new Map<number, Group>()

  constructor(host: GangHost, settings: RingSettings) {
    this.#host = host
    this.#settings = settings
  }

  /** The trial's ring, if it has one now. */
  ring(trial: number): RingDesk | undefined {
    return this.#rings.get(trial)
  }

  standing(trial: number): RingStanding | undefined {
    return this.#rings.get(trial)?.standing()
  }

  /** What needs several places at once: rings that lack members, trials that wait, trials that could be suggested. */
  needs(now: number): Gang[] {
    this.#tidy()
    const gangs: Gang[] = []
    for (const [trial, ring] of this.#rings) {
      const { least, most } = ring.wanted(now)
      if (least > 0) gangs.push({ key: trial, least, most })
    }
    const { max } = this.#settings.workers
    for (const trial of this.#host.queued()) {
      this.#queuedSince.set(trial, this.#queuedSince.get(trial) ?? now)
      gangs.push({ key: trial, least: neededAt(this.#input(trial, now), now), most: max })
    }
    for (let index = 1; index <= this.#host.fresh(); index += 1) gangs.push({ key: -index, least: max, most: max })
    return gangs
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

  /** A place has come: `key` as in `needs`, undefined for one that any ring with room may take. */
  take(place: Place, key: number | undefined, now: number): void {
    if (key !== undefined && key < 0) return this.#collect(place, key)
    const trial = key ?? this.#withRoom(now)
    if (trial === undefined) return this.#host.free([place])
    this.#host.assign(trial, place)
  }

  /** A suggestion has come for the place that waited first of its group: the others of the group go the same way. */
  follow(trial: number, first: Held): void {
    const group = this.#groups.find((one) => one.first === first)
    if (group === undefined) return
    this.#groups = this.#groups.filter((one) => one !== group)
    for (const place of group.places) if (!place.held.gone) this.#host.assign(trial, place)
  }

  /** A worker has a part in a trial; its ring is there from the first on. */
  seat(trial: number, part: Part): void {
    this.#open(trial).seat(part)
  }

  /** From the log. */
  restore(trial: number, parts: readonly Part[], formed: Extract<LogEvent, { type: 'ring.formed' }> | undefined): void {
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

  /** Lets go of places that nothing will come for. */
  drop(): void {
    const groups = this.#groups
    this.#groups = []
    for (const { places } of groups) this.#host.free(places)
  }

  close(): void {
    for (const trial of this.#rings.keys()) this.end(trial)
    this.drop()
  }

  /** For people: how many members something waits for, and how many there are; `free`: places that may be had now. */
  missing(now: number, free: number): { wanted: number; there: number } | undefined {
    for (const ring of this.#rings.values()) {
      const there = ring.seats.length
      const { least } = ring.wanted(now)
      if (least > 0) return { wanted: there + least, there }
    }
    if (this.#rings.size > 0) return undefined
    for (const trial of this.#host.queued()) {
      const wanted = neededAt(this.#input(trial, now), now)
      return { wanted, there: Math.min(free, wanted) }
    }
    return undefined
  }

  #open(trial: number): RingDesk {
    const known = this.#rings.get(trial)
    if (known !== undefined) return known
    const { experiment, clock } = this.#host
    const host: RingHost = {
      ...this.#host,
      formed: async (generation, members) => {
        this.#generations.set(trial, generation)
        return await this.#host.formed(trial, generation, members)
      },
      dropped: (attempt, reason) => this.#host.dropped(trial, attempt, reason),
    }
    const ring = new RingDesk(host, `${experiment}-${trial}`, this.#settings, this.#input(trial, clock.elapsed()))
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

  #withRoom(now: number): number | undefined {
    for (const [trial, ring] of this.#rings) if (ring.wanted(now).most > 0) return trial
    return undefined
  }

  #collect(place: Place, key: number): void {
    const group = this.#coming.get(key)
    if (group !== undefined) {
      group.places.push(place)
      return
    }
    const fresh: Group = { first: place.held, places: [] }
    this.#coming.set(key, fresh)
    this.#groups.push(fresh)
    this.#host.suggest(place)
  }

  /** Groups whose first place is gone have nothing to wait for. */
  #tidy(): void {
    this.#coming.clear()
    const over = this.#groups.filter(({ first }) => first.gone)
    if (over.length === 0) return
    this.#groups = this.#groups.filter(({ first }) => !first.gone)
    for (const { places } of over) this.#host.free(places)
  }
}
