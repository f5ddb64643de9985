/**
 * Which slot gets a trial of which experiment. Pure: it looks at slots and demands and says what to do.
 * I1 A place that runs comes before a place that waits: nothing is prefetched while a slot is idle.
 * I2 Fair: of the experiments that fit a slot, the one with the smallest share comes first.
 * I3 No more leases than demand; what is of no use any more is released after `lingerMs`.
 * I4 Places that are of use only together are given together, or none of them. Of those who wait for such, the first in the order of
 *    experiments may keep slots idle, and only while there are enough that will fall free: so two never wait for each other.
 */
export interface Claimant {
  readonly id: string
  /** Trials that could start now, each in one place. */
  demand(): number
  /** Places that are of use only together, in order. */
  needs(now: number): readonly Gang[]
  readonly share: number
  readonly prefetches: boolean
  suits(labels: Readonly<Record<string, string>>): boolean
}

export interface Gang {
  /** What the places are for, in the claimant's words. */
  readonly key: number
  readonly least: number
  readonly most: number
}

export interface Position {
  readonly labels: Readonly<Record<string, string>>
  readonly lease: 'none' | 'asking' | 'ours'
  readonly idle: boolean
  /** Something runs, and nothing waits behind it. */
  readonly roomBehind: boolean
  /** Another driver holds it, or what runs there runs for long: it is not to be waited for. */
  readonly outOfReach: boolean
  readonly askAfter: number
  readonly idleSince: number
}

export type Decision<S> =
  | {
      readonly kind: 'fill'
      readonly slot: S
      readonly place: 'running' | 'next'
      readonly claimant: string
      /** The key of the gang that it is for. */
      readonly gang?: number
    }
  | { readonly kind: 'lease'; readonly slot: S }
  | { readonly kind: 'release'; readonly slot: S }

const lingerMs = 500

export function schedule<S extends Position>(
  slots: readonly S[],
  claimants: readonly Claimant[],
  now: number,
): Decision<S>[] {
  const { decisions, reserved } = together(slots, claimants, now)
  const left = new Map(claimants.map((claimant) => [claimant, claimant.demand()]))
  const given = new Map<Claimant, number>()
  const choose = (slot: S, fits: (claimant: Claimant) => boolean): Claimant | undefined => {
    let best: Claimant | undefined
    for (const [claimant, demand] of left) {
      if (demand <= 0 || !fits(claimant) || !claimant.suits(slot.labels)) continue
      const share = claimant.share + (given.get(claimant) ?? 0)
      if (best === undefined || share < best.share + (given.get(best) ?? 0)) best = claimant
    }
    if (best !== undefined) {
      left.set(best, (left.get(best) ?? 0) - 1)
      given.set(best, (given.get(best) ?? 0) + 1)
    }
    return best
  }
  const open = reserved.size === 0 ? slots : slots.filter((slot) => !reserved.has(slot))
  for (const slot of open) {
    if (slot.lease !== 'ours' || !slot.idle) continue
    const claimant = choose(slot, () => true)
    if (claimant !== undefined) decisions.push({ kind: 'fill', slot, place: 'running', claimant: claimant.id })
    else if (now - slot.idleSince >= lingerMs) decisions.push({ kind: 'release', slot })
  }
  for (const slot of open) {
    // One that is being leased will take its share in a moment.
    if (slot.lease === 'asking') choose(slot, () => true)
    else if (slot.lease === 'none' && now >= slot.askAfter && choose(slot, () => true) !== undefined) {
      decisions.push({ kind: 'lease', slot })
    }
  }
  for (const slot of open) {
    if (slot.lease !== 'ours' || !slot.roomBehind) continue
    const claimant = choose(slot, ({ prefetches }) => prefetches)
    if (claimant !== undefined) decisions.push({ kind: 'fill', slot, place: 'next', claimant: claimant.id })
  }
  return decisions
}

/** What goes to those who need several places at once (I4), and the slots that are kept for them. */
function together<S extends Position>(
  slots: readonly S[],
  claimants: readonly Claimant[],
  now: number,
): { decisions: Decision<S>[]; reserved: Set<S> } {
  const decisions: Decision<S>[] = []
  const reserved = new Set<S>()
  let somebodyWaits = false
  for (const claimant of claimants) {
    for (const { key, least, most } of claimant.needs(now)) {
      const fitting = slots.filter((slot) => !reserved.has(slot) && claimant.suits(slot.labels))
      const free = fitting.filter(({ lease, idle }) => lease === 'ours' && idle)
      if (free.length >= least) {
        for (const slot of free.slice(0, most)) {
          reserved.add(slot)
          decisions.push({ kind: 'fill', slot, place: 'running', claimant: claimant.id, gang: key })
        }
        continue
      }
      const reachable = fitting.filter(({ outOfReach }) => !outOfReach)
      if (somebodyWaits || reachable.length < least) continue
      somebodyWaits = true
      // Those that are free already come first, then those that can be leased; what still runs is waited for.
      const byEase = reachable.toSorted((a, b) => ease(a) - ease(b))
      for (const slot of byEase.slice(0, most)) {
        if (slot.lease === 'none' && now >= slot.askAfter) decisions.push({ kind: 'lease', slot })
        reserved.add(slot)
      }
    }
  }
  return { decisions, reserved }
}

function ease({ lease, idle }: Position): number {
  if (lease === 'ours') return idle ? 0 : 3
  return lease === 'asking' ? 1 : 2
}
