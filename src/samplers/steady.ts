/**
 * Ranks trials by what their points would come to again, where a metric is noisy: the best of many values is luck for a good part, and a
 * sampler that takes it at its word goes on around a lucky trial. What a point comes to is estimated by how it did on the average of its own
 * trials, shrunk towards what its levels come to elsewhere: an additive model (ridge regression on an indicator for each level, T. Hastie and
 * R. Tibshirani, "Generalized Additive Models", 1990), fitted to normal scores of the losses, for which an outlier is just the last one.
 *
 * What a training comes to is noisy, unless trials of one point came to the same value (./again.ts has a point tried again to see): then, and
 * in spaces with endlessly many points, where none is met again, trials rank by their losses.
 */
import type { SearchSpace } from '../../protocol/index.ts'
import { mean, quantileAbove } from '../statistics/index.ts'
import { compareEntries, type Entry, type Ledger } from './ledger.ts'
import type { Dimension } from './parzen.ts'
import { pointNames } from './tried.ts'

/** How many trials without any effect each level counts as having had beside its own. */
const ridge = 2
/** How many trials of a point weigh as much as the model of all the others. */
const modelWeight = 1
/** A number with many values has so many levels here. */
const bins = 8
/** Each sweep of backfitting leaves a fraction of the error; ranks do not change any more after a few. */
const sweeps = 10

type Trial = Entry<Float64Array>

/** The ended trials of a ledger, best first. A trial's loss is then the score by which it ranks. */
export function steadyRanks(
  space: SearchSpace,
  dimensions: readonly Dimension[],
): (ledger: Ledger<Float64Array>) => readonly Trial[] {
  const nameOf = pointNames(space)
  if (nameOf === undefined) return ({ ranked }) => ranked
  return ({ ranked, done }) => {
    const trials = ranked.slice(0, done)
    /** Where the trials of each point stand. */
    const points = new Map<string, number[]>()
    let isRepeated = false
    let isNoisy = false
    for (const [at, { loss, observation }] of trials.entries()) {
      const name = nameOf(observation.hparams)
      const own = points.get(name)
      if (own === undefined) points.set(name, [at])
      else {
        own.push(at)
        isRepeated = true
        isNoisy ||= trials[own[0] as number]?.loss !== loss
      }
    }
    if (isRepeated && !isNoisy) return ranked
    const scores = normalScores(trials)
    const elsewhere = additive(trials, dimensions, scores)
    const steadied = [...points.values()].flatMap((own) => {
      const [first = 0] = own
      const model = elsewhere[first] as number
      const beyond = mean(own.map((at) => (scores[at] as number) - model))
      const loss = model + (own.length / (own.length + modelWeight)) * beyond
      return own.map((at) => ({ ...(trials[at] as Trial), loss }))
    })
    return [...steadied.sort(compareEntries), ...ranked.slice(done)]
  }
}

/** The quantile of the normal law at which each trial stands, of trials in order; those with the same loss share theirs. */
function normalScores(trials: readonly Trial[]): Float64Array {
  const scores = new Float64Array(trials.length)
  for (let from = 0, to = 0; from < trials.length; from = to) {
    while (to < trials.length && trials[to]?.loss === trials[from]?.loss) to++
    scores.fill(-quantileAbove((from + to) / 2 / trials.length), from, to)
  }
  return scores
}

/** What an additive model of the levels makes of each trial's point; by backfitting. */
function additive(trials: readonly Trial[], dimensions: readonly Dimension[], scores: Float64Array): Float64Array {
  const parts = dimensions.map(({ kind, count, column }) => {
    const levels = kind === 'number' ? bins : count
    // -1: its parameter is not active.
    const at = Int32Array.from(trials, ({ row }) => {
      const place = row[column] as number
      if (Number.isNaN(place)) return -1
      return kind === 'number' ? Math.min(bins - 1, Math.floor(place * bins)) : place
    })
    const counts = new Float64Array(levels).fill(ridge)
    for (const level of at) if (level >= 0) counts[level] = (counts[level] as number) + 1
    return { at, counts, effects: new Float64Array(levels) }
  })
  const fitted = new Float64Array(trials.length)
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (const { at, counts, effects } of parts) {
      // By number: going through a typed array by its iterator takes several times as long.
      const sums = new Float64Array(effects.length)
      for (let trial = 0; trial < at.length; trial++) {
        const level = at[trial] as number
        if (level < 0) continue
        const without = (fitted[trial] as number) - (effects[level] as number)
        sums[level] = (sums[level] as number) + (scores[trial] as number) - without
      }
      const changes = sums.map((sum, level) => sum / (counts[level] as number) - (effects[level] as number))
      for (let trial = 0; trial < at.length; trial++) {
        const level = at[trial] as number
        if (level >= 0) fitted[trial] = (fitted[trial] as number) + (changes[level] as number)
      }
      for (let level = 0; level < effects.length; level++) {
        effects[level] = (effects[level] as number) + (changes[level] as number)
      }
    }
  }
  return fitted
}
