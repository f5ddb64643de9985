/**
 * State that a member takes from one generation into the next: how far it is, the vector that was reduced last, and its earlier places.
 * I1 What was reduced last outlives its generation: it is handed to those that missed it.
 */
import { problem, type RingHolding, type RingPlan } from '../../../protocol/index.ts'
import type { Reduced } from '../../../src/ring/index.ts'
import type { Place } from '../../../src/train/index.ts'

export interface Holding {
  /** The last collective whose outcome it has; -1: none. */
  readonly finished: number
  /** It needs weights, optimizer state and step from another member. */
  readonly isFresh: boolean
  readonly lastReduced: Reduced | undefined
  /** In the protocol's words. `pending`: the collective that the training waits for. */
  said(pending: number | undefined): RingHolding
  /** It has a place in this generation. */
  enter(plan: RingPlan): void
  placeIn(generation: number): Place
  /** A newcomer has what it needs, and takes part from collective `next` on. `late`: the ring was there before. */
  begin(next: number, late: boolean): void
  finish(collective: number): void
  /** A generation may have reduced a vector later than the one that is held. */
  keep(reduced: Reduced | undefined): void
  /** Another member has handed over the collective that this one missed. */
  takeOver(handed: Reduced): void
  /** The result that was handed over, given once, if it is of this collective. */
  handed(collective: number | undefined): Reduced | undefined
  /** The training has the outcome of a collective that was reduced in this generation: it goes back behind that no more. */
  forgetBefore(generation: number): void
}

export function createHolding(ring: string): Holding {
  let finished = -1
  let isFresh = true
  /** The first collective of a newcomer to a ring that was there before. */
  let lateFirst: number | undefined
  let lastReduced: Reduced | undefined
  let handedOver: Reduced | undefined
  const places = new Map<number, Place>()

  return {
    get finished() {
      return finished
    },
    get isFresh() {
      return isFresh
    },
    get lastReduced() {
      return lastReduced
    },
    said: (pending) => ({
      finished,
      pending: pending ?? null,
      fresh: isFresh,
      ...(finished + 1 === lateFirst ? { late: true } : {}),
    }),
    enter: ({ generation, rank, members }) => {
      places.set(generation, { generation, rank, members: members.length })
    },
    placeIn: (generation) => {
      const place = places.get(generation)
      // A result that is handed to a member was reduced with its part, so in a generation of its own.
      if (place === undefined) throw problem('INTERNAL', { reason: `no place in generation ${generation} of ${ring}` })
      return place
    },
    begin: (next, late) => {
      isFresh = false
      finished = next - 1
      lateFirst = late ? next : undefined
    },
    finish: (collective) => {
      finished = collective
    },
    keep: (reduced) => {
      if (reduced !== undefined && reduced.step > (lastReduced?.step ?? -1)) lastReduced = reduced
    },
    takeOver: (handed) => {
      handedOver = handed
      lastReduced = handed
      finished = handed.step
    },
    handed: (collective) => {
      if (handedOver === undefined || handedOver.step !== collective) return undefined
      const handed = handedOver
      handedOver = undefined
      return handed
    },
    forgetBefore: (generation) => {
      for (const older of places.keys()) if (older < generation) places.delete(older)
    },
  }
}
