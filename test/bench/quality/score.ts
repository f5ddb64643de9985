/** What the outcomes of many searches say: regret as a share of random search's, with bootstrap intervals, ranks and a test. */
import { createRandom } from '../../../src/random/index.ts'
import { cumulative, mean } from '../../../src/statistics/index.ts'
import { quantile } from '../statistics.ts'
import type { Outcome } from './search.ts'

/** By problem, then by seed. */
export type Outcomes = ReadonlyMap<string, readonly Outcome[]>

export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

/** By problem, then by seed. */
export type Scores = ReadonlyMap<string, readonly number[]>

/**
 * Shares of random search's mean regret, by problem and seed, after so many trials: of the problems that have as many. undefined: at the end of
 * each.
 */
export function shares(outcomes: Outcomes, random: Outcomes, trials?: number): Scores {
  const of = ({ curve }: Outcome) =>
    (trials === undefined ? curve.at(-1) : curve.find((point) => point.trials === trials))?.regret
  const reached = [...outcomes].filter(([, list]) => list.every((outcome) => of(outcome) !== undefined))
  return new Map(
    reached.map(([problem, list]) => {
      const regrets = (all: readonly Outcome[]) => all.map((outcome) => of(outcome) ?? Number.NaN)
      const known = regrets(random.get(problem) ?? []).filter((regret) => !Number.isNaN(regret))
      const usual = mean(known)
      // A search in which no trial had a value is as bad as the worst of random search.
      const worst = Math.max(...known) / usual
      return [problem, regrets(list).map((regret) => (Number.isNaN(regret) ? worst : regret / usual))]
    }),
  )
}

const resamples = 1000

/**
 * Where 95 % of `figure` lies when seeds are drawn again: the same seeds for all of `scores`, since one seed puts the optimum of a problem in the
 * same place for all contestants. `figure` is given the mean over problems of the mean over seeds, for each of `scores`.
 */
export function interval(scores: readonly Scores[], figure: (...means: readonly number[]) => number): Interval {
  const random = createRandom('bootstrap')
  const [first] = scores
  const problems = [...(first?.keys() ?? [])].map((problem) => scores.map((each) => each.get(problem) ?? []))
  const of = (draw: (seeds: number) => readonly number[]): number => {
    const sums = scores.map(() => 0)
    for (const lists of problems) {
      const seeds = draw(Math.min(...lists.map(({ length }) => length)))
      for (const [which, list] of lists.entries()) {
        sums[which] = (sums[which] as number) + mean(seeds.map((seed) => list[seed] as number)) / problems.length
      }
    }
    return figure(...sums)
  }
  const all = (seeds: number) => Array.from({ length: seeds }, (_, seed) => seed)
  const again = (seeds: number) => Array.from({ length: seeds }, () => random.integer(seeds))
  const drawn = Array.from({ length: resamples }, () => of(again))
  return { mean: of(all), low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) }
}

/** Two-sided rank-sum test by the normal law (H. Mann and D. Whitney, 1947): 1 where `one` is less at the 5 % level, -1 where it is more. */
export function verdict(one: readonly number[], other: readonly number[]): -1 | 0 | 1 {
  let wins = 0
  for (const a of one) for (const b of other) wins += a < b ? 1 : a === b ? 0.5 : 0
  const [n, m] = [one.length, other.length]
  const spread = Math.sqrt((n * m * (n + m + 1)) / 12)
  const z = (wins - (n * m) / 2) / spread
  if (2 * cumulative(-Math.abs(z)) > 0.05) return 0
  return z > 0 ? 1 : -1
}

/** The mean rank of each contestant over all problems and the seeds that all have; 1 is the best, ties share. */
export function ranks(all: ReadonlyMap<string, Scores>): ReadonlyMap<string, number> {
  const found = new Map<string, number[]>([...all.keys()].map((name) => [name, []]))
  const [first] = all.values()
  for (const problem of first?.keys() ?? []) {
    const seeds = Math.min(...[...all.values()].map((scores) => scores.get(problem)?.length ?? 0))
    for (let seed = 0; seed < seeds; seed++) {
      const row = [...all].map(([name, values]) => ({ name, value: values.get(problem)?.[seed] ?? Number.NaN }))
      for (const { name, value } of row) {
        const below = row.filter((other) => other.value < value).length
        const same = row.filter((other) => other.value === value).length
        found.get(name)?.push(below + (same + 1) / 2)
      }
    }
  }
  return new Map([...found].map(([name, list]) => [name, mean(list)]))
}
