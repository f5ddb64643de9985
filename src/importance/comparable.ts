/**
 * Which results of a search can be compared with one another.
 * I1 Where configurations are tried several times, a configuration counts, with its means. Its trials do not: one tells what the others
 *    come to.
 * I2 Trials of different budgets cannot be compared. Those of the largest budget that enough trials have come to count (Falkner et al.,
 *    "BOHB", 2018, section 4.1); where no budget has enough, those of the budget that most have come to.
 */
import { own, type Hparams, type Metrics, type Objective, type SearchSpace } from '../../protocol/index.ts'

/** A trial, or a configuration. */
export interface Tried {
  readonly state: string
  /** With the `budget` that it went to, where its optimizer says how far trials go. */
  readonly hparams: Hparams
  readonly metrics: Metrics
}

/** A search and what came of it. */
export interface Searched {
  readonly space: SearchSpace
  readonly objectives: readonly Objective[]
  readonly trials: readonly Tried[]
  /** Where each is tried several times. */
  readonly configurations?: readonly Tried[]
}

interface Comparable {
  readonly tried: readonly Tried[]
  /** The budget that all of them went to, where others went to another. */
  readonly budget?: number
}

/** `enough`: so many that are done. */
export function comparable({ space, trials, configurations }: Searched, enough: number): Comparable {
  // I1
  const all = configurations ?? trials
  // A budget that was searched is a parameter like any other.
  const budgetOf = ({ hparams }: Tried) => (Object.hasOwn(space, 'budget') ? undefined : own(hparams, 'budget'))
  const counts = new Map<number, number>()
  for (const one of all) {
    const budget = budgetOf(one)
    if (typeof budget === 'number') counts.set(budget, (counts.get(budget) ?? 0) + Number(one.state === 'done'))
  }
  if (counts.size < 2) return { tried: all }
  // I2
  const largestFirst = [...counts].toSorted(([one], [other]) => other - one)
  const most = Math.max(...counts.values())
  const [budget] = largestFirst.find(([, count]) => count >= Math.min(enough, most)) as [number, number]
  return { tried: all.filter((one) => budgetOf(one) === budget), budget }
}
