/**
 * What the members of a new generation do with the step that was under way, decided by each alone from what all hold: pure, so that
 * all decide alike.
 * Nobody can have finished step s + 1 unless all had begun it, and so had step s: members are one step apart at most. Those that are
 * ahead hold the reduced vector of that step; the others take it over, and so nobody's samples count twice and nobody's are lost.
 */
import { problem, type RingHolding } from '../../protocol/index.ts'

export type Recovery =
  /** Nobody has more than another: whoever has the gradient of step `next` gives it to the ring again. */
  | {
      readonly kind: 'rerun'
      readonly next: number
      readonly fresh: readonly number[]
      readonly source: number | undefined
    }
  /** Rank `from` has the reduced vector of `step`; ranks `to` lack it, and put their own gradient of it away. */
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
  if (veterans.length === 0) return { kind: 'rerun', next: 0, fresh, source: undefined }
  const ahead = Math.max(...veterans.map(({ finished }) => finished))
  const behind = veterans.filter(({ finished }) => finished < ahead)
  if (behind.some(({ finished }) => finished < ahead - 1)) {
    throw problem('RING_DIVERGED', { ring, steps: veterans.map(({ finished }) => finished).join(', ') })
  }
  const source = veterans.find(({ finished }) => finished === ahead)?.rank ?? 0
  const next = ahead + 1
  if (behind.length === 0) return { kind: 'rerun', next, fresh, source }
  return { kind: 'handover', step: ahead, from: source, to: behind.map(({ rank }) => rank), next, fresh, source }
}
