/**
 * The slots of one worker: each with a lease, and places for what runs and for what waits behind it.
 * I1 An attempt has one place at most, and a place one attempt.
 * I2 Every attempt that the log gives to a slot has a place until the worker's word decides, however many they are: a driver that takes
 *    over finds those of the driver before it, and may have given out its own.
 * I3 A place is in the index as long as it is in a slot: each comes in by #enter and goes out by #leave. So the place of an attempt is
 *    found at once, however many there are.
 */
import { attemptKey, type AttemptRef, type SlotStatus } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { Lease } from './lease.ts'
import { Place } from './place.ts'

interface Line {
  /** What runs, or is about to. */
  running: Place | null
  /** What waits behind it. */
  next: Place | null
  /** What waits behind these two, in order; empty as long as one of the two is free. */
  behind: Place[]
}

export interface Slot extends Line {
  readonly worker: string
  readonly slot: number
  readonly lease: Lease
  idleSince: number
  /** Since when what runs there does, at the earliest. */
  runsSince: number
}

interface Where {
  readonly bus: Bus
  readonly clock: Clock
  readonly driver: string
  readonly worker: string
}

export type SlotsNews =
  /** The worker has an attempt that this driver does not hold there. */
  | { readonly kind: 'stranger'; readonly slot: number; readonly attempt: AttemptRef }
  /** A lease was answered. */
  | { readonly kind: 'changed' }

export class Slots {
  readonly all: Slot[] = []
  readonly #byNumber = new Map<number, Slot>()
  /** By attempt: the places in all slots (I3). */
  readonly #index = new Map<string, Place>()
  readonly #where: Where
  readonly #tell: (news: SlotsNews) => void

  constructor(where: Where, tell: (news: SlotsNews) => void) {
    this.#where = where
    this.#tell = tell
  }

  get places(): Place[] {
    return this.all.flatMap(({ running, next, behind }) => [running, next, ...behind].filter((place) => place !== null))
  }

  at(slot: number): Slot | undefined {
    return this.#byNumber.get(slot)
  }

  /** The place that holds an attempt; what the worker runs against this driver's will is in none. */
  find(attempt: AttemptRef): Place | undefined {
    const place = this.whereverHeld(attempt)
    return place?.state === 'foreign' ? undefined : place
  }

  /** The same with those that it was given up in. */
  whereverHeld(attempt: AttemptRef): Place | undefined {
    const place = this.#index.get(attemptKey(attempt))
    return place?.isOver === true ? undefined : place
  }

  /** The worker is said to hold this attempt: it is entered once (I1). */
  expect(slot: number, attempt: AttemptRef, at: number): void {
    const known = this.whereverHeld(attempt)
    // One that was held for a stranger until now is known from now on.
    if (known !== undefined) return void known.move({ type: 'place.expect', attempt, at })
    const there = this.#open(slot)
    const place = new Place(this.#where.worker, slot)
    place.move({ type: 'place.expect', attempt, at })
    // What is only supposed to be there gives way to what is.
    const isSupposed = there.running !== null && there.next?.state === 'foreign'
    this.#enter(there, isSupposed ? 'next' : endOf(there), place)
  }

  /** A place behind all that is there, or the one that runs. */
  add(slot: Slot, place: Place): void {
    // A stranger's place that has the same attempt is over (I1).
    const stranger = place.attempt === null ? undefined : this.whereverHeld(place.attempt)
    if (stranger !== undefined) {
      stranger.move({ type: 'place.free' })
      this.vacate(stranger)
    }
    this.#enter(slot, endOf(slot), place)
  }

  /** The place is over; what waited behind it moves up. */
  vacate(place: Place): void {
    const slot = this.at(place.slot)
    if (slot === undefined) return
    if (slot.behind.includes(place)) slot.behind = slot.behind.filter((one) => one !== place)
    else if (slot.next === place) slot.next = slot.behind.shift() ?? null
    else if (slot.running === place) {
      this.#run(slot, slot.next)
      slot.running?.move({ type: 'place.promote' })
      slot.next = slot.behind.shift() ?? null
    }
    this.#leave(place)
    slot.idleSince = this.#where.clock.elapsed()
  }

  /** Where there was one before, that goes out. */
  #enter(slot: Slot, into: keyof Line, place: Place): void {
    if (into === 'behind') slot.behind.push(place)
    else {
      const before = slot[into]
      if (before !== null) this.#leave(before)
      if (into === 'running') this.#run(slot, place)
      else slot.next = place
    }
    if (place.attempt !== null) this.#index.set(attemptKey(place.attempt), place)
  }

  #leave(place: Place): void {
    const key = place.attempt === null ? '' : attemptKey(place.attempt)
    if (this.#index.get(key) === place) this.#index.delete(key)
  }

  #run(slot: Slot, place: Place | null): void {
    slot.running = place
    slot.runsSince = this.#where.clock.elapsed()
  }

  /** Whose the slot is, as the worker says; true: that is news. */
  hear(said: SlotStatus): boolean {
    const isNew = this.at(said.slot) === undefined
    const { lease } = this.#open(said.slot)
    const before = lease.state
    lease.hear(said)
    return isNew || lease.state !== before
  }

  /** Attempts that the worker says it has: a stranger is made known, and keeps its place if nobody takes it in. */
  meet({ slot: number, running, next, behind = [] }: SlotStatus): void {
    const slot = this.#open(number)
    for (const attempt of [running, next, ...behind]) {
      if (attempt === null || this.find(attempt) !== undefined) continue
      this.#tell({ kind: 'stranger', slot: number, attempt })
      if (this.whereverHeld(attempt) !== undefined) continue
      const place = new Place(slot.worker, number)
      place.move({ type: 'place.disown', attempt })
      if (attempt === next && slot.next === null) this.#enter(slot, 'next', place)
      else if (slot.running !== null && slot.next === null) {
        // What was given to the slot waits behind the stranger.
        slot.next = slot.running
        slot.running = null
        this.#enter(slot, 'running', place)
      } else this.#enter(slot, endOf(slot), place)
    }
  }

  #open(slot: number): Slot {
    const known = this.at(slot)
    if (known !== undefined) return known
    const { clock, worker } = this.#where
    const lease = new Lease({ ...this.#where, slot }, (status) => {
      fresh.idleSince = clock.elapsed()
      if (status !== undefined) this.meet(status)
      this.#tell({ kind: 'changed' })
    })
    const now = clock.elapsed()
    const fresh: Slot = { worker, slot, lease, running: null, next: null, behind: [], idleSince: now, runsSince: now }
    this.all.push(fresh)
    this.#byNumber.set(slot, fresh)
    return fresh
  }
}

/** Behind all that is there. */
function endOf({ running, next }: Line): keyof Line {
  if (running === null) return 'running'
  return next === null ? 'next' : 'behind'
}
