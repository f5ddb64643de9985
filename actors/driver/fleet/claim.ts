/** What the claimants of placement.ts take in one round, and whose turn it is. */
import type { Claimant, Position } from './placement.ts'

/** What one claimant may still take in this round. */
export class Claim {
  readonly #claimant: Claimant
  readonly #queued: number
  readonly #slots: number
  #left: number
  #fresh: number
  #given = 0
  /** Trials that could start if they were suggested. */
  wanted = 0

  /** `held`: slots of ours in which its trials run. */
  constructor(claimant: Claimant, held: number, now: number) {
    this.#claimant = claimant
    this.#slots = claimant.elsewhere === true ? claimant.places : held
    this.#queued = claimant.queued(now)
    this.#left = this.#queued
    this.#fresh = claimant.fresh()
  }

  get id(): string {
    return this.#claimant.id
  }

  get isElsewhere(): boolean {
    return this.#claimant.elsewhere === true
  }

  get isTogether(): boolean {
    return this.#claimant.together === true
  }

  /** How many places more it could use. */
  get lack(): number {
    return this.#left + (this.#claimant.prompt ? Math.max(0, this.#fresh) : 0)
  }

  get whom(): { readonly claimant: string; readonly trial?: number } {
    const { id, trial } = this.#claimant
    return trial === undefined ? { claimant: id } : { claimant: id, trial }
  }

  get ahead(): number {
    return this.#claimant.ahead
  }

  get patienceMs(): number {
    return this.#claimant.patienceMs
  }

  get isOpen(): boolean {
    return this.#left > 0 || (this.#fresh > 0 && this.#claimant.prompt)
  }

  get priority(): number {
    return this.#claimant.priority
  }

  /** Places for its share. */
  get places(): number {
    return (this.#claimant.places + this.#given) / this.#claimant.share
  }

  /** Slots in which its trials run, for its share. */
  get slots(): number {
    // Whoever needs several at once comes first, as where it is here (I4).
    return this.isTogether ? -Infinity : (this.#slots + this.#given) / this.#claimant.share
  }

  /** So many more would be, for its share. */
  slotsWith(more: number): number {
    return (this.#slots + this.#given + more) / this.#claimant.share
  }

  /** Time for its share. */
  get used(): number {
    return this.#claimant.used / this.#claimant.share
  }

  suits({ offer }: Position): boolean {
    return this.#claimant.suits(offer)
  }

  take(): 'queued' | 'fresh' {
    const taken = this.takeLater()
    if (taken === 'fresh') this.wanted += 1
    return taken
  }

  /** A slot is on its way: nothing is suggested for it yet. */
  takeLater(): 'queued' | 'fresh' {
    this.#given += 1
    if (this.#left > 0) {
      this.#left -= 1
      return 'queued'
    }
    this.#fresh -= 1
    return 'fresh'
  }

  /** Whoever is slow to suggest has no claim (I5 of placement.ts); it is asked ahead, for what nobody else has use for. */
  askedAhead(unused: readonly Position[]): number {
    if (this.#claimant.prompt || this.#queued > 0) return 0
    return Math.min(this.#fresh, Math.max(1, unused.filter((slot) => this.suits(slot)).length))
  }
}

/** I2 of placement.ts */
export function choose(claims: readonly Claim[], fits: (claim: Claim) => boolean): Claim | undefined {
  let best: Claim | undefined
  for (const claim of claims) {
    if (!claim.isOpen || !fits(claim)) continue
    if (best === undefined || byTurn(claim, best) < 0) best = claim
  }
  return best
}

/** Below 0: it is the turn of `one` before that of `other`. */
export function byTurn(one: Claim, other: Claim): number {
  const held = one.isElsewhere || other.isElsewhere ? one.slots - other.slots : one.places - other.places
  return other.priority - one.priority || held || one.used - other.used
}
