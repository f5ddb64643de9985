/**
 * The tree-structured Parzen estimator: points that are likely among the good trials and unlikely among the others. Options:
 * - warmup (10): how many trials come from a Sobol sequence first. - randomFraction (0): the share of later trials that is random.
 * - gamma (0.15): the share of trials that counts as good, at least `leastGood` (3: a single one may be luck), at most `mostGood` (25).
 * - weights: 'improvement' (the default: a good trial counts the more the better it is) or 'equal'.
 * - candidates (32): points among which it chooses.
 * - bandwidthFactor (0.6): kernels are so much wider when candidates are drawn. - priorWeight (1): of the kernel that covers everything.
 * - smoothing (0.2): the part of a categorical's kernel that is spread over all choices.
 * - multivariate (true): whether parameters are modelled together. Parameters under different conditions are always separate groups.
 * - constantLiar (true): trials under way count as not good, so that the next keeps away from them.
 * A point that was tried is not tried again while there are others. A trial that failed, or whose metric is not a finite number, counts
 * as the worst; a pruned trial as worse than every finished one.
 */
import type { Hparams, HparamValue, Parameter, SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import {
  keeps,
  countOf,
  fromUnit,
  indexOf,
  isActive,
  relationsOf,
  shareOf,
  toUnit,
  valueAt,
  withoutInactive,
} from '../space/index.ts'
import { createLedger, type Entry, type Ledger } from './ledger.ts'
import { flagOption, numberOption, refuseUnknown, wordOption } from './options.ts'
import { parzen, type Dimension, type Parzen, type ParzenOptions } from './parzen.ts'
import type { SamplerPlugin } from './sampler.ts'
import { fitsSobol, sobolPoints } from './sobol.ts'
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
]

interface Group {
  readonly names: readonly string[]
  readonly conditional: boolean
  readonly dimensions: readonly Dimension[]
}

/** The most kernels times parameters, so that time does not grow with the history: a longer history is thinned evenly. */
const mostKernelValues = 2600
const fewestKernels = 60
const mostKernels = 160
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
    const gamma = number('gamma', 0.15, { least: 0, most: 1 })
    const leastGood = number('leastGood', 3, { least: 1, whole: true })
    const mostGood = number('mostGood', 25, { least: 1, whole: true })
    const candidates = number('candidates', 32, { least: 1, most: 10_000, whole: true })
    const widening = number('bandwidthFactor', 0.6, { least: 0.01, most: 100 })
    const priorWeight = number('priorWeight', 1, { least: 0.001, most: 1000 })
    const weighted = wordOption('tpe', options, 'weights', ['improvement', 'equal']) === 'improvement'
    const smoothing = number('smoothing', 0.2, { least: 0.001, most: 1 })
    const liar = flagOption('tpe', options, 'constantLiar', true)
    const groups = groupsOf(space, flagOption('tpe', options, 'multivariate', true))
    const columns = new Map(Object.keys(space).map((name, column) => [name, column]))
    const ledger = createLedger(objectives[0], ({ hparams }) => rowOf(space, hparams))
    const early = fitsSobol(space) ? sobolPoints(space, seed) : undefined
    const size = columns.size

    const split = {
      good: (count: number) => Math.min(mostGood, Math.max(leastGood, Math.ceil(gamma * count))),
      liar,
      weighted,
    }

    const suggest = (random: Random, isTried: IsTried): Hparams | undefined => {
      const values: Record<string, HparamValue> = {}
      for (const { name, parameter } of relationsOf(space).order) {
        if (countOf(parameter) === 1 && isActive(parameter, values)) values[name] = valueAt(parameter, 0)
      }
      for (const group of groups) {
        const [first = ''] = group.names
        if (!isActive(space[first] as SearchSpace[string], values)) continue
        const [below, above] = estimators(group, ledger, split, { priorWeight, widening, smoothing })
        const chosen = choose(group, below, above, {
          space,
          values,
          random,
          candidates,
          size,
          // Only the last group completes a point.
          isTried: group === groups.at(-1) ? isTried : undefined,
        })
        if (chosen === undefined) return undefined
        Object.assign(values, chosen)
        // Constants whose condition is met by the values that were just chosen.
        for (const { name, parameter } of relationsOf(space).order) {
          if (countOf(parameter) === 1 && isActive(parameter, values)) values[name] = valueAt(parameter, 0)
        }
      }
      return withoutInactive(space, values)
    }

    const triedIn = triedPoints(space)

    return ({ history, tried = history, trial, point = trial, random }) => {
      ledger.show(history)
      const isTried = triedIn(tried)
      // Sobol points are numbered by the question, so those of one search differ, however many trials are under way.
      if (ledger.ranked.length < warmup) return newPoint(space, random, isTried, early?.(point))
      if (randomFraction > 0 && random.uniform() < randomFraction) return newPoint(space, random, isTried)
      for (let count = 0; count < tries; count++) {
        const hparams = suggest(random, isTried)
        if (hparams !== undefined && keeps(space, hparams) && !isTried(hparams)) return hparams
      }
      return newPoint(space, random, isTried)
    }
  },
}

/** Parameters under the same condition, parents before children; each alone if not multivariate. */
function groupsOf(space: SearchSpace, multivariate: boolean): Group[] {
  const columns = new Map(Object.keys(space).map((name, column) => [name, column]))
  const byCondition = new Map<string, { names: string[]; conditional: boolean; dimensions: Dimension[] }>()
  for (const { name, parameter } of relationsOf(space).order) {
    const count = countOf(parameter)
    if (count === 1) continue
    const key = multivariate ? JSON.stringify(parameter.when ?? null) : name
    const group = byCondition.get(key) ?? { names: [], conditional: parameter.when !== undefined, dimensions: [] }
    byCondition.set(key, group)
    group.names.push(name)
    group.dimensions.push(dimensionOf(parameter, columns.get(name) as number))
  }
  return [...byCondition.values()]
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

interface Split {
  /** How many of so many trials count as good. */
  readonly good: (count: number) => number
  readonly liar: boolean
  readonly weighted: boolean
}

/** Of the trials in which the group is active: the better against the others. */
function estimators(
  { dimensions, conditional }: Group,
  ledger: Ledger<Float64Array>,
  split: Split,
  options: ParzenOptions,
): [below: Parzen, above: Parzen] {
  const has = ({ row }: Entry<Float64Array>) => dimensions.every(({ column }) => !Number.isNaN(row[column] as number))
  // Most groups are active in every trial: a long history is not gone through for them.
  const ranked = conditional ? ledger.ranked.filter(has) : ledger.ranked
  const pending = !split.liar ? [] : conditional ? ledger.pending.filter(has) : ledger.pending
  const good = split.good(ranked.length)
  const most = Math.min(mostKernels, Math.max(fewestKernels, Math.floor(mostKernelValues / dimensions.length)))
  // What failed is not good, however little there is besides.
  const below = ranked.slice(0, good).filter(({ standing }) => standing !== 'bad')
  const rest = thinned(ranked, good, most)
    .concat(ranked.slice(0, good).filter(({ standing }) => standing === 'bad'))
    .concat(thinned(pending, 0, fewestKernels))
    .sort((one, other) => one.trial - other.trial)
  const rowsOf = (entries: readonly Entry<Float64Array>[]) => entries.map(({ row }) => row)
  return [
    parzen(
      dimensions,
      rowsOf(below),
      split.weighted ? improvements(below, ranked[below.length]?.loss) : below.map(() => 1),
      options,
    ),
    parzen(dimensions, rowsOf(rest), recency(rest.length), options),
  ]
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
  /** The values that are chosen already. */
  readonly values: Readonly<Record<string, HparamValue>>
  readonly random: Random
  readonly candidates: number
  readonly size: number
  /** Whether a point was tried; undefined while its values are not complete. */
  readonly isTried: IsTried | undefined
}

/** Of the candidates that keep the constraints and are new, the one that is most likely good; undefined if there is none. */
function choose(
  group: Group,
  below: Parzen,
  above: Parzen,
  choosing: Choosing,
): Record<string, HparamValue> | undefined {
  const { space, values, random, candidates, size, isTried } = choosing
  const constrained = relationsOf(space).constraints.length > 0
  const point = new Float64Array(size)
  const best = new Float64Array(size)
  let bestScore = -Infinity
  const most = isTried === undefined ? candidates : candidates * 4
  for (let count = 0; count < most; count++) {
    // More are drawn only while all of them were tried.
    if (count >= candidates && bestScore > -Infinity) break
    below.draw(random, point)
    const whole = () => withoutInactive(space, { ...values, ...read(group, space, point) })
    if (constrained && !keeps(space, whole())) continue
    const likely = below.logDensity(point)
    // Once the point is this likely under the bad trials, its score cannot be the best.
    const score = likely - above.logDensity(point, likely - bestScore)
    if (!(score > bestScore) || isTried?.(whole()) === true) continue
    bestScore = score
    best.set(point)
  }
  return bestScore === -Infinity ? undefined : read(group, space, best)
}

function read({ names, dimensions }: Group, space: SearchSpace, point: Float64Array): Record<string, HparamValue> {
  const values: Record<string, HparamValue> = {}
  for (const [index, name] of names.entries()) {
    const { column, kind } = dimensions[index] as Dimension
    const parameter = space[name] as SearchSpace[string]
    const at = point[column] as number
    values[name] = kind === 'number' ? fromUnit(parameter, at) : valueAt(parameter, at)
  }
  return values
}
