/**
 * Which slot gets a trial of which experiment. Pure: it looks at slots and demands and says what to do.
 * I1 A place that runs comes before a place that waits: nothing is prefetched while a slot is idle.
 * I2 Fair: of the experiments that fit a slot, the one with the smallest share comes first.
 * I3 No more leases than demand; what is of no use any more is released after `lingerMs`.
 */
export interface Claimant {
  readonly id: string
  /** Trials that could start now. */
  demand(): number
  readonly share: number
  readonly prefetches: boolean
  suits(labels: Readonly<Record<string, string>>): boolean
}

export interface Position {
  readonly labels: Readonly<Record<string, string>>
  readonly lease: 'none' | 'asking' | 'ours'
  readonly idle: boolean
  /** Something runs, and nothing waits behind it. */
  readonly roomBehind: boolean
  readonly askAfter: number
  readonly idleSince: number
}

export type Decision<S> =
  | { readonly kind: 'fill'; readonly slot: S; readonly place: 'running' | 'next'; readonly claimant: string }
  | { readonly kind: 'lease'; readonly slot: S }
  | { readonly kind: 'release'; readonly slot: S }

const lingerMs = 500

export function schedule<S extends Position>(
  slots: readonly S[],
  claimants: readonly Claimant[],
  now: number,
): Decision<S>[] {
  const decisions: Decision<S>[] = []
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
  for (const slot of slots) {
    if (slot.lease !== 'ours' || !slot.idle) continue
    const claimant = choose(slot, () => true)
    if (claimant !== undefined) decisions.push({ kind: 'fill', slot, place: 'running', claimant: claimant.id })
    else if (now - slot.idleSince >= lingerMs) decisions.push({ kind: 'release', slot })
  }
  for (const slot of slots) {
    // One that is being leased will take its share in a moment.
    if (slot.lease === 'asking') choose(slot, () => true)
    else if (slot.lease === 'none' && now >= slot.askAfter && choose(slot, () => true) !== undefined) {
      decisions.push({ kind: 'lease', slot })
    }
  }
  for (const slot of slots) {
    if (slot.lease !== 'ours' || !slot.roomBehind) continue
    const claimant = choose(slot, ({ prefetches }) => prefetches)
    if (claimant !== undefined) decisions.push({ kind: 'fill', slot, place: 'next', claimant: claimant.id })
  }
  return decisions
}
