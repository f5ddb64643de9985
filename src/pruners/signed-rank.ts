/**
 * Wilcoxon's signed-rank test (Wilcoxon, "Individual comparisons by ranking methods", 1945), one-sided. Zeros take
 * part in the ranking and are left out of the sum (Pratt, 1959); ties share their mean rank. Exact for up to 60 differences, and beyond
 * by the normal distribution with the correction for ties.
 */
import { cumulative } from '../statistics/index.ts'

const exactUpTo = 60

/** The probability of a rank sum of the positive differences at least as large as this one, if signs were chance. */
export function signedRankAbove(differences: readonly number[]): number {
  const signed = doubledRanks(differences).filter(({ sign }) => sign !== 0)
  if (signed.length === 0) return 1
  const ranks = signed.map(({ rank }) => rank)
  const sum = signed.reduce((total, { rank, sign }) => total + (sign > 0 ? rank : 0), 0)
  return signed.length <= exactUpTo ? exact(ranks, sum) : normal(ranks, sum)
}

/** Share of all choices of signs in which the positive ranks come to `sum` or more. */
function exact(ranks: readonly number[], sum: number): number {
  const total = ranks.reduce((all, rank) => all + rank, 0)
  const ways = new Float64Array(total + 1)
  ways[0] = 1
  let reached = 0
  for (const rank of ranks) {
    reached += rank
    for (let at = reached; at >= 0; at--) {
      ways[at] = ((ways[at] as number) + (at >= rank ? (ways[at - rank] as number) : 0)) / 2
    }
  }
  let above = 0
  for (let at = Math.max(0, Math.ceil(sum)); at <= total; at++) above += ways[at] as number
  return Math.min(1, above)
}

function normal(ranks: readonly number[], sum: number): number {
  const mean = ranks.reduce((all, rank) => all + rank, 0) / 2
  const variance = ranks.reduce((all, rank) => all + rank * rank, 0) / 4
  return cumulative((mean - sum) / Math.sqrt(variance))
}

/** Twice the rank, a whole number, of each difference by its size, ties sharing the mean. */
function doubledRanks(differences: readonly number[]): { readonly rank: number; readonly sign: number }[] {
  const sorted = differences
    .map((difference) => ({ size: Math.abs(difference), sign: Math.sign(difference) }))
    .sort((a, b) => a.size - b.size)
  const ranks: { rank: number; sign: number }[] = []
  for (let from = 0; from < sorted.length;) {
    let to = from
    while (to < sorted.length && sorted[to]?.size === sorted[from]?.size) to++
    for (let at = from; at < to; at++) ranks.push({ rank: from + 1 + to, sign: sorted[at]?.sign ?? 0 })
    from = to
  }
  return ranks
}
