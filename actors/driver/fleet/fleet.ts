/**
 * The workers that a driver knows, their slots, and what it holds on them. What happens comes out as news.
 * I1 A worker is the sole authority on its slots: a lease is asked for, and its beats are believed.
 * I2 Bounded: whatever announces itself, so many workers and slots are known at once; what beats without a name is not remembered.
 */
import {
  attemptKey,
  codeOf,
  ping,
  unacknowledgedAtMost,
  type AttemptRef,
  type SlotStatus,
  type WorkerInfo,
  type WorkerStatus,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { flatStepper, type FlatSnapshot } from '../../../src/machine/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import { fleetMachine, type FleetEvent } from './fleet.machine.ts'
import { offerOf, type Offer } from './offer.ts'
import { Place, sameAttempt, type PlaceState } from './place.ts'
import type { Whereabouts } from './place.machine.ts'
import { Slots, type Slot } from './slots.ts'

interface Worker {
  snapshot: FlatSnapshot<typeof fleetMachine>
  slots: Slots
  /** What it said last, as it was held against what is believed. */
  said: WorkerStatus | null
  /** A ping is under way. */
  pinging: boolean
  /** Its slots, as they are counted among all. */
  counted: number
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
  /** A worker is not taken in. */
  | { readonly kind: 'crowded'; readonly worker: string; readonly workers: number; readonly slots: number }

export interface FleetTimes {
  readonly suspectAfterMs: number
  readonly lostAfterMs: number
  readonly refusalsUntilLost: number
}

const forgetAfterMs = 600_000
/** Known at once (I2). */
const workersAtMost = 10_000
const slotsAtMost = 65_536
const fleetSteps = flatStepper(fleetMachine)

export class Fleet {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #driver: string
  readonly #times: FleetTimes
  readonly #tell: (news: FleetNews) => void
  readonly #workers = new Map<string, Worker>()
  /** Counted along: with thousands of workers, each that joins would have to count them all. */
  #slotsKnown = 0
  /** Placement asks for them all the time. */
  readonly #offers = new WeakMap<WorkerInfo, Offer>()

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

  /** How many slots are known. */
  get size(): number {
    return this.#slotsKnown
  }

  /** Slots of workers that are here and not leaving. */
  slots(): Slot[] {
    const all: Slot[] = []
    // Placement asks for them all the time: with a thousand workers, `flatMap` took a fifth of a driver's time.
    for (const worker of this.#workers.values())
      if (isOffering(worker)) for (const slot of worker.slots.all) all.push(slot)
    return all
  }

  slotsOf(worker: string): readonly Slot[] {
    return this.#workers.get(worker)?.slots.all ?? []
  }

  /** What a worker that is here offers. */
  offer(worker: string): Offer {
    const info = this.info(worker)
    if (info === null) return offerOf(info)
    let offer = this.#offers.get(info)
    if (offer === undefined) this.#offers.set(info, (offer = offerOf(info)))
    return offer
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
    if (!this.#hasRoom(info.slots, known)) {
      const slots = this.#slotsKnown
      return this.#tell({ kind: 'crowded', worker, workers: this.#workers.size, slots })
    }
    // The same name, another process: what the former one held died with it.
    if (known !== undefined && before && before.startedAt !== info.startedAt) this.#loseAll(known)
    const entry = this.#worker(worker)
    this.#slotsKnown += info.slots - entry.counted
    entry.counted = info.slots
    // Whatever it says of itself is news.
    entry.said = null
    this.#move(worker, { type: 'worker.announce', info, status, at: this.#clock.elapsed() })
  }

  beat(worker: string, status: WorkerStatus): void {
    // I2
    if (!this.#workers.has(worker)) return this.#tell({ kind: 'callRoll' })
    this.#move(worker, { type: 'worker.beat', status, at: this.#clock.elapsed() })
  }

  left(worker: string): void {
    if (!this.#workers.has(worker)) return
    this.#move(worker, { type: 'worker.leave' })
    this.#remove(worker)
  }

  reconnected(): void {
    for (const worker of this.#workers.keys()) this.#move(worker, { type: 'bus.connected', at: this.#clock.elapsed() })
  }

  tick(): void {
    for (const [worker, { snapshot, slots }] of this.#workers) {
      for (const slot of slots.all) slot.lease.tick()
      this.#move(worker, { type: 'tick', at: this.#clock.elapsed() })
      if (snapshot.value === 'lost' && this.#clock.elapsed() - snapshot.context.heardAt > forgetAfterMs)
        this.#remove(worker)
    }
  }

  /** Gives the slot's first free place to an attempt. */
  reserve(slot: Slot, attempt: AttemptRef): Place {
    const place = new Place(slot.worker, slot.slot)
    place.move({ type: 'place.reserve', attempt, at: this.#clock.now() })
    this.#worker(slot.worker).slots.add(slot, place)
    return place
  }

  /** From the log, or the worker's own word: this worker is said to hold this attempt. */
  expect(worker: string, slot: number, attempt: AttemptRef, at: number): void {
    // What is entered with a worker that is gone would never be missed: it is waited for anew, as one that the log names first.
    if (this.#workers.get(worker)?.snapshot.value === 'lost') this.#remove(worker)
    this.#worker(worker).slots.expect(slot, attempt, at)
  }

  /** The place that holds an attempt; what a worker runs against this driver's will is in none. */
  find(worker: string, attempt: AttemptRef): Place | undefined {
    return this.#workers.get(worker)?.slots.find(attempt)
  }

  /** The same with those that it was given up in. */
  whereverHeld(worker: string, attempt: AttemptRef): Place | undefined {
    return this.#workers.get(worker)?.slots.whereverHeld(attempt)
  }

  /** Frees a place; what waited behind it moves up. */
  free(place: Place): void {
    place.move({ type: 'place.free' })
    this.#workers.get(place.worker)?.slots.vacate(place)
  }

  /** The attempt is given up; until its worker says that it has ended, its place is not free. */
  disown(place: Place): void {
    if (place.attempt !== null) place.move({ type: 'place.disown', attempt: place.attempt })
    if (place.isOver) this.#workers.get(place.worker)?.slots.vacate(place)
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
    this.#workers.get(worker)?.slots.at(slot)?.lease.failed(code)
  }

  slotServed({ worker, slot }: Place): void {
    this.#workers.get(worker)?.slots.at(slot)?.lease.served()
  }

  /** The experiment is over here, or another driver has it: what workers still run of it is not this driver's any more. */
  forget(experiment: string): void {
    for (const { slots } of this.#workers.values()) {
      for (const place of slots.places) {
        if (place.attempt?.experiment !== experiment) continue
        if (place.state === 'reserved') this.free(place)
        else this.disown(place)
      }
    }
  }

  async releaseAll(): Promise<void> {
    const slots = [...this.#workers.values()].flatMap((worker) => worker.slots.all)
    await Promise.all(slots.filter(({ lease }) => lease.state === 'ours').map(({ lease }) => lease.release()))
  }

  /** I2: those that are gone make room first. */
  #hasRoom(slots: number, known: Worker | undefined): boolean {
    if (known === undefined && this.#workers.size >= workersAtMost) {
      for (const [worker, { snapshot }] of this.#workers) if (snapshot.value === 'lost') this.#remove(worker)
    }
    if (known === undefined && this.#workers.size >= workersAtMost) return false
    return this.#slotsKnown - (known?.counted ?? 0) + slots <= slotsAtMost
  }

  #remove(worker: string): void {
    this.#slotsKnown -= this.#workers.get(worker)?.counted ?? 0
    this.#workers.delete(worker)
  }

  #worker(worker: string): Worker {
    const known = this.#workers.get(worker)
    if (known !== undefined) return known
    const snapshot = fleetSteps.initial({ worker, ...this.#times, at: this.#clock.elapsed() })
    const fresh: Worker = { snapshot, slots: this.#noSlots(worker), said: null, pinging: false, counted: 0 }
    this.#workers.set(worker, fresh)
    return fresh
  }

  #noSlots(worker: string): Slots {
    const where = { bus: this.#bus, clock: this.#clock, driver: this.#driver, worker }
    return new Slots(where, (news) => {
      this.#tell(news.kind === 'stranger' ? { ...news, worker } : news)
    })
  }

  #move(worker: string, event: FleetEvent): void {
    const entry = this.#worker(worker)
    const [snapshot, actions] = fleetSteps.next(entry.snapshot, event)
    entry.snapshot = snapshot
    for (const action of actions) {
      if (action === 'reconcile') this.#reconcile(worker, entry)
      else if (action === 'callRoll') this.#tell({ kind: 'callRoll' })
      else if (action === 'askPing') void this.#ping(worker, entry)
      else if (action === 'loseAttempts') this.#loseAll(entry)
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
    const { worker } = entry.snapshot.context
    const slots = entry.slots.all
    entry.slots = this.#noSlots(worker)
    entry.said = null
    for (const { lease, running, next, behind } of slots) {
      lease.end()
      for (const place of [...behind, next, running]) {
        if (place === null) continue
        const { state } = place
        const lost = place.move({ type: 'worker.gone' })
        const how = { how: 'gone', behind: place !== running, workerStartedAt: null } as const
        if (lost) this.#tell({ kind: 'lost', place, state, ...how })
      }
    }
    this.#tell({ kind: 'changed' })
  }

  /** Holds what the worker says against what is believed (I1). */
  #reconcile(worker: string, entry: Worker): void {
    const { status, info } = entry.snapshot.context
    if (status === null || info === null) return
    const { slots } = entry
    // A slot that the worker does not offer is none.
    const offered = status.slots.filter(({ slot }) => slot < info.slots)
    // A thousand workers beat each second: placement looks at those only that say something new.
    let isNews = entry.said === null || !sameStatus(entry.said, status)
    entry.said = status
    for (const said of offered) if (slots.hear(said)) isNews = true
    const whereabouts = whereaboutsIn(status)
    // Of so many results not all may be named: one that is not there may have ended.
    const isComplete = status.unacknowledged.length < unacknowledgedAtMost
    for (const place of slots.places) {
      if (place.attempt === null) continue
      const { state } = place
      const behind = slots.at(place.slot)?.running !== place
      const attempt = whereabouts.get(attemptKey(place.attempt)) ?? (isComplete ? 'nowhere' : undefined)
      if (attempt === undefined) continue
      const lost = place.move({ type: 'worker.status', attempt })
      if (!place.isOver) continue
      isNews = true
      this.#workers.get(place.worker)?.slots.vacate(place)
      if (lost) this.#tell({ kind: 'lost', place, state, how: 'unknown', behind, workerStartedAt: info.startedAt })
    }
    for (const said of offered) slots.meet(said)
    for (const attempt of status.unacknowledged) {
      if (this.find(worker, attempt) === undefined) this.#tell({ kind: 'stranger', worker, slot: null, attempt })
    }
    if (isNews) this.#tell({ kind: 'changed' })
  }
}

/** By attempt: where the worker says that it is; one that is not there is nowhere. */
function whereaboutsIn({ slots, unacknowledged }: WorkerStatus): ReadonlyMap<string, Whereabouts> {
  const all = new Map<string, Whereabouts>()
  for (const attempt of unacknowledged) all.set(attemptKey(attempt), 'kept')
  for (const { next, behind = [] } of slots)
    for (const attempt of [next, ...behind]) if (attempt !== null) all.set(attemptKey(attempt), 'next')
  for (const { running } of slots) if (running !== null) all.set(attemptKey(running), 'running')
  return all
}

function sameStatus(a: WorkerStatus, b: WorkerStatus): boolean {
  return (
    a.draining === b.draining &&
    a.slots.length === b.slots.length &&
    a.unacknowledged.length === b.unacknowledged.length &&
    a.slots.every((one, index) => sameSlot(one, b.slots[index]))
  )
}

function sameSlot(a: SlotStatus, b: SlotStatus | undefined): boolean {
  return (
    b !== undefined &&
    a.slot === b.slot &&
    a.driver === b.driver &&
    sameOrNone(a.running, b.running) &&
    sameOrNone(a.next, b.next) &&
    (a.behind?.length ?? 0) === (b.behind?.length ?? 0)
  )
}

function sameOrNone(a: AttemptRef | null, b: AttemptRef | null): boolean {
  return a === null || b === null ? a === b : sameAttempt(a, b)
}

function isHere(state: string): boolean {
  return state === 'here' || state === 'suspect'
}

function isOffering({ snapshot }: Worker): boolean {
  return isHere(snapshot.value) && snapshot.context.status?.draining === false
}
