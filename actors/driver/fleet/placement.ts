/**
 * Which slot gets a trial of which experiment. Pure: it looks at slots and demands and says what to do.
 * I1 A place that runs comes before a place that waits: nothing is prefetched while a slot is idle.
 * I2 Fair: of the experiments that fit a slot, those of the highest priority come first; among these the one that holds the fewest
 *    places for its share; among equals, the one that has used the least time for its share. Whichever driver has the experiment: a slot
 *    that falls idle when it is the turn of another driver's is released to it. Between drivers slots are counted, and not what waits in
 *    them. A slot that nobody holds is leased by whoever is first: were it left to another driver, each might leave it to the other.
 * I3 No more leases than demand; what is of no use any more is released after `lingerMs`.
 * I4 Places that are of use only together are given together, or none of them. Of those who wait for such, the first in the order of
 *    experiments may keep slots idle, and only while there are enough that will fall free: so two never wait for each other. The same of
 *    those of other drivers, of which all drivers put the same one first.
 * I5 A place is given only to a trial that is there. A slot is kept idle for a suggestion only while its suggester is prompt.
 * I6 Nothing waits behind an attempt that has run for `stuckMs` while a slot that suits it is idle.
 */
import { byTurn, choose, Claim } from './claim.ts'
import type { LeaseState } from './lease.ts'
import type { Offer } from './offer.ts'

export interface Claimant {
  readonly id: string
  /** Another driver has it. */
  readonly elsewhere?: boolean
  /** Where another driver has it: what is queued is of use only all at once. */
  readonly together?: boolean
  /** It claims for this one of the experiment's trials, which does not suit every worker. */
  readonly trial?: number
  /** Trials that are there and could start now, or members that rings could take in, each in one place. */
  queued(now: number): number
  /** Trials that may be suggested beside those, each in one place. */
  fresh(): number
  /** Places that are of use only together, in order. */
  needs(now: number): readonly RingNeed[]
  /** Places that it holds. */
  readonly places: number
  /** Whoever has the highest comes first. */
  readonly priority: number
  /** Among those of one priority, places are held in proportion to it. */
  readonly share: number
  /** Time of slots that it has used, in ms. */
  readonly used: number
  /** Its suggester answers at once, as far as is known. */
  readonly prompt: boolean
  /** So many of its trials may wait in a slot behind the one that runs. */
  readonly ahead: number
  /** None of its trials is put behind one that has run for longer, in ms. */
  readonly patienceMs: number
  suits(offer: Offer): boolean
}

export interface RingNeed {
  /** The trial that the places are for; below 0: one that is not suggested yet. */
  readonly key: number
  readonly least: number
  readonly most: number
}

export interface Position {
  readonly offer: Offer
  readonly lease: LeaseState
  readonly idle: boolean
  /** So many wait behind what runs. Infinity: nothing may. */
  readonly waiting: number
  /** So many may, says its worker. */
  readonly ahead: number
  /** What runs there runs for long: it is not to be waited for. */
  readonly runsForLong: boolean
  readonly idleSince: number
  /** Since when what runs there does. */
  readonly runsSince: number
  /** The experiments of those that wait there. */
  readonly waitingFor: readonly string[]
  /** Until then it is left to the driver that it was released to. */
  readonly yieldedUntil: number
  /** The experiment of what runs there. */
  readonly runs: string | null
}

export type Decision<S> =
  | {
      readonly kind: 'fill'
      readonly slot: S
      readonly claimant: string
      /** Where places are given together, or the trial does not suit every worker: the trial that it is for. */
      readonly trial?: number
    }
  /** So many trials could start as soon as they are suggested. */
  | { readonly kind: 'suggest'; readonly claimant: string; readonly count: number }
  | { readonly kind: 'lease'; readonly slot: S }
  | { readonly kind: 'release'; readonly slot: S }
  /** The same, for it is the turn of this claimant, which another driver has. */
  | { readonly kind: 'yield'; readonly slot: S; readonly claimant: string }
  /** It could use so many slots more than can be had. */
  | { readonly kind: 'lack'; readonly claimant: string; readonly count: number; readonly together: boolean }
  /** What this claimant has waiting there is called back (I6). */
  | { readonly kind: 'recall'; readonly slot: S; readonly claimant: string }

const lingerMs = 500
/**
 * What runs longer than this is not worth waiting behind, where a slot is idle. Where more slots than cores share a host, a short trial may
 * stand for a second.
 */
const stuckMs = 2000

export function schedule<S extends Position>(
  slots: readonly S[],
  claimants: readonly Claimant[],
  now: number,
): Decision<S>[] {
  const here = claimants.filter(({ elsewhere }) => elsewhere !== true)
  const { decisions, kept, suggested } = together(slots, here, now)
  const isAsked = claimants.length > 1 && claimants.some(({ elsewhere, ahead }) => elsewhere === true || ahead > 0)
  const held = isAsked ? heldBy(slots) : nothingHeld
  const claims = heard(slots, claimants, now).map((claimant) => new Claim(claimant, held.get(claimant.id) ?? 0, now))
  const own = claims.filter(({ isElsewhere }) => !isElsewhere)
  const leasing = claims.filter(({ isElsewhere, isTogether }) => !isElsewhere || isTogether)
  const open = kept.size === 0 ? slots : slots.filter((slot) => !kept.has(slot))
  const unused: S[] = []
  for (const slot of open) {
    if (slot.lease !== 'ours' || !slot.idle) continue
    const claim = choose(claims, (one) => one.suits(slot))
    if (claim === undefined) {
      unused.push(slot)
      if (now - slot.idleSince >= lingerMs) decisions.push({ kind: 'release', slot })
    } else if (claim.isElsewhere) {
      claim.takeLater()
      decisions.push({ kind: 'yield', slot, claimant: claim.id })
    } else if (claim.take() === 'queued') {
      decisions.push({ kind: 'fill', slot, ...claim.whom })
    }
  }
  for (const slot of open) {
    // One that is being leased will take its trial in a moment.
    if (slot.lease === 'asking') choose(own, (one) => one.suits(slot))?.takeLater()
    else if (slot.lease === 'none' && now >= slot.yieldedUntil) {
      const claim = choose(leasing, (one) => one.suits(slot))
      if (claim === undefined && slot.idle) unused.push(slot)
      if (claim === undefined) continue
      claim.takeLater()
      if (!claim.isElsewhere) decisions.push({ kind: 'lease', slot })
    }
  }
  for (const claim of own)
    if (claim.lack > 0) decisions.push({ kind: 'lack', claimant: claim.id, count: claim.lack, together: false })
  // The shortest queues first, so that no slot falls idle behind another one's.
  const most = Math.max(0, ...own.map(({ ahead }) => ahead))
  const promised: ReadonlySet<S> = most === 0 ? noSlots : reserved(open, claims, here, held)
  // What its worker says is asked last: it takes longest.
  const short = open.filter(
    (slot) => slot.lease === 'ours' && slot.waiting < most && slot.waiting < slot.ahead && !promised.has(slot),
  )
  const shortest = short.reduce((least, { waiting }) => Math.min(least, waiting), most)
  for (let waiting = shortest; waiting < most && own.some(({ isOpen }) => isOpen); waiting += 1) {
    for (const slot of short) {
      if (slot.waiting > waiting || slot.ahead <= waiting) continue
      const claim = choose(
        own,
        (one) => one.ahead > waiting && now - slot.runsSince <= one.patienceMs && one.suits(slot),
      )
      if (claim?.take() === 'queued') decisions.push({ kind: 'fill', slot, ...claim.whom })
    }
  }
  for (const claim of own) {
    const count = (suggested.get(claim.id) ?? 0) + claim.wanted + claim.askedAhead(unused)
    if (count > 0) decisions.push({ kind: 'suggest', claimant: claim.id, count })
  }
  decisions.push(...recalls(open, unused, here, now))
  return decisions
}

/** Where nobody else claims anything, nobody asks. */
const nothingHeld: ReadonlyMap<string, number> = new Map()
const noSlots: ReadonlySet<never> = new Set()

/** In how many slots trials of each experiment run. */
export function heldBy(slots: readonly Position[]): Map<string, number> {
  const held = new Map<string, number>()
  for (const { lease, runs } of slots) if (lease === 'ours' && runs !== null) held.set(runs, (held.get(runs) ?? 0) + 1)
  return held
}

/**
 * Those that take part. Of those elsewhere that need several places at once, one does, and only if so many may fall free here: the same
 * one for all drivers, so that none gets a part and keeps it from another (I4).
 */
function heard(slots: readonly Position[], claimants: readonly Claimant[], now: number): readonly Claimant[] {
  const gangs = claimants.filter(({ together: needsAll }) => needsAll === true)
  if (gangs.length === 0) return claimants
  const [first] = gangs
    .filter((one) => {
      const fitting = slots.filter(
        ({ offer, lease, runsForLong }) =>
          lease !== 'theirs' && lease !== 'resting' && !runsForLong && one.suits(offer),
      )
      return fitting.length >= one.queued(now)
    })
    .toSorted((one, other) => other.priority - one.priority || (one.id < other.id ? -1 : 1))
  return claimants.filter((one) => one.together !== true || one === first)
}

/**
 * Slots in which nothing is put behind what runs, for they are somebody's next who has nothing to put there: an experiment of another
 * driver, or one here whose trials do not wait in slots. As many as it takes until it holds as many for its share as the one that runs there;
 * and its own, unless it is the turn of one that does.
 */
function reserved<S extends Position>(
  slots: readonly S[],
  claims: readonly Claim[],
  here: readonly Claimant[],
  held: ReadonlyMap<string, number>,
): Set<S> {
  const kept = new Set<S>()
  const plain = claims.filter(({ isElsewhere, ahead, isOpen }) => isOpen && (isElsewhere || ahead === 0))
  if (plain.length === 0) return kept
  const left = new Map(held)
  const known = new Map(here.map((claimant) => [claimant.id, claimant]))
  const running = slots.filter(({ lease, runs }) => lease === 'ours' && runs !== null)
  const most = Math.max(0, ...here.map(({ id, share }) => (left.get(id) ?? 0) / share))
  const lowest = Math.min(...here.filter(({ id }) => left.has(id)).map(({ priority }) => priority))
  for (const claim of plain.toSorted(byTurn)) {
    // Most have what is theirs, and slots are many.
    if (claim.priority <= lowest && !claim.isTogether && claim.slotsWith(1) > most) continue
    for (const slot of running) {
      if (!claim.isOpen) break
      const { runs } = slot
      const mine = runs === null ? undefined : known.get(runs)
      if (mine === undefined || mine.id === claim.id || kept.has(slot) || !claim.suits(slot)) continue
      const holds = left.get(mine.id) ?? 0
      if (!isNext(claim, mine, holds)) continue
      claim.takeLater()
      kept.add(slot)
      left.set(mine.id, holds - 1)
    }
  }
  const ahead = claims.filter((one) => !one.isElsewhere && one.ahead > 0 && one.isOpen)
  const own = new Map(plain.filter(({ isElsewhere }) => !isElsewhere).map((claim) => [claim.id, claim]))
  const joined = new Map<Claim, number>()
  for (const slot of running) {
    const claim = own.get(slot.runs ?? '')
    const mine = claim === undefined ? undefined : known.get(claim.id)
    if (claim?.isOpen !== true || mine === undefined || kept.has(slot)) continue
    const holds = left.get(mine.id) ?? 0
    const next = ahead.find((one) => one.suits(slot) && isNext(one, mine, holds, (joined.get(one) ?? 0) + 1))
    if (next === undefined) {
      claim.takeLater()
      kept.add(slot)
    } else {
      joined.set(next, (joined.get(next) ?? 0) + 1)
      left.set(mine.id, holds - 1)
    }
  }
  return kept
}

/** Whether a slot goes to this claim next, as its `more`th, rather than once more to the claimant that runs there and holds so many (I2). */
function isNext(claim: Claim, mine: Claimant, holds: number, more = 1): boolean {
  if (claim.priority !== mine.priority) return claim.priority > mine.priority
  return claim.isTogether || claim.slotsWith(more) <= holds / mine.share
}

/** I6 */
function recalls<S extends Position>(
  slots: readonly S[],
  unused: readonly S[],
  claimants: readonly Claimant[],
  now: number,
): Decision<S>[] {
  if (unused.length === 0) return []
  const stuck = slots.filter(({ waiting, runsSince }) => waiting > 0 && now - runsSince >= stuckMs)
  return stuck.flatMap((slot) =>
    slot.waitingFor
      .filter((id) => {
        const claimant = claimants.find((one) => one.id === id && one.trial === undefined)
        return claimant !== undefined && unused.some(({ offer }) => claimant.suits(offer))
      })
      .map((claimant) => ({ kind: 'recall' as const, slot, claimant })),
  )
}

/** What goes to those who need several places at once (I4), and the slots that are kept for them. */
function together<S extends Position>(
  slots: readonly S[],
  claimants: readonly Claimant[],
  now: number,
): { decisions: Decision<S>[]; kept: Set<S>; suggested: Map<string, number> } {
  const decisions: Decision<S>[] = []
  const kept = new Set<S>()
  const suggested = new Map<string, number>()
  let somebodyWaits = false
  for (const claimant of claimants) {
    for (const { key, least, most } of claimant.needs(now)) {
      const fitting = slots.filter((slot) => !kept.has(slot) && claimant.suits(slot.offer))
      const free = fitting.filter(({ lease, idle }) => lease === 'ours' && idle)
      if (free.length >= least) {
        if (key < 0) {
          suggested.set(claimant.id, (suggested.get(claimant.id) ?? 0) + 1)
          // I5
          if (!claimant.prompt) continue
        }
        for (const slot of free.slice(0, most)) {
          kept.add(slot)
          if (key >= 0) decisions.push({ kind: 'fill', slot, claimant: claimant.id, trial: key })
        }
        continue
      }
      const reachable = fitting.filter((slot) => isReachable(slot, now))
      if (somebodyWaits) continue
      if (reachable.length < least) {
        if (fitting.length >= least) {
          decisions.push({ kind: 'lack', claimant: claimant.id, count: least, together: true })
        }
        continue
      }
      somebodyWaits = true
      // Those that are free already come first, then those that can be leased; what still runs is waited for.
      const byEase = reachable.toSorted((a, b) => ease(a) - ease(b))
      for (const slot of byEase.slice(0, most)) {
        if (slot.lease === 'none') decisions.push({ kind: 'lease', slot })
        kept.add(slot)
      }
    }
  }
  return { decisions, kept, suggested }
}

const isReachable = ({ lease, runsForLong, yieldedUntil }: Position, now: number) =>
  lease !== 'theirs' && lease !== 'resting' && !runsForLong && now >= yieldedUntil

function ease({ lease, idle }: Position): number {
  if (lease === 'ours') return idle ? 0 : 3
  return lease === 'none' ? 2 : 1
}
