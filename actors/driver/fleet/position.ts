/**
 * A slot as placement looks at it: a view that is made once. Placement looks at every slot whenever anything changes, at a thousand
 * workers many hundred times a second.
 */
import type { Fleet } from './fleet.ts'
import type { LeaseState } from './lease.ts'
import type { Offer } from './offer.ts'
import type { Position } from './placement.ts'
import type { Slot } from './slots.ts'

export class SlotPosition implements Position {
  readonly slot: Slot
  yieldedUntil = 0
  readonly #fleet: Fleet
  readonly #trainsInRing: () => boolean

  constructor(slot: Slot, fleet: Fleet, trainsInRing: () => boolean) {
    this.slot = slot
    this.#fleet = fleet
    this.#trainsInRing = trainsInRing
  }

  get offer(): Offer {
    return this.#fleet.offer(this.slot.worker)
  }

  get lease(): LeaseState {
    return this.slot.lease.state
  }

  get idle(): boolean {
    return this.slot.running === null
  }

  get waiting(): number {
    const { running, next, behind } = this.slot
    if (running === null || running.state === 'foreign') return Infinity
    return next === null ? 0 : 1 + behind.length
  }

  get ahead(): number {
    return this.#fleet.info(this.slot.worker)?.ahead ?? 1
  }

  /** A ring keeps its places for long. */
  get runsForLong(): boolean {
    return this.#trainsInRing()
  }

  get runsSince(): number {
    return this.slot.runsSince
  }

  get waitingFor(): readonly string[] {
    const { next, behind } = this.slot
    if (next === null) return []
    return [...new Set([next, ...behind].flatMap(({ attempt }) => (attempt === null ? [] : [attempt.experiment])))]
  }

  get runs(): string | null {
    return this.slot.running?.attempt?.experiment ?? null
  }

  get idleSince(): number {
    return this.slot.idleSince
  }
}
