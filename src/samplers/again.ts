/**
 * Which points are not to be tried any more. A value of a noisy metric that is among the best may be luck, and a further trial of its point
 * tells; with a metric that is not noisy, nothing is learnt from a second one. So a point that was tried is tried again only if
 * - `begins` trials are done: before that, a new point teaches more;
 * - one of its own trials is among the good ones, and it had fewer than `most`;
 * - points that were tried more than once came to different values. While none was, one is tried a second time, to see.
 */
import type { Observation, SearchSpace } from '../../protocol/index.ts'
import type { Entry, Ledger } from './ledger.ts'
import { pointNames, type IsTried } from './tried.ts'

const begins = 25

/** How often a point is tried at most, where nobody says otherwise. */
export const usualTries = 10

/** Which trials count as good, where nobody says otherwise: this share of them, so many at least (a single one may be luck) and at most. */
export const usualGood = { share: 0.15, least: 3, most: 25 }

/** How many of so many trials count as good. */
export const goodAmong = (count: number, { share, least, most } = usualGood): number =>
  Math.min(most, Math.max(least, Math.ceil(share * count)))

export interface Again {
  /** The history, ranked. */
  readonly ledger: Ledger<unknown>
  /** Its trials in the order by which they count as good, if that is another one. */
  readonly ranked?: readonly Entry<unknown>[]
  /** How many of it count as good. */
  readonly good: number
  /** All trials that are known, and which points are in them. */
  readonly tried: readonly Observation[]
  readonly isTried: IsTried
}

/** What is known of one point. */
interface Point {
  trials: number
  /** The first value that it came to, and whether another one differs. */
  value?: number
  differs: boolean
  good: boolean
}

/** Says which points have been tried often enough; `most`: how often that is at most, 1 for never again. */
export function spentPoints(space: SearchSpace, most: number): (again: Again) => IsTried {
  const nameOf = pointNames(space)
  if (nameOf === undefined) return ({ isTried }) => isTried
  return ({ ledger, ranked = ledger.ranked, good, tried, isTried }) => {
    if (most <= 1 || ledger.done < begins) return isTried
    const points = new Map<string, Point>()
    for (const { state, hparams } of tried) {
      if (state === 'cancelled') continue
      const name = nameOf(hparams)
      const point = points.get(name)
      if (point === undefined) points.set(name, { trials: 1, differs: false, good: false })
      else point.trials++
    }
    for (const { loss, observation } of ledger.ranked.slice(0, ledger.done)) {
      const point = points.get(nameOf(observation.hparams))
      if (point === undefined) continue
      point.value ??= loss
      point.differs ||= loss !== point.value
    }
    for (const { observation } of ranked.slice(0, Math.min(good, ledger.done))) {
      const point = points.get(nameOf(observation.hparams))
      if (point !== undefined) point.good = true
    }
    const repeated = [...points.values()].filter(({ trials }) => trials > 1)
    // Exact, or it is being found out.
    if (repeated.length > 0 && !repeated.some(({ differs }) => differs)) return isTried
    return (hparams) => {
      if (!isTried(hparams)) return false
      const point = points.get(nameOf(hparams))
      return point === undefined || !point.good || point.trials >= most
    }
  }
}
