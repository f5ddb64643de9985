/**
 * The workers that a driver knows, their slots, and what it holds on them.
 * I1 A worker is the sole authority on its slots: a lease is asked for, and its beats are believed.
 * I2 An attempt counts as lost only when its worker is lost, or says twice that it knows nothing of it.
 */
import type { SnapshotFrom } from 'xstate'
import {
  codeOf,
  lease,
  ping,
  release,
  type AttemptRef,
  type SlotStatus,
  type WorkerInfo,
  type WorkerStatus,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { stepper } from '../../../src/machine/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import { fleetMachine, type FleetEvent } from './fleet.machine.ts'

/** An attempt, or the reservation for one, in a slot. */
export interface Held {
  readonly experiment: string
  attempt: AttemptRef | null
  /** The worker has taken it; 'log': so a driver before this one wrote, who may have died before it was handed over. */
  confirmed: boolean | 'log'
  /** Beats in a row in which the worker did not know it. */
  unknown: number
  /** The slot or its worker is gone: what was reserved goes elsewhere. */
  gone: boolean
}

export interface Slot {
  readonly worker: string
  readonly slot: number
  lease: 'none' | 'asking' | 'ours'
  running: Held | null
  next: Held | null
  /** It still runs what another driver gave it. */
  foreign: boolean
  /** Another driver holds it. */
  elsewhere: boolean
  /** A refused lease is asked for again after this time, or when the worker says that the slot is free. */
  askAfter: number
  idleSince: number
}

interface Worker {
  snapshot: SnapshotFrom<typeof fleetMachine>
  slots: Slot[]
  pinging: boolean
}

export interface FleetEvents {
  /** Something changed that the scheduler may use. */
  changed(): void
  /** The attempt's worker is gone, or knows nothing of it. */
  lost(held: Held, worker: string, reason: string): void
  /** A worker runs or keeps an attempt that this driver does not hold there. */
  foreign(worker: string, slot: number | null, attempt: AttemptRef): void
  /** A worker beats that nobody introduced. */
  callRoll(): void
}

export interface FleetTimes {
  readonly suspectAfterMs: number
  readonly lostAfterMs: number
  readonly refusalsUntilLost: number
}

const leaseRetryMs = 1000
const fleetSteps = stepper(fleetMachine, { worker: '', suspectAfterMs: 0, lostAfterMs: 0, refusalsUntilLost: 1, at: 0 })

export class Fleet {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #driver: string
  readonly #times: FleetTimes
  readonly #events: FleetEvents
  readonly #workers = new Map<string, Worker>()

  constructor(bus: Bus, clock: Clock, driver: string, times: FleetTimes, events: FleetEvents) {
    this.#bus = bus
    this.#clock = clock
    this.#driver = driver
    this.#times = times
    this.#events = events
  }

  /** Workers that are here. */
  get present(): WorkerInfo[] {
    return [...this.#workers.values()].flatMap(({ snapshot }) =>
      isHere(snapshot.value) && snapshot.context.info !== null ? [snapshot.context.info] : [],
    )
  }

  /** Slots of workers that are here and not leaving. */
  slots(): Slot[] {
    return [...this.#workers.values()].flatMap(({ snapshot, slots }) =>
      isHere(snapshot.value) && snapshot.context.status?.draining === false ? slots : [],
    )
  }

  info(worker: string): WorkerInfo | null {
    return this.#workers.get(worker)?.snapshot.context.info ?? null
  }

  announced(worker: string, info: WorkerInfo, status: WorkerStatus): void {
    const known = this.#workers.get(worker)
    const before = known?.snapshot.context.info
    // The same name, another process: what the former one held died with it.
    if (known !== undefined && before && before.startedAt !== info.startedAt)
      this.#loseAll(worker, known, 'it was started anew')
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
    for (const [worker, { snapshot }] of this.#workers) {
      this.#move(worker, { type: 'tick', at: this.#clock.elapsed() })
      if (snapshot.value === 'lost' && this.#clock.elapsed() - snapshot.context.heardAt > 600_000)
        this.#workers.delete(worker)
    }
  }

  /** From the log: this worker is said to hold this attempt. Believed until the worker says otherwise or stays away. */
  expect(worker: string, slot: number, attempt: AttemptRef): void {
    const held: Held = { experiment: attempt.experiment, attempt, confirmed: 'log', unknown: 0, gone: false }
    const place = this.#slot(this.#worker(worker), worker, slot)
    if (place.running === null) place.running = held
    else if (place.next === null) place.next = held
  }

  /** The place that holds an attempt. */
  find(worker: string, attempt: AttemptRef): { slot: Slot; held: Held } | undefined {
    for (const slot of this.#workers.get(worker)?.slots ?? []) {
      for (const held of [slot.running, slot.next]) {
        if (held?.attempt && sameAttempt(held.attempt, attempt)) return { slot, held }
      }
    }
    return undefined
  }

  /** Frees a place; what waited behind it moves up. */
  free(slot: Slot, held: Held): void {
    held.gone = true
    if (slot.next === held) slot.next = null
    if (slot.running === held) {
      slot.running = slot.next
      slot.next = null
    }
    slot.idleSince = this.#clock.elapsed()
  }

  /** Forgets all places that an experiment holds, without a word to anybody (another driver has it now). */
  forget(experiment: string): void {
    for (const { slots } of this.#workers.values()) {
      for (const slot of slots) {
        for (const held of [slot.next, slot.running]) if (held?.experiment === experiment) this.free(slot, held)
      }
    }
  }

  async ask(slot: Slot): Promise<void> {
    slot.lease = 'asking'
    try {
      const who = { driver: this.#driver, slot: slot.slot }
      const { status } = await ask(this.#bus, lease, { worker: slot.worker }, who, { timeoutMs: 2000 })
      slot.lease = 'ours'
      this.#lookForForeign(slot, status)
      slot.idleSince = this.#clock.elapsed()
      this.#move(slot.worker, { type: 'worker.lease', slot: slot.slot })
      this.#events.changed()
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      slot.lease = 'none'
      slot.askAfter = this.#clock.elapsed() + leaseRetryMs
    }
  }

  async release(slot: Slot): Promise<void> {
    this.#yield(slot)
    try {
      await ask(
        this.#bus,
        release,
        { worker: slot.worker },
        { driver: this.#driver, slot: slot.slot },
        { timeoutMs: 2000 },
      )
    } catch (error) {
      // A lease that cannot be handed back ends by itself when this driver's beats stop, or is asked for again.
      if (codeOf(error) === undefined) throw error
    }
  }

  async releaseAll(): Promise<void> {
    const ours = [...this.#workers.values()].flatMap(({ slots }) => slots.filter(({ lease: held }) => held === 'ours'))
    await Promise.all(ours.map((slot) => this.release(slot)))
  }

  #yield(slot: Slot): void {
    slot.lease = 'none'
    this.#move(slot.worker, { type: 'worker.release', slot: slot.slot })
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
    const known = entry.slots.find((place) => place.slot === slot)
    if (known !== undefined) return known
    const fresh: Slot = {
      worker,
      slot,
      lease: 'none',
      running: null,
      next: null,
      foreign: false,
      elsewhere: false,
      askAfter: 0,
      idleSince: this.#clock.elapsed(),
    }
    entry.slots.push(fresh)
    return fresh
  }

  #move(worker: string, event: FleetEvent): void {
    const entry = this.#worker(worker)
    const [snapshot, actions] = fleetSteps.next(entry.snapshot, event)
    entry.snapshot = snapshot
    for (const { type } of actions) {
      if (type === 'reconcile') this.#reconcile(worker, entry)
      else if (type === 'callRoll') this.#events.callRoll()
      else if (type === 'askPing') void this.#ping(worker, entry)
      else if (type === 'loseAttempts') this.#loseAll(worker, entry, 'it went away')
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

  #loseAll(worker: string, entry: Worker, reason: string): void {
    for (const slot of entry.slots) {
      slot.lease = 'none'
      for (const held of [slot.next, slot.running]) {
        if (held === null) continue
        this.free(slot, held)
        this.#events.lost(held, worker, reason)
      }
    }
    entry.slots = []
    this.#events.changed()
  }

  /** Holds what the worker says against what is believed (I1). */
  #reconcile(worker: string, entry: Worker): void {
    const { status, info } = entry.snapshot.context
    if (status === null || info === null) return
    const said = [
      ...status.slots.flatMap(({ running, next }) => [running, next].filter((attempt) => attempt !== null)),
      ...status.unacknowledged,
    ]
    for (const slotStatus of status.slots) this.#reconcileSlot(this.#slot(entry, worker, slotStatus.slot), slotStatus)
    for (const slot of entry.slots) {
      for (const held of [slot.running, slot.next]) this.#reconcileHeld(worker, slot, held, said)
    }
    for (const { slot, running, next } of status.slots) {
      for (const attempt of [running, next]) {
        if (attempt !== null && this.find(worker, attempt) === undefined) this.#events.foreign(worker, slot, attempt)
      }
    }
    for (const attempt of status.unacknowledged) {
      if (this.find(worker, attempt) === undefined) this.#events.foreign(worker, null, attempt)
    }
    this.#events.changed()
  }

  #reconcileSlot(slot: Slot, status: SlotStatus): void {
    if (slot.lease === 'ours' && status.driver !== this.#driver) this.#yield(slot)
    if (status.driver === null) slot.askAfter = 0
    slot.elsewhere = status.driver !== null && status.driver !== this.#driver
    this.#lookForForeign(slot, status)
  }

  #lookForForeign(slot: Slot, { running }: SlotStatus): void {
    slot.foreign = running !== null && this.find(slot.worker, running) === undefined
  }

  #reconcileHeld(worker: string, slot: Slot, held: Held | null, said: readonly AttemptRef[]): void {
    const attempt = held?.attempt
    if (held === null || !attempt || held.confirmed === false) return
    if (said.some((other) => sameAttempt(other, attempt))) {
      held.unknown = 0
      held.confirmed = true
      return
    }
    held.unknown += 1
    if (held.unknown < 2) return
    this.free(slot, held)
    this.#events.lost(held, worker, 'the worker knows nothing of it')
  }
}

function sameAttempt(a: AttemptRef, b: AttemptRef): boolean {
  return a.trial === b.trial && a.attempt === b.attempt && a.experiment === b.experiment
}

function isHere(state: string): boolean {
  return state === 'idle' || state === 'leased' || state === 'suspect'
}
