/** Tracks the actors on the bus: workers and drivers by their beats, optimizers and ablators by their announcements. */
import {
  announce,
  announceActor,
  beat,
  callActors,
  driverBeat,
  leave,
  type ActorInfo,
  type WorkerInfo,
  type WorkerStatus,
} from '../../protocol/index.ts'
import type { Clock } from '../../src/actor/index.ts'
import type { DriverCard, Stay, WorkerCard } from '../../src/board/index.ts'
import { Stays } from './stays.ts'
import { hear, tell, type Bus, type OnDropped, type Subscription } from '../../src/bus/index.ts'

/** As drivers judge it. */
const silentMs = 2_500
const goneMs = 8_000
/** Actors that are gone are shown for so long. */
const shownMs = 10 * 60_000
/** So long is told what ran, and who was here. */
export const recentMs = 30 * 60_000
/** Everybody is asked no more often than this, and has so long to answer. */
const callMs = 10_000
const answerMs = 3_000
const most = 4_096

interface Seen {
  info: Omit<WorkerInfo, 'worker'> | null
  status: WorkerStatus
  heard: number
  heardAt: number
  /** It has said good-bye, or was silent for so long that it is missed. */
  went: 'left' | 'lost' | null
}

export class Presence {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #id: string
  readonly #workers = new Map<string, Seen>()
  readonly #drivers = new Map<string, { experiments: readonly string[]; heard: number }>()
  readonly #actors = new Map<string, { info: ActorInfo; heard: number }>()
  readonly #stays = new Stays(recentMs)
  #calledAt = -Infinity
  readonly #subscriptions: Subscription[]

  constructor(bus: Bus, clock: Clock, id: string, onChange: () => void, onDropped: OnDropped) {
    this.#bus = bus
    this.#clock = clock
    this.#id = id
    const options = { onDropped }
    const changed =
      <A extends unknown[]>(take: (...args: A) => void) =>
      (...args: A) => {
        take(...args)
        onChange()
      }
    this.#subscriptions = [
      hear(
        bus,
        announce,
        { worker: '*' },
        changed(({ info: { worker, ...info }, status }) => this.#seen(worker, status, info)),
        options,
      ),
      hear(
        bus,
        beat,
        { worker: '*' },
        changed((status, { worker }) => this.#seen(worker, status)),
        options,
      ),
      hear(
        bus,
        leave,
        { worker: '*' },
        changed((_, { worker }) => this.#left(worker)),
        options,
      ),
      hear(
        bus,
        driverBeat,
        { driver: '*' },
        changed(({ experiments }, { driver }) => this.#drives(driver, experiments)),
        options,
      ),
      hear(
        bus,
        announceActor,
        { actor: '*' },
        changed((info, { actor }) => this.#isThere(actor, info)),
        options,
      ),
    ]
  }

  /** Asks everybody to say who they are, if nobody has been asked for a while. */
  call(): void {
    if (this.#clock.elapsed() - this.#calledAt < callMs) return
    this.#calledAt = this.#clock.elapsed()
    tell(this.#bus, callActors, { actor: this.#id }, {})
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  /** Actors that have fallen silent are missed from now on. */
  look(): void {
    for (const [worker, seen] of this.#workers) {
      if (seen.went !== null || this.#stateOf(seen.heard) !== 'gone') continue
      seen.went = 'lost'
      this.#stays.gone(worker, 'lost', seen.heardAt)
    }
  }

  stays(): readonly Stay[] {
    return this.#stays.recent(this.#clock.now())
  }

  workers(): WorkerCard[] {
    this.#forget()
    return [...this.#workers]
      .map(([worker, { info, status, heard, heardAt, went }]) => ({
        worker,
        info,
        slots: status.slots,
        draining: status.draining,
        unacknowledged: status.unacknowledged.length,
        state: went === 'left' ? went : this.#stateOf(heard),
        heardAt,
      }))
      .sort((a, b) => (a.worker < b.worker ? -1 : 1))
  }

  drivers(): DriverCard[] {
    return [...this.#drivers].map(([driver, { experiments, heard }]) => {
      return { driver, experiments, state: this.#clock.elapsed() - heard > silentMs ? 'silent' : 'here' }
    })
  }

  actors(): ({ readonly actor: string } & ActorInfo)[] {
    // One that did not answer when it was asked last is gone.
    const answered = this.#clock.elapsed() - this.#calledAt < answerMs ? -Infinity : this.#calledAt
    for (const [actor, { heard }] of this.#actors) if (heard < answered) this.#actors.delete(actor)
    return [...this.#actors].map(([actor, { info }]) => ({ actor, ...info }))
  }

  /** How long no driver has said that it has this experiment; Infinity: since the board listens. */
  unownedMs(experiment: string): number {
    let least = Infinity
    for (const { experiments, heard } of this.#drivers.values()) {
      if (experiments.includes(experiment)) least = Math.min(least, this.#clock.elapsed() - heard)
    }
    return least
  }

  #seen(worker: string, status: WorkerStatus, info?: Omit<WorkerInfo, 'worker'>): void {
    if (this.#workers.size >= most && !this.#workers.has(worker)) return
    const before = this.#workers.get(worker)?.info ?? null
    const now = { heard: this.#clock.elapsed(), heardAt: this.#clock.now() }
    this.#workers.set(worker, { info: info ?? before, status, went: null, ...now })
    this.#stays.heard(worker, status.slots.length, now.heardAt, info?.startedAt)
  }

  #left(worker: string): void {
    const seen = this.#workers.get(worker)
    if (seen === undefined) return
    seen.went = 'left'
    this.#stays.gone(worker, 'left', this.#clock.now())
  }

  #drives(driver: string, experiments: readonly string[]): void {
    if (this.#drivers.size < most || this.#drivers.has(driver)) {
      this.#drivers.set(driver, { experiments, heard: this.#clock.elapsed() })
    }
  }

  #isThere(actor: string, info: ActorInfo): void {
    if (info.role === 'driver' || (this.#actors.size >= most && !this.#actors.has(actor))) return
    this.#actors.set(actor, { info, heard: this.#clock.elapsed() })
  }

  #stateOf(heard: number): 'here' | 'silent' | 'gone' {
    const silence = this.#clock.elapsed() - heard
    return silence > goneMs ? 'gone' : silence > silentMs ? 'silent' : 'here'
  }

  #forget(): void {
    const now = this.#clock.elapsed()
    for (const [worker, { heard }] of this.#workers) if (now - heard > shownMs) this.#workers.delete(worker)
    for (const [driver, { heard }] of this.#drivers) if (now - heard > shownMs) this.#drivers.delete(driver)
  }
}
