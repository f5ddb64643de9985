/** A worker whose attempts end when the test says so. It speaks the real words on the memory bus. */
import {
  announce,
  assign,
  beat,
  callActors,
  codeOf,
  done,
  lease,
  leave,
  metrics,
  ping,
  problem,
  release,
  rollCall,
  started,
  stopTrial,
  streams,
  encodePayload,
  subjectFor,
  type Assignment,
  type AttemptOutcome,
  type AttemptRef,
  type MetricPoint,
  type WorkerStatus,
} from '../../protocol/index.ts'
import { answer, ask, hear, tell, type Bus, type Subscription } from '../../src/bus/index.ts'

interface Slot {
  driver: string | null
  running: Assignment | null
  next: Assignment | null
}

export interface FakeWorkerOptions {
  slots?: number
  labels?: Record<string, string>
  startedAt?: number
  /** Keys: it says that it runs only what one of them has signed. */
  trusts?: string[]
  /** How long attempts take, by what it says of them. Default: 1 ms. */
  lastsMs?: number
  /** Ends every attempt at once like this; undefined: the test ends it. */
  run?: (assignment: Assignment) => AttemptOutcome | undefined
}

/** An answer that never comes. */
const never = new Promise<never>(() => {})

export class FakeWorker {
  readonly id: string
  readonly bus: Bus
  readonly assignments: Assignment[] = []
  readonly stops: { attempt: AttemptRef; reason: string; ifWaiting?: true }[] = []
  /** Results that a driver has acknowledged. */
  readonly acknowledged: AttemptRef[] = []
  readonly unacknowledged: AttemptRef[] = []
  /** How many points it has reported of each. */
  readonly #reported = new Map<AttemptRef, number>()
  /** Refuses leases, as a worker does whose slots another driver holds. */
  refuses = false
  /** Takes assignments in without a word: whoever asks hears nothing. */
  deaf = false
  /** What it has against an assignment. */
  refusal: (assignment: Assignment) => Error | undefined = () => undefined
  /** What it answers to a lease is lost. */
  losesAnswers = false
  /** So many releases are lost on the way. */
  losesReleases = 0
  /** So many requests to stop are lost on the way. */
  missesStops = 0
  draining = false
  readonly #slots: Slot[]
  readonly #options: FakeWorkerOptions
  #subscriptions: Subscription[] = []

  constructor(bus: Bus, id: string, options: FakeWorkerOptions = {}) {
    this.bus = bus
    this.id = id
    this.#options = options
    this.#slots = Array.from({ length: options.slots ?? 1 }, () => ({ driver: null, running: null, next: null }))
  }

  start(): this {
    const here = { worker: this.id }
    this.#subscriptions = [
      hear(this.bus, rollCall, { driver: '*' }, () => this.announce()),
      hear(this.bus, callActors, { actor: '*' }, () => this.announce()),
      answer(this.bus, ping, here, () => this.status()),
      answer(this.bus, lease, here, ({ driver, slot }) => {
        const granted = this.#lease(driver, slot)
        return this.losesAnswers ? never : granted
      }),
      answer(this.bus, release, here, ({ slot }) => {
        if (this.losesReleases > 0) {
          this.losesReleases -= 1
          return never
        }
        this.#at(slot).driver = null
        return {}
      }),
      answer(this.bus, assign, here, (assignment) => (this.deaf ? never : this.#assign(assignment))),
      answer(this.bus, stopTrial, here, (stop) => {
        if (this.missesStops > 0) {
          this.missesStops -= 1
          return never
        }
        this.stops.push(stop)
        return { known: this.holds(stop.attempt.trial) }
      }),
    ]
    this.announce()
    return this
  }

  /** As if that driver had leased all of its slots; null: as if the one that had was found to be gone. */
  holdFor(driver: string | null): void {
    for (const slot of this.#slots) slot.driver = driver
    this.beat()
  }

  /** Gone without a word, as after kill -9. */
  vanish(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
  }

  leave(): void {
    tell(this.bus, leave, { worker: this.id }, { reason: 'SIGTERM' })
    this.vanish()
  }

  announce(): void {
    const info = {
      worker: this.id,
      host: 'here',
      pid: 1,
      slots: this.#slots.length,
      labels: this.#options.labels ?? {},
      backend: 'none',
      cores: 1,
      memoryBytes: 1,
      versions: {},
      startedAt: this.#options.startedAt ?? 1,
      can: ['bundle' as const, 'ablated' as const, 'ring' as const, 'resumeFrom' as const],
      ...(this.#options.trusts === undefined ? {} : { trusts: this.#options.trusts }),
    }
    tell(this.bus, announce, { worker: this.id }, { info, status: this.status() })
  }

  beat(): void {
    tell(this.bus, beat, { worker: this.id }, this.status())
  }

  status(): WorkerStatus {
    return {
      slots: this.#slots.map(({ driver, running, next }, slot) => ({
        slot,
        driver,
        running: running?.attempt ?? null,
        next: next?.attempt ?? null,
      })),
      unacknowledged: this.unacknowledged,
      draining: this.draining,
    }
  }

  holds(trial: number): boolean {
    return this.#slots.some(({ running, next }) => running?.attempt.trial === trial || next?.attempt.trial === trial)
  }

  get running(): number[] {
    return this.#slots.flatMap(({ running }) => (running === null ? [] : [running.attempt.trial]))
  }

  get runs(): AttemptRef[] {
    return this.#slots.flatMap(({ running }) => (running === null ? [] : [running.attempt]))
  }

  get waiting(): number[] {
    return this.#slots.flatMap(({ next }) => (next === null ? [] : [next.attempt.trial]))
  }

  report(trial: number, points: readonly MetricPoint[], first = 0): void {
    const assignment = this.#find(trial)
    const { experiment, attempt } = assignment.attempt
    this.#reported.set(assignment.attempt, first + points.length)
    tell(
      this.bus,
      metrics,
      { worker: this.id, experiment, trial: String(trial) },
      { attempt, first, points: [...points] },
    )
  }

  /** Ends a running attempt and says so until a driver acknowledges. */
  async finish(
    trial: number,
    outcome: AttemptOutcome = { kind: 'done', metrics: { value: trial } },
    experiment?: string,
  ): Promise<void> {
    const assignment = this.#find(trial, experiment)
    const slot = this.#slots.find(({ running, next }) => running === assignment || next === assignment)
    const promoted = slot?.next === assignment ? null : (slot?.next ?? null)
    if (slot?.next === assignment) slot.next = null
    else if (slot !== undefined) {
      slot.running = slot.next
      slot.next = null
    }
    await this.say(assignment.attempt, outcome)
    if (promoted !== null && slot?.running === promoted) this.#begin(promoted)
  }

  async say(attempt: AttemptRef, outcome: AttemptOutcome): Promise<void> {
    const { experiment } = attempt
    if (!this.unacknowledged.includes(attempt)) this.unacknowledged.push(attempt)
    const payload = {
      trial: attempt.trial,
      attempt: attempt.attempt,
      slot: 0,
      outcome,
      startedAt: 1,
      endedAt: 1 + (this.#options.lastsMs ?? 1),
      points: this.#reported.get(attempt) ?? 0,
    }
    try {
      await ask(this.bus, done, { worker: this.id, experiment }, payload, { timeoutMs: 60_000 })
      this.acknowledged.push(attempt)
      this.unacknowledged.splice(this.unacknowledged.indexOf(attempt), 1)
    } catch (error) {
      // Kept: the test says it again when a driver is there.
      if (codeOf(error) === undefined) throw error
    }
  }

  #find(trial: number, experiment?: string): Assignment {
    const all = this.#slots.flatMap(({ running, next }) => [running, next])
    const found = all.find(
      (assignment) =>
        assignment?.attempt.trial === trial &&
        (experiment === undefined || assignment.attempt.experiment === experiment),
    )
    if (!found) throw new Error(`${this.id} does not hold trial ${trial}`)
    return found
  }

  #at(slot: number): Slot {
    const found = this.#slots[slot]
    if (found === undefined) throw problem('LEASE_UNKNOWN', { worker: this.id, slot })
    return found
  }

  #lease(driver: string, slot: number) {
    const place = this.#at(slot)
    if (this.refuses || (place.driver !== null && place.driver !== driver)) {
      throw problem('SLOT_TAKEN', { slot, worker: this.id, holder: place.driver ?? 'another' })
    }
    place.driver = driver
    const status = this.status().slots[slot]
    if (status === undefined) throw problem('LEASE_UNKNOWN', { worker: this.id, slot })
    return { slot, status }
  }

  #assign(assignment: Assignment): { position: 'running' | 'next' } {
    if (this.draining) throw problem('WORKER_DRAINING', { worker: this.id })
    const refusal = this.refusal(assignment)
    if (refusal !== undefined) throw refusal
    const slot = this.#at(assignment.slot)
    if (slot.driver !== assignment.driver) throw problem('LEASE_UNKNOWN', { worker: this.id, slot: assignment.slot })
    const { experiment, trial } = assignment.attempt
    const same = (held: Assignment | null) => held?.attempt.experiment === experiment && held.attempt.trial === trial
    if (same(slot.running) || same(slot.next)) return { position: 'running' }
    this.assignments.push(assignment)
    if (slot.running !== null) {
      slot.next = assignment
      return { position: 'next' }
    }
    slot.running = assignment
    queueMicrotask(() => this.#begin(assignment))
    return { position: 'running' }
  }

  #begin(assignment: Assignment): void {
    const { experiment, trial, attempt } = assignment.attempt
    tell(this.bus, started, { worker: this.id, experiment }, { trial, attempt, slot: assignment.slot, at: 1 })
    const outcome = this.#options.run?.(assignment)
    if (outcome !== undefined) void this.finish(trial, outcome)
  }
}

/** Puts points into the telemetry stream, as a runner does, without the driver's hearing them. */
export async function recordPoints(
  bus: Bus,
  worker: string,
  attempt: AttemptRef,
  points: MetricPoint[],
  first = 0,
): Promise<void> {
  const subject = subjectFor(metrics, { worker, experiment: attempt.experiment, trial: String(attempt.trial) })
  const payload = { attempt: attempt.attempt, first, points }
  const id = `${streams.telemetry.name}-${worker}-${attempt.experiment}-${attempt.trial}-${attempt.attempt}-${first}`
  await bus.streams.record(subject, encodePayload(metrics, payload, subject), { id })
}
