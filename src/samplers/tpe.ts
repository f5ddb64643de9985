/**
 * The tree-structured Parzen estimator: points that are likely among the good trials and unlikely among the others. Options:
 * - warmup (10): how many trials come from a Sobol sequence first. - randomFraction (0): the share of later trials that is random.
 * - gamma (0.15): the share of trials that counts as good, at least `leastGood` (3: a single one may be luck), at most `mostGood` (25).
 * - weights: 'improvement' (the default: a good trial counts the more the better it is) or 'equal'.
 * - candidates (32): points among which it chooses.
 * - bandwidthFactor (0.6): kernels are so much wider when candidates are drawn. - priorWeight (1): of the kernel that covers everything.
 * - smoothing (1): how often each choice of a categorical counts as seen beforehand.
 * - multivariate (true): whether parameters are modelled together.
 * - constantLiar (true): trials under way count as not good, so that the next keeps away from them; together as seven at most, for dozens of
 *   them, most where the good ones are, would push the next trials away from there.
 * - mostTries (4): how often a point is tried at most; more than once only to settle noise (./again.ts).
 * Where points may be tried again and the metric is not seen to be exact, trials rank by what their points would come to again (./steady.ts).
 * A trial that failed, or whose metric is not a finite number, counts as the worst; a pruned trial as worse than every finished one.
 */
import type { Hparams, HparamValue, Parameter, SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import {
  keeps,
  countOf,
  fromUnit,
  indexOf,
  relationsOf,
  shareOf,
  toUnit,
  valueAt,
  withoutInactive,
} from '../space/index.ts'
import { goodAmong, spentPoints, usualGood } from './again.ts'
import { createLedger, type Entry, type Ledger } from './ledger.ts'
import { flagOption, numberOption, refuseUnknown, wordOption } from './options.ts'
import { parzen, type Dimension, type Parzen, type ParzenOptions } from './parzen.ts'
import type { SamplerPlugin } from './sampler.ts'
import { fitsSobol, sobolPoints } from './sobol.ts'
import { steadyRanks } from './steady.ts'
import { newPoint, triedPoints, type IsTried } from './tried.ts'

const known = [
  'warmup',
  'randomFraction',
  'gamma',
  'leastGood',
  'mostGood',
  'candidates',
  'bandwidthFactor',
  'priorWeight',
  'smoothing',
  'weights',
  'multivariate',
  'constantLiar',
  'mostTries',
]

/** More trials of one point tell less than new points do: with 10, regret on tables of real trainings was a twentieth more (bench quality). */
const usualMostTries = 4

/** The most kernels times parameters, so that time does not grow with the history: a longer history is thinned evenly. */
const mostKernelValues = 2600
const fewestKernels = 60
const mostKernels = 160
/** However many trials are under way, they weigh no more than so many that were not good. */
const mostLies = 7
/** How often a point that keeps the constraints is tried for, before a random one is taken. */
const tries = 20

export const tpeSampler: SamplerPlugin = {
  name: 'tpe',
  adaptive: true,
  create({ space, objectives, options, seed }) {
    refuseUnknown('tpe', options, known)
    const number = (name: string, fallback: number, bounds: { least?: number; most?: number; whole?: boolean }) =>
      numberOption('tpe', options, name, fallback, bounds)
    const warmup = number('warmup', 10, { least: 0, whole: true })
    const randomFraction = number('randomFraction', 0, { least: 0, most: 1 })
    const gamma = number('gamma', usualGood.share, { least: 0, most: 1 })
    const leastGood = number('leastGood', usualGood.least, { least: 1, whole: true })
    const mostGood = number('mostGood', usualGood.most, { least: 1, whole: true })
    const candidates = number('candidates', 32, { least: 1, most: 10_000, whole: true })
    const widening = number('bandwidthFactor', 0.6, { least: 0.01, most: 100 })
    const priorWeight = number('priorWeight', 1, { least: 0.001, most: 1000 })
    const weighted = wordOption('tpe', options, 'weights', ['improvement', 'equal']) === 'improvement'
    const smoothing = number('smoothing', 1, { least: 0.001, most: 1000 })
    const mostTries = number('mostTries', usualMostTries, { least: 1, whole: true })
    const liar = flagOption('tpe', options, 'constantLiar', true)
    const groups = groupsOf(space, flagOption('tpe', options, 'multivariate', true))
    const columns = new Map(Object.keys(space).map((name, column) => [name, column]))
    const ledger = createLedger(objectives[0], ({ hparams }) => rowOf(space, hparams))
    const early = fitsSobol(space) ? sobolPoints(space, seed) : undefined

    const split = {
      good: (count: number) => goodAmong(count, { share: gamma, least: leastGood, most: mostGood }),
      liar,
      weighted,
    }

    const suggest = (random: Random, known: Known, isTried: IsTried): Hparams | undefined => {
      const point = new Float64Array(columns.size).fill(Number.NaN)
      for (const group of groups) {
        const [only] = group
        // A parameter that is modelled alone.
        if (group.length === 1 && only?.isActive?.(point) === false) continue
        const [below, above] = estimators(group, known, split, { priorWeight, widening, smoothing })
        const isLast = group === groups.at(-1)
        // Only the last group completes a point.
        const choosing = { space, random, candidates, isTried: isLast ? isTried : undefined }
        if (!choose(below, above, point, choosing)) return undefined
      }
      return hparamsAt(space, point)
    }

    const steadied = mostTries > 1 ? steadyRanks(space, groups.flat()) : ({ ranked }: Known) => ranked
    const triedIn = triedPoints(space)
    const spentIn = spentPoints(space, mostTries)

    return ({ history, tried = history, trial, point = trial, random }) => {
      ledger.show(history)
      const isTried = triedIn(tried)
      // Sobol points are numbered by the question, so those of one search differ, however many trials are under way.
      if (ledger.ranked.length < warmup) return newPoint(space, random, isTried, early?.(point))
      if (randomFraction > 0 && random.uniform() < randomFraction) return newPoint(space, random, isTried)
      const ranked = steadied(ledger)
      const isSpent = spentIn({ ledger, ranked, good: split.good(ranked.length), tried, isTried })
      for (let count = 0; count < tries; count++) {
        const hparams = suggest(random, { ranked, pending: ledger.pending }, isSpent)
        if (hparams !== undefined && keeps(space, hparams) && !isSpent(hparams)) return hparams
      }
      return newPoint(space, random, isTried)
    }
  },
}

/** Parameters that are modelled together, parents before children; each alone if not multivariate. */
function groupsOf(space: SearchSpace, multivariate: boolean): Dimension[][] {
  const columns = new Map(Object.keys(space).map((name, column) => [name, column]))
  const dimensions = relationsOf(space)
    .order.filter(({ parameter }) => countOf(parameter) > 1)
    .map(({ name, parameter }) => {
      const isActive = conditionOf(space, parameter, columns)
      return { ...dimensionOf(parameter, columns.get(name) as number), ...(isActive && { isActive }) }
    })
  return multivariate ? [dimensions] : dimensions.map((dimension) => [dimension])
}

/** Whether a parameter is active at a point in which its parent's value stands already; undefined: always. */
function conditionOf(
  space: SearchSpace,
  { when }: Parameter,
  columns: ReadonlyMap<string, number>,
): ((point: Float64Array) => boolean) | undefined {
  if (when === undefined) return undefined
  const parent = space[when.parameter] as Parameter
  const isAmong = (value: HparamValue) => when.in.includes(value as never)
  const above = conditionOf(space, parent, columns)
  if (countOf(parent) === 1) return isAmong(valueAt(parent, 0)) ? above : () => false
  const column = columns.get(when.parameter) as number
  if (!isIndexed(parent)) {
    return (point) => !Number.isNaN(point[column]) && isAmong(fromUnit(parent, point[column] as number))
  }
  const active = Array.from({ length: countOf(parent) }, (_, index) => isAmong(valueAt(parent, index)))
  return (point) => active[point[column] as number] === true
}

/** A number with at most so many values is a list of levels, each with a cell of its own. */
const mostLevels = 50

const isIndexed = (parameter: Parameter): boolean =>
  parameter.type === 'categorical' || countOf(parameter) <= mostLevels

function dimensionOf(parameter: Parameter, column: number): Dimension {
  const count = countOf(parameter)
  if (parameter.type === 'categorical') return { kind: 'choice', count, column }
  if (count > mostLevels) return { kind: 'number', count, column }
  const edges = new Float64Array(count + 1)
  for (let level = 0; level < count; level++) {
    edges[level + 1] = (edges[level] as number) + shareOf(parameter, level)
  }
  return { kind: 'level', count, edges, column }
}

/** Unit coordinates of numbers and indices of levels and choices; NaN for a parameter that is not active. */
function rowOf(space: SearchSpace, hparams: Hparams): Float64Array {
  return Float64Array.from(Object.entries(space), ([name, parameter]) => {
    const value = Object.hasOwn(hparams, name) ? hparams[name] : undefined
    if (value === undefined) return Number.NaN
    return isIndexed(parameter) ? (indexOf(parameter, value) ?? Number.NaN) : toUnit(parameter, value)
  })
}

/** The trials: those that ended best first, and those under way. */
type Known = Pick<Ledger<Float64Array>, 'ranked' | 'pending'>

interface Split {
  /** How many of so many trials count as good. */
  readonly good: (count: number) => number
  readonly liar: boolean
  readonly weighted: boolean
}

/** The better trials against the others: of all trials, so that a branch of the space in which none is good is taken for what it is. */
function estimators(
  dimensions: readonly Dimension[],
  { ranked, pending }: Known,
  split: Split,
  options: ParzenOptions,
): [below: Parzen, above: Parzen] {
  const good = split.good(ranked.length)
  const most = Math.min(mostKernels, Math.max(fewestKernels, Math.floor(mostKernelValues / dimensions.length)))
  // What failed is not good, however little there is besides. While no trial keeps the limits, those that break them least are good.
  const isGood = ({ standing, violation }: Entry<Float64Array>) =>
    standing !== 'bad' || (violation > 0 && violation < Infinity)
  const none = ranked[0]?.standing === 'bad'
  const below = ranked.slice(0, good).filter((entry) => (none ? isGood(entry) : entry.standing !== 'bad'))
  const rest = thinned(ranked, good, most)
    .concat(ranked.slice(0, good).filter((entry) => !below.includes(entry)))
    .concat(split.liar ? thinned(pending, 0, fewestKernels) : [])
    .sort((one, other) => one.trial - other.trial)
  const gains = split.weighted ? improvements(below, ranked[below.length]?.loss) : below.map(() => 1)
  const of = (entries: readonly Entry<Float64Array>[], weights: readonly number[]) => {
    // An observation without the one parameter says nothing about it.
    const [only] = dimensions
    const alone = dimensions.length === 1 && only?.isActive !== undefined ? only.column : undefined
    const counts = entries.map(({ row }) => alone === undefined || !Number.isNaN(row[alone]))
    const rows = entries.filter((_, index) => counts[index]).map(({ row }) => row)
    return parzen(
      dimensions,
      rows,
      weights.filter((_, index) => counts[index]),
      options,
    )
  }
  return [of(below, gains), of(rest, weightsOf(rest))]
}

/**
 * Weights of the good trials by how much better they are than the best of the others, with mean 1: where some are far ahead they count
 * for most, and where noise or a plateau makes them alike none does (Watanabe 2023, "EI", with half of the weight shared equally).
 */
function improvements(good: readonly Entry<Float64Array>[], bar: number | undefined): number[] {
  const losses = good.map(({ loss }) => loss)
  const threshold = bar ?? losses.at(-1) ?? 0
  const gains = losses.map((loss) => Math.max(0, threshold - loss))
  const total = gains.reduce((sum, gain) => sum + gain, 0)
  if (!(total > 0) || !Number.isFinite(total)) return losses.map(() => 1)
  return gains.map((gain) => 0.5 + (0.5 * gain * good.length) / total)
}

/** At most `most` entries from `from` on, evenly spread over the ranks. */
function thinned<T>(list: readonly T[], from: number, most: number): T[] {
  const left = list.length - from
  if (left <= most) return list.slice(from)
  return Array.from({ length: most }, (_, index) => list[from + Math.floor(((index + 0.5) * left) / most)] as T)
}

/** Of the trials that count as not good, in their order. */
function weightsOf(rest: readonly Entry<Float64Array>[]): number[] {
  const isLie = rest.map(({ standing }) => standing === 'pending')
  const share = Math.min(1, mostLies / isLie.filter(Boolean).length)
  return recency(rest.length).map((weight, index) => (isLie[index] === true ? share * weight : weight))
}

/** The latest 25 count fully, older ones the less the older they are. */
function recency(count: number): number[] {
  const flat = 25
  return Array.from({ length: count }, (_, index) => {
    const ramp = count - flat
    if (index >= ramp) return 1
    return ramp <= 1 ? 1 / count : 1 / count + (1 - 1 / count) * (index / (ramp - 1))
  })
}

interface Choosing {
  readonly space: SearchSpace
  readonly random: Random
  readonly candidates: number
  /** Whether a point was tried; undefined while its values are not complete. */
  readonly isTried: IsTried | undefined
}

/** Writes the candidate that is most likely good into `point`, of those that keep the constraints and are new; false if there is none. */
function choose(below: Parzen, above: Parzen, point: Float64Array, choosing: Choosing): boolean {
  const { space, random, candidates, isTried } = choosing
  const constrained = relationsOf(space).constraints.length > 0
  const candidate = point.slice()
  let bestScore = -Infinity
  const most = isTried === undefined ? candidates : candidates * 4
  for (let count = 0; count < most; count++) {
    // More are drawn only while all of them were tried.
    if (count >= candidates && bestScore > -Infinity) break
    below.draw(random, candidate)
    if (constrained && !keeps(space, hparamsAt(space, candidate))) continue
    const likely = below.logDensity(candidate)
    // Once the point is this likely under the bad trials, its score cannot be the best.
    const score = likely - above.logDensity(candidate, likely - bestScore)
    if (!(score > bestScore) || isTried?.(hparamsAt(space, candidate)) === true) continue
    bestScore = score
    point.set(candidate)
  }
  return bestScore > -Infinity
}

/** The hparams of a row, as far as there are; and the constants that are active with them. */
function hparamsAt(space: SearchSpace, point: Float64Array): Hparams {
  const values: Record<string, HparamValue> = {}
  for (const [column, [name, parameter]] of Object.entries(space).entries()) {
    const at = point[column] as number
    if (countOf(parameter) === 1) values[name] = valueAt(parameter, 0)
    else if (!Number.isNaN(at)) values[name] = isIndexed(parameter) ? valueAt(parameter, at) : fromUnit(parameter, at)
  }
  return withoutInactive(space, values)
}
