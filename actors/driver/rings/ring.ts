/**
 * The ring of one trial: hears its members, and has them form the next generation whenever the membership changes.
 * I1 A generation is in the log before a member hears of it: a driver that was replaced cannot form one more.
 * I2 A generation's key is told to its members only, and kept nowhere: a driver that took the ring over does without until the next one.
 */
import { randomBytes } from 'node:crypto'
import {
  formRing,
  joinRing,
  leaveRing,
  problem,
  ringProgress,
  startRing,
  suspectMember,
  type PayloadOf,
  type ReplyOf,
  type RingSettings,
  type RingStanding,
} from '../../../protocol/index.ts'
import { every, type Clock, type Logger } from '../../../src/actor/index.ts'
import { stepper } from '../../../src/machine/index.ts'
import { answer, hear, type Bus, type OnDropped, type Subscription } from '../../../src/bus/index.ts'
import type { SnapshotFrom } from 'xstate'
import { passOf, ringDefaults } from '../../../src/ring/index.ts'
import { neededAt, ringMachine, type RingEvent, type RingInput, type Seat } from './ring.machine.ts'
import { Orders } from './orders.ts'
import { Pace } from './pace.ts'
import type { HeldPart, Part } from '../../../src/history/index.ts'

export interface RingHost {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly onDropped: OnDropped
  readonly decide: (decision: RingDecision) => void
}

export type RingDecision =
  /** A generation is to be kept in the log; `formed` then tells its members. */
  | { readonly kind: 'form'; readonly trial: number; readonly generation: number; readonly members: readonly Part[] }
  /** A member does not answer any more. */
  | { readonly kind: 'expel'; readonly trial: number; readonly attempt: number; readonly reason: string }
  /** Members came or went. */
  | { readonly kind: 'changed' }

const keyBytes = 16
const tickMs = 500
/** A newcomer that is fewer gradient steps behind is waited for. */
const worthChasing = 10
/** A ring that is faster than the newcomer waits for it in the end. */
const chasesAtMost = 4
/** No other generation would do better: the members' trainings fail of it, and say so. */
const hopeless = new Set(['RING_MANIFEST_DIFFERS', 'RING_MISMATCH', 'RING_DIVERGED'])

const ringSteps = stepper(ringMachine, { min: 1, max: 1, waitMs: null, generation: 0, at: 0 })

export class Ring {
  readonly id: string
  readonly #trial: number
  readonly #host: RingHost
  readonly #settings: RingSettings
  readonly #pace: Pace
  readonly #stops: (() => void)[] = []
  /** When a member last asked to begin. */
  #joinedAt: number | null = null
  #snapshot: SnapshotFrom<typeof ringMachine>
  /** That of the generation that this driver formed last (I2). */
  #key: { readonly generation: number; readonly bytes: Uint8Array } | undefined
  readonly #orders: Orders
  /** Attempts of each generation, by rank, as far as this driver knows them: a worker may have members in several slots, and some of before. */
  readonly #attempts = new Map<number, readonly number[]>()

  constructor(host: RingHost, id: string, trial: number, settings: RingSettings, input: RingInput) {
    this.id = id
    this.#trial = trial
    this.#host = host
    this.#settings = settings
    this.#pace = new Pace(host.clock)
    this.#orders = new Orders(host, id, (generation, attempt) => this.#isUnderWay(generation, attempt))
    this.#snapshot = ringSteps.initial(input)
    this.#listen()
  }

  get state(): string {
    return this.#snapshot.value
  }

  /** Members that are assigned and have not left. */
  get seats(): readonly Seat[] {
    return this.#snapshot.context.seats.filter(({ standing }) => standing !== 'left')
  }

  /** How many more it must have to go on, and how many more it may have. */
  wanted(now: number): { least: number; most: number } {
    const { context, value } = this.#snapshot
    if (value === 'done') return { least: 0, most: 0 }
    const there = this.seats.length
    const needed = value === 'forming' ? neededAt(context, now) : context.min
    return { least: Math.max(0, needed - there), most: Math.max(0, context.max - there) }
  }

  seat(part: HeldPart): void {
    this.#move({ type: 'ring.seat', part })
  }

  /** Takes a ring over from the driver that formed it: nobody is disturbed. */
  adopt(generation: number, attempts: readonly number[]): void {
    const there = attempts.filter((attempt) => this.#seat(attempt) !== undefined)
    if (there.length === 0) return
    this.#attempts.set(generation, attempts)
    this.#move({ type: 'ring.adopt', generation, attempts: there })
    // Somebody was lost while nobody looked.
    if (there.length < attempts.length) this.#move({ type: 'ring.suspect', generation })
  }

  /** A member's attempt has ended, or is lost. */
  gone(attempt: number): void {
    this.#orders.forget(attempt)
    if (this.#seat(attempt) !== undefined) this.#move({ type: 'ring.gone', attempt })
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    if (this.state !== 'done') this.#move({ type: 'trial.settled' })
  }

  /** The workers that the others wait for, and since when (elapsed), as far as it is known. Undefined: nobody waits. */
  get awaited(): { readonly workers: readonly string[]; readonly since: number } | undefined {
    const { value } = this.#snapshot
    if (value === 'running') {
      const found = this.#pace.awaited(this.#plan())
      return found && { workers: found.members.map(({ worker }) => worker), since: found.since }
    }
    const expected = this.seats.filter(({ standing }) => standing === 'expected')
    if (value !== 'forming' || this.#joinedAt === null || expected.length === 0) return undefined
    return { workers: expected.map(({ worker }) => worker), since: this.#joinedAt }
  }

  standing(): RingStanding {
    const { context, value } = this.#snapshot
    const members = context.plan.flatMap((attempt) => this.#seat(attempt) ?? [])
    return {
      state: value,
      generation: context.generation,
      members: members.map(({ worker }) => worker),
      wanted: context.max,
      ...this.#pace.read(members),
    }
  }

  #listen(): void {
    const { bus, clock, onDropped } = this.#host
    const here = { worker: '*', ring: this.id }
    const subscriptions: Subscription[] = [
      answer(bus, joinRing, here, (payload, { worker }) => this.#joined(worker, payload), { onDropped }),
      answer(bus, suspectMember, here, (payload, { worker }) => this.#suspected(worker, payload), { onDropped }),
      answer(bus, leaveRing, here, (payload, { worker }) => this.#left(worker, payload), { onDropped }),
      hear(bus, ringProgress, here, (payload, { worker }) => this.#heard(worker, payload), { onDropped }),
    ]
    this.#stops.push(
      ...subscriptions.map((subscription) => () => subscription.unsubscribe()),
      every(clock, tickMs, () => this.#move({ type: 'tick', at: clock.elapsed() })),
      bus.onStatus((status) => {
        if (status === 'connected') this.#orders.reconnected()
      }),
    )
  }

  #joined(worker: string, { slot, step, chases }: PayloadOf<typeof joinRing>): ReplyOf<typeof joinRing> {
    const seat = this.#snapshot.context.seats.find((one) => one.worker === worker && one.slot === slot)
    if (seat === undefined) throw this.#stale(0)
    // Of those that are still there: nobody else can tell it what it missed.
    const furthest = this.#pace.furthest(this.#plan())
    const isFar = furthest !== undefined && furthest.step - step > worthChasing && chases < chasesAtMost
    const ahead = seat.standing === 'expected' && isFar ? this.#ahead(worker, furthest) : null
    if (ahead === null) {
      if (seat.standing === 'expected') this.#joinedAt = this.#host.clock.elapsed()
      this.#move({ type: 'ring.join', attempt: seat.attempt })
    }
    const joined = this.seats.filter(({ standing }) => standing !== 'expected').length
    return { joined, wanted: this.#snapshot.context.max, ahead }
  }

  /** Null: no member would tell the newcomer what it missed (I2). */
  #ahead(worker: string, { member, step }: { readonly member: Seat; readonly step: number }) {
    const key = this.#key
    if (key?.generation !== this.#snapshot.context.generation) return null
    return { step, member: member.worker, pass: passOf(key.bytes, { ring: this.id, worker }) }
  }

  #suspected(
    worker: string,
    { generation, rank, suspect, code, step }: PayloadOf<typeof suspectMember>,
  ): Record<string, never> {
    const { context } = this.#snapshot
    // It speaks of a ring that has gone on without it.
    const speaker = this.#speaker(worker, generation, rank)
    if (speaker === undefined || !context.plan.includes(speaker.attempt)) throw this.#stale(generation)
    if (generation === context.generation && !hopeless.has(code)) {
      const missed = suspect === null ? undefined : context.plan[suspect]
      if (missed !== undefined && code === 'RING_PEER_LOST') this.#orders.miss(missed)
      const suspected = missed === undefined ? null : (this.#seat(missed)?.worker ?? null)
      this.#host.logger.warn(
        { ring: this.id, generation, rank, worker, suspected, code, step },
        'a ring member is stuck',
      )
      this.#move({ type: 'ring.suspect', generation })
    }
    return {}
  }

  #left(worker: string, { generation, rank, reason }: PayloadOf<typeof leaveRing>): Record<string, never> {
    const seat = this.#speaker(worker, generation, rank)
    if (seat !== undefined) this.#move({ type: 'ring.leave', attempt: seat.attempt, reason })
    return {}
  }

  #heard(worker: string, payload: PayloadOf<typeof ringProgress>): void {
    if (payload.generation !== this.#snapshot.context.generation) return
    const seat = this.#speaker(worker, payload.generation, payload.rank)
    if (seat !== undefined) this.#pace.hear(seat.attempt, payload)
  }

  /** Who says something of a generation, if it is still here: another member of its worker may be, and it is not. */
  #speaker(worker: string, generation: number, rank: number): Seat | undefined {
    const attempts = this.#attempts.get(generation)
    // Another driver formed it: of who was in it no more is known than the worker.
    if (attempts === undefined) return this.#plan().find((seat) => seat.worker === worker)
    const attempt = attempts[rank]
    const seat = attempt === undefined ? undefined : this.#seat(attempt)
    return seat?.worker === worker ? seat : undefined
  }

  #stale(generation: number) {
    return problem('RING_STALE', { generation, ring: this.id, current: this.#snapshot.context.generation })
  }

  #seat(attempt: number): Seat | undefined {
    return this.#snapshot.context.seats.find((seat) => seat.attempt === attempt)
  }

  /** The members of this generation that are still here. */
  #plan(): Seat[] {
    return this.#snapshot.context.plan.flatMap((attempt) => this.#seat(attempt) ?? [])
  }

  #move(event: RingEvent): void {
    const before = this.#snapshot
    const [after, actions] = ringSteps.next(before, event)
    this.#snapshot = after
    for (const { type } of actions) {
      if (type === 'form') this.#form()
      else if (type === 'start') void this.#start()
      else if (type === 'drop' && 'attempt' in event) {
        const reason = 'it does not answer in its ring'
        this.#host.decide({ kind: 'expel', trial: this.#trial, attempt: event.attempt, reason })
      }
    }
    if (after.context.seats !== before.context.seats || after.value !== before.value)
      this.#host.decide({ kind: 'changed' })
  }

  #form(): void {
    if (this.state === 'done') return
    const { generation } = this.#snapshot.context
    const members = this.#plan().map(({ worker, slot, attempt }) => ({ worker, slot, attempt }))
    this.#attempts.set(
      generation,
      members.map(({ attempt }) => attempt),
    )
    this.#host.logger.info({ ring: this.id, generation, members: members.map(({ worker }) => worker) }, 'ring formed')
    this.#host.decide({ kind: 'form', trial: this.#trial, generation, members })
  }

  /** A generation is in the log: its members hear of it now (I1). */
  async formed(generation: number): Promise<void> {
    if (this.state === 'done' || this.#snapshot.context.generation !== generation) return
    const key = randomBytes(keyBytes)
    this.#key = { generation, bytes: key }
    const members = this.#plan()
    const kept = members.map(({ worker, slot, attempt }) => ({ worker, slot, attempt }))
    const { algorithm, encoding, chunkBytes } = this.#settings
    const plan = { members: kept.map(({ worker, slot }) => ({ worker, slot })), algorithm, encoding, chunkBytes }
    const send = async (seat: Seat, rank: number): Promise<void> => {
      const order = { ...ringDefaults, generation, key, ...plan, rank }
      if (!(await this.#say(formRing, seat, generation, order))) return
      this.#orders.forget(seat.attempt)
      this.#move({ type: 'ring.ready', attempt: seat.attempt, generation })
    }
    await Promise.all(members.map((seat, rank) => send(seat, rank)))
  }

  async #start(): Promise<void> {
    const { generation } = this.#snapshot.context
    await Promise.all(this.#plan().map((seat) => this.#say(startRing, seat, generation, { generation })))
  }

  /** Gives an order to a member; false: it is out, or the generation is over. */
  async #say(...order: Parameters<typeof Orders.prototype.give<typeof formRing | typeof startRing>>): Promise<boolean> {
    const [, { attempt }, generation] = order
    const obeyed = await this.#orders.give(...order)
    if (obeyed === 'stale') this.#move({ type: 'ring.stale', generation })
    if (obeyed === 'absent' && this.#isUnderWay(generation, attempt))
      this.#move({ type: 'ring.absent', attempt, generation })
    return obeyed === 'yes'
  }

  #isUnderWay(generation: number, attempt: number): boolean {
    const { context, value } = this.#snapshot
    return value !== 'done' && context.generation === generation && context.plan.includes(attempt)
  }
}
