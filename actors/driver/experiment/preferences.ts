/**
 * Trials that do not suit every worker: one whose train threw is tried elsewhere, if another worker has a place for it soon; one that ran
 * out of memory is tried where there is more.
 * I1 No trial waits for a worker that is not there, unless its context says so (`outOfMemory: 'wait'`).
 */
import type { Clock } from '../../../src/actor/index.ts'
import type { History } from '../../../src/history/index.ts'
import { offerOf, type Fleet, type Offer } from '../fleet/index.ts'

/** So long a trial that threw is kept for another worker, in ms. */
const elsewhereMs = 5000

export interface Preference {
  readonly trial: number
  readonly suits: (offer: Offer) => boolean
}

/** A trial that waits for more memory than there is now. */
export interface Outgrown {
  readonly trial: number
  /** The memory that was not enough, in bytes. */
  readonly bytes: number
  /** A worker that has more; undefined: none has. */
  readonly larger: string | undefined
}

export class Preferences {
  readonly #clock: Clock
  readonly #fleet: Fleet
  readonly #history: History
  readonly #suits: (offer: Offer) => boolean
  /** In elapsed time: since when a trial that threw waits, by the trial and its throws. */
  readonly #since = new Map<string, number>()

  /** `suits`: whether the experiment may have trials there at all. */
  constructor({ clock, fleet }: { clock: Clock; fleet: Fleet }, history: History, suits: (offer: Offer) => boolean) {
    this.#clock = clock
    this.#fleet = fleet
    this.#history = history
    this.#suits = suits
  }

  /** Of these trials, those that do not suit every worker now. */
  among(trials: readonly number[]): Preference[] {
    return trials.flatMap((trial) => this.of(trial) ?? [])
  }

  /** Undefined: any worker will do. */
  of(trial: number): Preference | undefined {
    const { threwOn = null, thrown = 0, outgrew = null } = this.#history.trial(trial)?.context ?? {}
    if (threwOn === null && outgrew === null) return undefined
    const avoided = threwOn !== null && this.#isFresh(`${trial}/${thrown}`) && this.#hasOther(threwOn) ? threwOn : null
    const least = outgrew !== null && this.#insists(outgrew) ? outgrew : null
    if (avoided === null && least === null) return undefined
    return {
      trial,
      suits: ({ worker, slot }) => worker !== avoided && (least === null || slot.memoryBytes > least),
    }
  }

  /** One that waits because it ran out of memory, if one does. */
  outgrown(): Outgrown | undefined {
    for (const trial of this.#history.queued) {
      const { outgrew: bytes = null } = this.#history.trial(trial)?.context ?? {}
      if (bytes !== null && this.#insists(bytes)) return { trial, bytes, larger: this.larger(bytes) }
    }
    return undefined
  }

  /** A worker that has more memory for a slot. */
  larger(bytes: number): string | undefined {
    return this.#offers().find(({ slot }) => slot.memoryBytes > bytes)?.worker
  }

  /** I1 */
  #insists(bytes: number): boolean {
    const waits = this.#history.submission.context.policy.resources?.outOfMemory === 'wait'
    return waits || this.larger(bytes) !== undefined
  }

  #hasOther(worker: string): boolean {
    return this.#offers().some((offer) => offer.worker !== worker)
  }

  #offers(): Offer[] {
    return this.#fleet.present.map(offerOf).filter((offer) => this.#suits(offer))
  }

  #isFresh(key: string): boolean {
    const now = this.#clock.elapsed()
    const since = this.#since.get(key) ?? now
    this.#since.set(key, since)
    return now - since < elsewhereMs
  }
}
