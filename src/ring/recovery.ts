/**
 * The decision what becomes of the step that was under way when a generation ended. Each member decides alone, from what all members hold;
 * the function is pure, so that all decide alike.
 * No member finishes step s + 1 unless all have begun it, and so have finished step s: members are at most one step apart. The members
 * ahead hold the reduced vector of that step, and the others take it over. So no sample counts twice, and none is lost.
 */
import { problem, type RingHolding } from '../../protocol/index.ts'

export type Recovery =
  /** All members are equally far: each one that has the gradient of step `next` gives it to the ring again. */
  | {
      readonly kind: 'rerun'
      readonly next: number
      readonly fresh: readonly number[]
      readonly source: number | undefined
      /**
       * The next step is the first of all members, so none of them would count in it: those that had computed it are lost. This rank counts.
       * Undefined: members count as ever.
       */
      readonly counting: number | undefined
    }
  /** Rank `from` has the reduced vector of `step`. Ranks `to` lack it; they drop their own gradient of that step. */
  | {
      readonly kind: 'handover'
      readonly step: number
      readonly from: number
      readonly to: readonly number[]
      readonly next: number
      readonly fresh: readonly number[]
      readonly source: number | undefined
    }

/**
 * `holdings` by rank. `fresh` ranks get weights, optimizer state and step from `source`, once that has applied step `next - 1`;
 * undefined where all are fresh, and begin at step 0. Throws RING_DIVERGED.
 */
export function decideRecovery(ring: string, holdings: readonly RingHolding[]): Recovery {
  const ranks = holdings.map((holding, rank) => ({ ...holding, rank }))
  const fresh = ranks.filter((one) => one.fresh).map(({ rank }) => rank)
  const veterans = ranks.filter((one) => !one.fresh)
  if (veterans.length === 0) return { kind: 'rerun', next: 0, fresh, source: undefined, counting: undefined }
  const ahead = Math.max(...veterans.map(({ finished }) => finished))
  const behind = veterans.filter(({ finished }) => finished < ahead)
  if (behind.some(({ finished }) => finished < ahead - 1)) {
    throw problem('RING_DIVERGED', { ring, steps: veterans.map(({ finished }) => finished).join(', ') })
  }
  const source = veterans.find(({ finished }) => finished === ahead)?.rank ?? 0
  const next = ahead + 1
  const counting = veterans.every(({ late }) => late === true) ? source : undefined
  if (behind.length === 0) return { kind: 'rerun', next, fresh, source, counting }
  return { kind: 'handover', step: ahead, from: source, to: behind.map(({ rank }) => rank), next, fresh, source }
}
