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

const resamples = 1000

/** Shares of random search's mean regret at the same checkpoint (`at` counts from the end), by problem and seed. */
export function shares(outcomes: Outcomes, random: Outcomes, at = 0): ReadonlyMap<string, readonly number[]> {
  return new Map(
    [...outcomes].map(([problem, list]) => {
      const of = ({ curve }: Outcome) => curve.at(-1 - at) ?? Number.NaN
      const known = (random.get(problem) ?? []).map(of).filter((regret) => !Number.isNaN(regret))
      const usual = mean(known)
      // A search in which no trial had a value is as bad as the worst of random search.
      const worst = Math.max(...known) / usual
      return [problem, list.map((outcome) => (Number.isNaN(of(outcome)) ? worst : of(outcome) / usual))]
    }),
  )
}

/** The mean over problems of the mean over seeds, and where 95 % of it lies when seeds are drawn again. */
export function interval(values: ReadonlyMap<string, readonly number[]>, less?: typeof values): Interval {
  const random = createRandom('bootstrap')
  const lists = [...values.values()]
  const others = less === undefined ? [] : [...values.keys()].map((problem) => less.get(problem) ?? [])
  const again = (list: readonly number[]) => mean(list.map(() => list[random.integer(list.length)] as number))
  const of = (each: (list: readonly number[]) => number) =>
    mean(lists.map(each)) - (others.length === 0 ? 0 : mean(others.map(each)))
  const drawn = Array.from({ length: resamples }, () => of(again))
  return { mean: of(mean), low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) }
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

/** The mean rank of each contestant over all problems and seeds; 1 is the best, ties share. */
export function ranks(all: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>): ReadonlyMap<string, number> {
  const found = new Map<string, number[]>([...all.keys()].map((name) => [name, []]))
  const [first] = all.values()
  for (const [problem, list] of first ?? []) {
    for (const seed of list.keys()) {
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
