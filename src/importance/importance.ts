/**
 * How much each hyperparameter matters: its share of the variance of the objective over the whole space (./sensitivity.ts). A Gaussian process
 * learns the objective from the trials, and functions drawn from it tell the shares and how sure they are (A. Marrel et al., "Calculations of
 * Sobol indices for the Gaussian process metamodel", 2009).
 * I1 Where trials lie says nothing: samplers that learn crowd them around the best. All moments and quantiles are of the space.
 */
import type { Hparams, Metrics, Objective, SearchSpace } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'
import { createRandom } from '../random/index.ts'
import { learnedFunctions } from '../samplers/index.ts'
import { cubeOf, sample } from '../space/index.ts'
import { comparable, type Searched } from './comparable.ts'
import { sharesIn } from './sensitivity.ts'

/** By parameter, adding up to 1. */
export type Importance = Readonly<Record<string, number>>

export interface Share {
  readonly share: number
  /** Where 90 % of the shares lie, by the functions that the trials allow. */
  readonly low: number
  readonly high: number
}

/** With fewer, a share says nothing. */
const leastTrials = 10
/** So many trials that can be compared are enough for all that is said of a search. */
export const enough = 12
/** The process learns from at most so many. */
const mostTrials = 80
/** The space is known by so many of its points. */
const probes = 500
/** For each kernel. */
const functions = 8

/** Shares with their intervals. undefined: too few trials came to a finite value, or nothing differs. */
export function sharesOf(
  space: SearchSpace,
  trials: readonly { readonly hparams: Hparams; readonly metrics: Metrics }[],
  objective: Objective,
): Readonly<Record<string, Share>> | undefined {
  const cube = cubeOf(space)
  const valued = trials
    .map(({ hparams, metrics }) => ({ point: cube.toCube(hparams), loss: lossOf(metrics, objective) }))
    .filter(({ loss }) => !Number.isNaN(loss))
  if (valued.length < leastTrials || cube.size === 0) return undefined
  const weighed = weighedBySpace(space, valued)
  const learned = weighed.slice(0, mostTrials)
  const fence = farOut(weighed)
  // Scaled, for sums and squares of losses may overflow.
  const unit = learned.reduce((most, { loss }) => Math.max(most, Math.abs(loss)), 0) || 1
  const losses = learned.map(({ loss }) => Math.min(loss, fence) / unit)
  const all = learned.reduce((sum, { weight }) => sum + weight, 0)
  const middle = losses.reduce((sum, loss, i) => sum + loss * ((learned[i] as Weighed).weight / all), 0)
  const spread = Math.sqrt(
    losses.reduce((sum, loss, i) => sum + (loss - middle) ** 2 * ((learned[i] as Weighed).weight / all), 0),
  )
  if (!(spread > 0) || !Number.isFinite(spread)) return undefined
  const drawn = learnedFunctions(
    cube,
    learned.map(({ point }) => point),
    losses.map((loss) => (loss - middle) / spread),
    functions,
    createRandom('importance'),
  )
  const shares = sharesIn(space, (hparams) => drawn(cube.toCube(hparams)))
  return Object.fromEntries(
    Object.keys(space).map((name) => {
      const each = shares.get(name)?.toSorted((a, b) => a - b)
      if (each === undefined) return [name, { share: 0, low: 0, high: 0 }]
      const at = (part: number) => each[Math.round(part * (each.length - 1))] as number
      // Means of shares that add up to 1 do so, too.
      const share = each.reduce((sum, value) => sum + value / each.length, 0)
      return [name, { share, low: Math.min(share, at(0.05)), high: Math.max(share, at(0.95)) }]
    }),
  )
}

interface Valued {
  readonly point: Float64Array
  readonly loss: number
}
interface Weighed extends Valued {
  /** The part of the space whose nearest trial it is. */
  readonly weight: number
}

/** By weight, the greatest first. */
function weighedBySpace(space: SearchSpace, valued: readonly Valued[]): readonly Weighed[] {
  const cube = cubeOf(space)
  const weights = valued.map(() => 0)
  for (let index = 0; index < probes; index++) {
    const probe = cube.toCube(sample(space, createRandom('importance of', index)))
    let [nearest, least] = [0, Infinity]
    for (const [at, { point }] of valued.entries()) {
      let square = 0
      for (let column = 0; column < probe.length && square < least; column++) {
        square += ((probe[column] as number) - (point[column] as number)) ** 2
      }
      if (square < least) [nearest, least] = [at, square]
    }
    weights[nearest] = (weights[nearest] as number) + 1 / probes
  }
  return valued
    .map((each, index) => ({ ...each, weight: weights[index] as number }))
    .sort((one, other) => other.weight - one.weight)
}

/** Above this a loss only says that it went wrong (J. W. Tukey, "Exploratory Data Analysis", 1977; by the quartiles of the space). */
function farOut(weighed: readonly Weighed[]): number {
  const sorted = weighed.toSorted((one, other) => one.loss - other.loss)
  const quantile = (part: number): number => {
    let sum = 0
    return (sorted.find(({ weight }) => (sum += weight) >= part) ?? sorted.at(-1))?.loss ?? Infinity
  }
  const [low, high] = [quantile(0.25), quantile(0.75)]
  return high > low ? high + 3 * (high - low) : Infinity
}

/** The shares alone. */
export function importanceOf(...asked: Parameters<typeof sharesOf>): Importance | undefined {
  const shares = sharesOf(...asked)
  return shares && Object.fromEntries(Object.entries(shares).map(([name, { share }]) => [name, share]))
}

/** How much each hyperparameter matters to each objective, by the metric; left out where too few trials are done to say. */
export function importances(searched: Searched): Record<string, Importance> {
  const { space, objectives } = searched
  const done = comparable(searched, enough).tried.filter(({ state }) => state === 'done')
  return Object.fromEntries(
    objectives.flatMap((objective) => {
      const found = importanceOf(space, done, objective)
      return found === undefined ? [] : [[objective.metric, found]]
    }),
  )
}
