/**
 * Slots between drivers. What the experiments of other drivers could use of ours takes part in placement as if they were here (I2 of
 * placement.ts), and what ours could use of theirs is told to them. Each goes by what the other said last; nobody has to answer.
 * I1 A claim is good for `goodForMs`: a driver that is gone, or has no more use for a slot, keeps none idle.
 * I2 A slot that was released to a claim counts as held by it until its driver says what it holds.
 */
import {
  claimedSlotsAtMost,
  claimedWorkersAtMost,
  claims,
  claimsAtMost,
  type PayloadOf,
} from '../../../protocol/index.ts'
import { tell, type Bus } from '../../../src/bus/index.ts'
import type { Offer } from './offer.ts'
import { heldBy, type Claimant } from './placement.ts'
import type { SlotPosition } from './position.ts'

type Claim = PayloadOf<typeof claims>['claims'][number]

/** Claims come once a second. */
const goodForMs = 2500
/** Drivers that are known at most. */
const driversAtMost = 256

interface Said {
  readonly until: number
  readonly claimants: ForeignClaimant[]
}

class ForeignClaimant implements Claimant {
  readonly id: string
  readonly elsewhere = true
  readonly experiment: string
  readonly priority: number
  readonly share: number
  readonly used: number
  readonly prompt = true
  readonly ahead = 0
  readonly patienceMs = 0
  readonly together: boolean
  readonly #workers: ReadonlySet<string>
  #slots: number
  #holds: number

  constructor(by: string, { experiment, workers, slots, together, holds, priority, share, usedMs }: Claim) {
    this.id = `${by}/${experiment}`
    this.experiment = experiment
    this.priority = priority
    this.share = share
    this.used = usedMs
    this.together = together
    this.#workers = new Set(workers)
    this.#slots = slots
    this.#holds = holds
  }

  get places(): number {
    return this.#holds
  }

  queued(): number {
    return this.#slots
  }

  fresh(): number {
    return 0
  }

  needs(): [] {
    return []
  }

  suits({ worker }: Offer): boolean {
    return this.#workers.has(worker)
  }

  /** I2 */
  gets(): void {
    // All are wanted until they are there.
    if (this.together) return
    this.#slots -= 1
    this.#holds += 1
  }
}

export class Elsewhere {
  readonly #bus: Bus
  readonly #driver: string
  readonly #said = new Map<string, Said>()
  /** The drivers that were told last what could be used of theirs. */
  #claimedOf: readonly string[] = []

  constructor(bus: Bus, driver: string) {
    this.#bus = bus
    this.#driver = driver
  }

  /** All that another driver claims now; `now`: elapsed. */
  hear({ by, claims: said }: PayloadOf<typeof claims>, now: number): void {
    this.#said.delete(by)
    if (said.length === 0) return
    this.#said.set(by, { until: now + goodForMs, claimants: said.map((claim) => new ForeignClaimant(by, claim)) })
    const [oldest] = this.#said.keys()
    if (this.#said.size > driversAtMost && oldest !== undefined) this.#said.delete(oldest)
  }

  /** `isHere`: an experiment that this driver has is not claimed by another one, whatever that one said a moment ago. */
  claimants(now: number, isHere: (experiment: string) => boolean): Claimant[] {
    const good: Claimant[] = []
    for (const [by, { until, claimants }] of this.#said) {
      if (now >= until) this.#said.delete(by)
      else good.push(...claimants.filter(({ experiment }) => !isHere(experiment)))
    }
    return good
  }

  /** Tells other drivers what experiments here could use of what they hold; and once that this is over. */
  claim(lacks: readonly Lack[], positions: readonly SlotPosition[]): void {
    const claimed = claimsOf(lacks, positions)
    for (const driver of new Set([...this.#claimedOf, ...claimed.keys()])) {
      tell(this.#bus, claims, { driver }, { by: this.#driver, claims: claimed.get(driver) ?? [] })
    }
    this.#claimedOf = [...claimed.keys()]
  }

  /** A slot was released to this claimant. */
  gave(id: string): void {
    for (const { claimants } of this.#said.values()) claimants.find((one) => one.id === id)?.gets()
  }
}

/** What an experiment of this driver could use beside what it has. */
export interface Lack {
  readonly claimant: Pick<Claimant, 'id' | 'priority' | 'share' | 'used' | 'suits'>
  readonly count: number
  readonly together: boolean
}

/**
 * What to claim of which driver. Slots that nobody holds are named, too: who is to get several at once takes none before all are free, and
 * whoever released the first is not to lease it again meanwhile.
 */
function claimsOf(lacks: readonly Lack[], positions: readonly SlotPosition[]): Map<string, Claim[]> {
  const found = new Map<string, Claim[]>()
  if (!positions.some(({ lease }) => lease === 'theirs')) return found
  const held = heldBy(positions)
  for (const { claimant, count, together } of lacks.slice(0, claimsAtMost)) {
    const { id: experiment, priority, share, used } = claimant
    const free: string[] = []
    const byHolder = new Map<string, string[]>()
    for (const { offer, lease, slot } of positions) {
      if (!claimant.suits(offer)) continue
      if (lease === 'none') free.push(slot.worker)
      const holder = lease === 'theirs' ? slot.lease.trouble?.holder : null
      if (holder !== null && holder !== undefined) listIn(byHolder, holder).push(slot.worker)
    }
    for (const [holder, workers] of byHolder) {
      listIn(found, holder).push({
        experiment,
        slots: Math.min(count, claimedSlotsAtMost),
        together,
        workers: [...new Set([...workers, ...free])].slice(0, claimedWorkersAtMost),
        holds: held.get(experiment) ?? 0,
        priority,
        share,
        usedMs: Math.round(used),
      })
    }
  }
  return found
}

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  const known = lists.get(key) ?? []
  lists.set(key, known)
  return known
}
