/**
 * The workers that a driver knows, their slots, and what it holds on them. What happens comes out as news.
 * I1 A worker is the sole authority on its slots: a lease is asked for, and its beats are believed.
 * I2 An attempt has one place at most, and a place one attempt.
 */
import type { SnapshotFrom } from 'xstate'
import {
  codeOf,
  ping,
  type AttemptRef,
  type SlotStatus,
  type WorkerInfo,
  type WorkerStatus,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { stepper } from '../../../src/machine/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import { fleetMachine, type FleetEvent } from './fleet.machine.ts'
import { Lease } from './lease.ts'
import { Place, sameAttempt, type PlaceState } from './place.ts'
import type { Whereabouts } from './place.machine.ts'

export interface Slot {
  readonly worker: string
  readonly slot: number
  readonly lease: Lease
  /** What runs, or is about to. */
  running: Place | null
  /** What waits behind it. */
  next: Place | null
  idleSince: number
}

interface Worker {
  snapshot: SnapshotFrom<typeof fleetMachine>
  slots: Slot[]
  /** A ping is under way. */
  pinging: boolean
}

/** How an attempt was lost: with its worker, or because a worker that is here does not know it. */
export type Loss = 'gone' | 'unknown'

export type FleetNews =
  /** Something changed that placement may use. */
  | { readonly kind: 'changed' }
  | {
      readonly kind: 'lost'
      readonly place: Place
      /** Of the place, before. */
      readonly state: PlaceState
      readonly how: Loss
      /** It waited behind another attempt. */
      readonly behind: boolean
      /** By the worker's own clock: when its process started; null: it is gone. */
      readonly workerStartedAt: number | null
    }
  /** A worker has an attempt that this driver does not hold there; slot null: only its result. */
  | { readonly kind: 'stranger'; readonly worker: string; readonly slot: number | null; readonly attempt: AttemptRef }
  /** A worker beats that nobody introduced. */
  | { readonly kind: 'callRoll' }

export interface FleetTimes {
  readonly suspectAfterMs: number
  readonly lostAfterMs: number
  readonly refusalsUntilLost: number
}

const forgetAfterMs = 600_000
const fleetSteps = stepper(fleetMachine, { worker: '', suspectAfterMs: 0, lostAfterMs: 0, refusalsUntilLost: 1, at: 0 })

export class Fleet {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #driver: string
  readonly #times: FleetTimes
  readonly #tell: (news: FleetNews) => void
  readonly #workers = new Map<string, Worker>()

  constructor(bus: Bus, clock: Clock, driver: string, times: FleetTimes, tell: (news: FleetNews) => void) {
    this.#bus = bus
    this.#clock = clock
    this.#driver = driver
    this.#times = times
    this.#tell = tell
  }

  /** Workers that are here. */
  get present(): WorkerInfo[] {
    return [...this.#workers.values()].flatMap(({ snapshot }) =>
      isHere(snapshot.value) && snapshot.context.info !== null ? [snapshot.context.info] : [],
    )
  }

  /** Slots of workers that are here and not leaving. */
  slots(): Slot[] {
    return [...this.#workers.values()].flatMap((worker) => (isOffering(worker) ? worker.slots : []))
  }

  info(worker: string): WorkerInfo | null {
    return this.#workers.get(worker)?.snapshot.context.info ?? null
  }

  /** Whether a worker is here. */
  isHere(worker: string): boolean {
    return isHere(this.#workers.get(worker)?.snapshot.value ?? 'unseen')
  }

  /** Whether a worker is here and not leaving. */
  offers(worker: string): boolean {
    const entry = this.#workers.get(worker)
    return entry !== undefined && isOffering(entry)
  }

  announced(worker: string, info: WorkerInfo, status: WorkerStatus): void {
    const known = this.#workers.get(worker)
    const before = known?.snapshot.context.info
    // The same name, another process: what the former one held died with it.
    if (known !== undefined && before && before.startedAt !== info.startedAt) this.#loseAll(known)
    this.#move(worker, { type: 'worker.announce', info, status, at: this.#clock.elapsed() })
  }

  beat(worker: string, status: WorkerStatus): void {
    this.#move(worker, { type: 'worker.beat', status, at: this.#clock.elapsed() })
  }

  left(worker: string): void {
    this.#move(worker, { type: 'worker.leave' })
    this.#workers.delete(worker)
  }

  reconnected(): void {
    for (const worker of this.#workers.keys()) this.#move(worker, { type: 'bus.connected', at: this.#clock.elapsed() })
  }

  tick(): void {
    for (const [worker, { snapshot, slots }] of this.#workers) {
      for (const slot of slots) slot.lease.tick()
      this.#move(worker, { type: 'tick', at: this.#clock.elapsed() })
      if (snapshot.value === 'lost' && this.#clock.elapsed() - snapshot.context.heardAt > forgetAfterMs)
        this.#workers.delete(worker)
    }
  }

  /** Gives a free place of the slot to an attempt. */
  reserve(slot: Slot, where: 'running' | 'next', attempt: AttemptRef): Place {
    const place = new Place(slot.worker, slot.slot)
    place.move({ type: 'place.reserve', attempt, at: this.#clock.now() })
    slot[where] = place
    return place
  }

  /** From the log, or the worker's own word: this worker is said to hold this attempt. Entered once (I2). */
  expect(worker: string, slot: number, attempt: AttemptRef, at: number): void {
    const known = this.whereverHeld(worker, attempt)
    // One that was held for a stranger until now is known from now on.
    if (known !== undefined) return void known.move({ type: 'place.expect', attempt, at })
    const there = this.#slot(this.#worker(worker), worker, slot)
    const place = new Place(worker, slot)
    place.move({ type: 'place.expect', attempt, at })
    if (there.running === null) there.running = place
    else if (there.next === null) there.next = place
    // What is only supposed to be there gives way to what is.
    else if (there.next.state === 'foreign') there.next = place
  }

  /** The place that holds an attempt; what a worker runs against this driver's will is in none. */
  find(worker: string, attempt: AttemptRef): Place | undefined {
    return this.#placesOf(worker).find((place) => place.state !== 'foreign' && place.holds(attempt))
  }

  /** The same with those that it was given up in. */
  whereverHeld(worker: string, attempt: AttemptRef): Place | undefined {
    return this.#placesOf(worker).find((place) => place.holds(attempt))
  }

  /** Frees a place; what waited behind it moves up. */
  free(place: Place): void {
    place.move({ type: 'place.free' })
    this.#vacate(place)
  }

  /** The attempt is given up; until its worker says that it has ended, its place is not free. */
  disown(place: Place): void {
    if (place.attempt !== null) place.move({ type: 'place.disown', attempt: place.attempt })
    if (place.isOver) this.#vacate(place)
  }

  /** The log holds the assignment, which goes out now. */
  dispatched(place: Place): void {
    place.move({ type: 'log.kept' })
  }

  /** What became of an assignment. */
  assigned(place: Place, answered: 'running' | 'next' | 'silent'): void {
    place.move({ type: 'trial.assign', answered })
  }

  /** A slot in which attempts come to nothing rests. */
  slotFailed({ worker, slot }: Place, code: string): void {
    this.#at(worker, slot)?.lease.failed(code)
  }

  slotServed({ worker, slot }: Place): void {
    this.#at(worker, slot)?.lease.served()
  }

  /** The experiment is over here, or another driver has it: what workers still run of it is not this driver's any more. */
  forget(experiment: string): void {
    for (const worker of this.#workers.keys()) {
      for (const place of this.#placesOf(worker)) {
        if (place.attempt?.experiment !== experiment) continue
        if (place.state === 'reserved') this.free(place)
        else this.disown(place)
      }
    }
  }

  async releaseAll(): Promise<void> {
    const slots = [...this.#workers.values()].flatMap((worker) => worker.slots)
    await Promise.all(slots.filter(({ lease }) => lease.state === 'ours').map(({ lease }) => lease.release()))
  }

  #placesOf(worker: string): Place[] {
    const slots = this.#workers.get(worker)?.slots ?? []
    return slots.flatMap(({ running, next }) => [running, next].filter((place) => place !== null))
  }

  #at(worker: string, slot: number): Slot | undefined {
    return this.#workers.get(worker)?.slots.find((one) => one.slot === slot)
  }

  #vacate(place: Place): void {
    const slot = this.#at(place.worker, place.slot)
    if (slot === undefined) return
    if (slot.next === place) slot.next = null
    if (slot.running === place) {
      slot.running = slot.next
      slot.running?.move({ type: 'place.promote' })
      slot.next = null
    }
    slot.idleSince = this.#clock.elapsed()
  }

  #worker(worker: string): Worker {
    const known = this.#workers.get(worker)
    if (known !== undefined) return known
    const snapshot = fleetSteps.initial({ worker, ...this.#times, at: this.#clock.elapsed() })
    const fresh: Worker = { snapshot, slots: [], pinging: false }
    this.#workers.set(worker, fresh)
    return fresh
  }

  #slot(entry: Worker, worker: string, slot: number): Slot {
    const known = entry.slots.find((one) => one.slot === slot)
    if (known !== undefined) return known
    const where = { bus: this.#bus, clock: this.#clock, driver: this.#driver, worker, slot }
    const lease = new Lease(where, (status) => this.#leaseAnswered(fresh, status))
    const fresh: Slot = { worker, slot, lease, running: null, next: null, idleSince: this.#clock.elapsed() }
    entry.slots.push(fresh)
    return fresh
  }

  #leaseAnswered(slot: Slot, status?: SlotStatus): void {
    slot.idleSince = this.#clock.elapsed()
    if (status !== undefined) this.#meetStrangers(slot, status)
    this.#tell({ kind: 'changed' })
  }

  #move(worker: string, event: FleetEvent): void {
    const entry = this.#worker(worker)
    const [snapshot, actions] = fleetSteps.next(entry.snapshot, event)
    entry.snapshot = snapshot
    for (const { type } of actions) {
      if (type === 'reconcile') this.#reconcile(worker, entry)
      else if (type === 'callRoll') this.#tell({ kind: 'callRoll' })
      else if (type === 'askPing') void this.#ping(worker, entry)
      else if (type === 'loseAttempts') this.#loseAll(entry)
    }
  }

  async #ping(worker: string, entry: Worker): Promise<void> {
    if (entry.pinging || this.#bus.status !== 'connected') return
    entry.pinging = true
    let answered: 'alive' | 'refused' | 'silent' = 'silent'
    try {
      await ask(this.#bus, ping, { worker }, {}, { timeoutMs: 1000 })
      answered = 'alive'
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      if (codeOf(error) === 'BUS_NO_RESPONDERS') answered = 'refused'
    } finally {
      entry.pinging = false
    }
    this.#move(worker, { type: 'worker.ping', answered, at: this.#clock.elapsed() })
  }

  #loseAll(entry: Worker): void {
    const slots = entry.slots
    entry.slots = []
    for (const { lease, running, next } of slots) {
      lease.end()
      for (const place of [next, running]) {
        if (place === null) continue
        const { state } = place
        const lost = place.move({ type: 'worker.gone' })
        const how = { how: 'gone', behind: place === next, workerStartedAt: null } as const
        if (lost) this.#tell({ kind: 'lost', place, state, ...how })
      }
    }
    this.#tell({ kind: 'changed' })
  }

  /** Holds what the worker says against what is believed (I1). */
  #reconcile(worker: string, entry: Worker): void {
    const { status, info } = entry.snapshot.context
    if (status === null || info === null) return
    for (const said of status.slots) this.#slot(entry, worker, said.slot).lease.hear(said)
    for (const place of this.#placesOf(worker)) {
      if (place.attempt === null) continue
      const { state } = place
      const behind = this.#at(worker, place.slot)?.next === place
      const lost = place.move({ type: 'worker.status', attempt: whereabouts(place.attempt, status) })
      if (!place.isOver) continue
      this.#vacate(place)
      if (lost) this.#tell({ kind: 'lost', place, state, how: 'unknown', behind, workerStartedAt: info.startedAt })
    }
    for (const said of status.slots) this.#meetStrangers(this.#slot(entry, worker, said.slot), said)
    for (const attempt of status.unacknowledged) {
      if (this.find(worker, attempt) === undefined) this.#tell({ kind: 'stranger', worker, slot: null, attempt })
    }
    this.#tell({ kind: 'changed' })
  }

  /** What the slot holds against what is known of it: a stranger is made known, and keeps its place if nobody takes it in. */
  #meetStrangers(slot: Slot, { running, next }: SlotStatus): void {
    for (const attempt of [running, next]) {
      if (attempt === null || this.find(slot.worker, attempt) !== undefined) continue
      this.#tell({ kind: 'stranger', worker: slot.worker, slot: slot.slot, attempt })
      if (this.#placesOf(slot.worker).some((place) => place.holds(attempt))) continue
      const place = new Place(slot.worker, slot.slot)
      place.move({ type: 'place.disown', attempt })
      if (attempt === next) slot.next ??= place
      else if (slot.running === null) slot.running = place
      else if (slot.next === null) {
        // What was given to the slot waits behind the stranger.
        slot.next = slot.running
        slot.running = place
      }
    }
  }
}

function whereabouts(attempt: AttemptRef, { slots, unacknowledged }: WorkerStatus): Whereabouts {
  for (const { running, next } of slots) {
    if (running !== null && sameAttempt(running, attempt)) return 'running'
    if (next !== null && sameAttempt(next, attempt)) return 'next'
  }
  return unacknowledged.some((other) => sameAttempt(other, attempt)) ? 'kept' : 'nowhere'
}

function isHere(state: string): boolean {
  return state === 'here' || state === 'suspect'
}

function isOffering({ snapshot }: Worker): boolean {
  return isHere(snapshot.value) && snapshot.context.status?.draining === false
}
