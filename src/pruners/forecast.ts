/**
 * What a trial may come to, by what it has come to so far: the results of whole trials regressed on what they had reported by the same
 * step (after Baker, Gupta, Raskar and Naik, "Accelerating Neural Architecture Search using Performance Prediction", 2017: a model of
 * the final value learned from finished trials, with its error taken for normal). One straight line, by least squares. Less is better.
 */
import { mean, twoSided } from '../statistics/index.ts'

export interface Pair {
  /** What the trial had reported by the step. */
  readonly level: number
  /** What it came to. */
  readonly result: number
}

export interface Forecast {
  /** The chance that a line would fit as well if reports said nothing of results. */
  readonly chance: number
  /** The probability of a result below `target`, of a trial that stands at `level`. */
  below(target: number, level: number): number
  /** The same of a trial of which nothing is known yet. */
  freshBelow(target: number): number
}

/**
 * Beyond so many times the way from the best to the median one is as bad as the next: a trial that diverged is not to bend the line.
 */
const worstOf = 4
/** Curves do not part more than this: a line that is steeper takes noise for a difference. */
const steepest = 2
/** A trial more than there are, with this share of the variance of results: a few that lie in a line by chance are no law. */
const doubt = 0.25

/** undefined: the trials differ in nothing, or are fewer than three. */
export function forecastOf(pairs: readonly Pair[]): Forecast | undefined {
  const count = pairs.length
  if (count < 3) return undefined
  const capLevel = capOf(pairs.map(({ level }) => level))
  const capResult = capOf(pairs.map(({ result }) => result))
  const levels = pairs.map(({ level }) => Math.min(level, capLevel))
  const results = pairs.map(({ result }) => Math.min(result, capResult))
  const [level, result] = [mean(levels), mean(results)]
  const across = sumOf(levels.map((one) => (one - level) ** 2))
  const total = sumOf(results.map((one) => (one - result) ** 2))
  const along = sumOf(levels.map((one, at) => (one - level) * ((results[at] as number) - result)))
  if (!(across > 0 && total > 0) || !Number.isFinite(across + total)) return undefined
  const slope = Math.min(steepest, Math.max(0, along / across))
  const left = sumOf(levels.map((one, at) => ((results[at] as number) - result - slope * (one - level)) ** 2))
  const variance = total / (count - 1)
  const error = (left + doubt * variance) / (count - 1)
  const below = (z: number) => {
    const tail = twoSided(z, count - 1) / 2
    return z < 0 ? tail : 1 - tail
  }
  return {
    chance: slope > 0 ? twoSided(slope / Math.sqrt(left / (count - 2) / across), count - 2) / 2 : 1,
    below(target, at) {
      const from = Math.min(at, capLevel) - level
      const deviation = Math.sqrt(error * (1 + 1 / count + from ** 2 / across))
      return below((target - result - slope * from) / deviation)
    },
    freshBelow: (target) => below((target - result) / Math.sqrt(variance * (1 + 1 / count))),
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** The worst value that still tells something. */
function capOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [best = 0, middle = 0] = [sorted[0], sorted[sorted.length >> 1]]
  return best + worstOf * (middle - best)
}
