/**
 * The tree-structured Parzen estimator: points that are likely among the good trials and unlikely among the others. Options:
 * - warmup (10): how many trials come from a Sobol sequence first. - randomFraction (0): the share of later trials that is random.
 * - gamma (0.1): the share of trials that counts as good, at least `leastGood` (1), at most `mostGood` (25).
 * - candidates (32): points among which it chooses.
 * - bandwidthFactor (0.6): kernels are so much wider when candidates are drawn. - priorWeight (0.3): of the kernel that covers everything.
 * - multivariate (true): whether parameters are modelled together. Parameters under different conditions are always separate groups.
 * - constantLiar (true): trials under way count as not good, so that the next keeps away from them.
 * A trial that failed, or whose metric is not a finite number, counts as the worst; a pruned trial as worse than every finished one.
 */
import type { Hparams, HparamValue, SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import {
  keeps,
  countOf,
  fromUnit,
  indexOf,
  isActive,
  relationsOf,
  sample,
  toUnit,
  valueAt,
  withoutInactive,
} from '../space/index.ts'
import { createLedger, type Entry, type Ledger } from './ledger.ts'
import { flagOption, numberOption, refuseUnknown } from './options.ts'
import { parzen, type Dimension, type Parzen } from './parzen.ts'
import type { SamplerPlugin } from './sampler.ts'
import { fitsSobol, sobolPoints } from './sobol.ts'

const known = [
  'warmup',
  'randomFraction',
  'gamma',
  'leastGood',
  'mostGood',
  'candidates',
  'bandwidthFactor',
  'priorWeight',
  'multivariate',
  'constantLiar',
]

interface Group {
  readonly names: readonly string[]
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
    const gamma = number('gamma', 0.1, { least: 0, most: 1 })
    const leastGood = number('leastGood', 1, { least: 1, whole: true })
    const mostGood = number('mostGood', 25, { least: 1, whole: true })
    const candidates = number('candidates', 32, { least: 1, most: 10_000, whole: true })
    const widening = number('bandwidthFactor', 0.6, { least: 0.01, most: 100 })
    const priorWeight = number('priorWeight', 0.3, { least: 0.001, most: 1000 })
    const liar = flagOption('tpe', options, 'constantLiar', true)
    const groups = groupsOf(space, flagOption('tpe', options, 'multivariate', true))
    const columns = new Map(Object.keys(space).map((name, column) => [name, column]))
    const ledger = createLedger(objectives[0], ({ hparams }) => rowOf(space, hparams))
    const early = fitsSobol(space) ? sobolPoints(space, seed) : undefined
    const size = columns.size

    const suggest = (random: Random): Hparams | undefined => {
      const ranked = ledger.ranked
      const good = Math.min(mostGood, Math.max(leastGood, Math.ceil(gamma * ranked.length)))
      const values: Record<string, HparamValue> = {}
      for (const { name, parameter } of relationsOf(space).order) {
        if (countOf(parameter) === 1 && isActive(parameter, values)) values[name] = valueAt(parameter, 0)
      }
      for (const group of groups) {
        const [first = ''] = group.names
        if (!isActive(space[first] as SearchSpace[string], values)) continue
        const [below, above] = estimators(group, ledger, good, liar, { priorWeight, widening })
        const chosen = choose(group, below, above, { space, values, random, candidates, size })
        if (chosen === undefined) return undefined
        Object.assign(values, chosen)
        // Constants whose condition is met by the values that were just chosen.
        for (const { name, parameter } of relationsOf(space).order) {
          if (countOf(parameter) === 1 && isActive(parameter, values)) values[name] = valueAt(parameter, 0)
        }
      }
      return withoutInactive(space, values)
    }

    return ({ history, trial, point = trial, random }) => {
      ledger.show(history)
      // Sobol points are numbered by the question, so those of one search differ, however many trials are under way.
      if (ledger.ranked.length < warmup) return early === undefined ? sample(space, random) : early(point)
      if (randomFraction > 0 && random.uniform() < randomFraction) return sample(space, random)
      for (let count = 0; count < tries; count++) {
        const hparams = suggest(random)
        if (hparams !== undefined && keeps(space, hparams)) return hparams
      }
      return sample(space, random)
    }
  },
}

/** Parameters under the same condition, parents before children; each alone if not multivariate. */
function groupsOf(space: SearchSpace, multivariate: boolean): Group[] {
  const columns = new Map(Object.keys(space).map((name, column) => [name, column]))
  const byCondition = new Map<string, { names: string[]; dimensions: Dimension[] }>()
  for (const { name, parameter } of relationsOf(space).order) {
    const count = countOf(parameter)
    if (count === 1) continue
    const key = multivariate ? JSON.stringify(parameter.when ?? null) : name
    const group = byCondition.get(key) ?? { names: [], dimensions: [] }
    byCondition.set(key, group)
    group.names.push(name)
    const choices = parameter.type === 'categorical' ? count : 0
    group.dimensions.push({ choices, count, column: columns.get(name) as number })
  }
  return [...byCondition.values()]
}

/** Unit coordinates of numbers and indices of choices; NaN for a parameter that is not active. */
function rowOf(space: SearchSpace, hparams: Hparams): Float64Array {
  return Float64Array.from(Object.entries(space), ([name, parameter]) => {
    const value = Object.hasOwn(hparams, name) ? hparams[name] : undefined
    if (value === undefined) return Number.NaN
    return parameter.type === 'categorical' ? (indexOf(parameter, value) ?? Number.NaN) : toUnit(parameter, value)
  })
}

function estimators(
  { dimensions }: Group,
  { ranked, pending }: Ledger<Float64Array>,
  good: number,
  liar: boolean,
  options: { readonly priorWeight: number; readonly widening: number },
): [below: Parzen, above: Parzen] {
  const has = ({ row }: Entry<Float64Array>) => dimensions.every(({ column }) => !Number.isNaN(row[column] as number))
  const most = Math.min(mostKernels, Math.max(fewestKernels, Math.floor(mostKernelValues / dimensions.length)))
  // What failed is not good, however little there is besides.
  const below = ranked.slice(0, good).filter((entry) => entry.standing !== 'bad' && has(entry))
  const rest = thinned(ranked, good, most)
    .concat(ranked.slice(0, good).filter(({ standing }) => standing === 'bad'))
    .concat(liar ? thinned(pending, 0, fewestKernels) : [])
    .filter(has)
    .sort((one, other) => one.trial - other.trial)
  const rowsOf = (entries: readonly Entry<Float64Array>[]) => entries.map(({ row }) => row)
  return [
    parzen(
      dimensions,
      rowsOf(below),
      below.map(() => 1),
      options,
    ),
    parzen(dimensions, rowsOf(rest), recency(rest.length), options),
  ]
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
}

/** Of the candidates that keep the constraints, the one that is most likely good; undefined if none keeps them. */
function choose(
  group: Group,
  below: Parzen,
  above: Parzen,
  choosing: Choosing,
): Record<string, HparamValue> | undefined {
  const { space, values, random, candidates, size } = choosing
  const constrained = relationsOf(space).constraints.length > 0
  const point = new Float64Array(size)
  const best = new Float64Array(size)
  let bestScore = -Infinity
  for (let count = 0; count < candidates; count++) {
    below.draw(random, point)
    if (constrained && !keeps(space, { ...values, ...read(group, space, point) })) continue
    const likely = below.logDensity(point)
    // Once the point is this likely under the bad trials, its score cannot be the best.
    const score = likely - above.logDensity(point, likely - bestScore)
    if (!(score > bestScore)) continue
    bestScore = score
    best.set(point)
  }
  return bestScore === -Infinity ? undefined : read(group, space, best)
}

function read({ names, dimensions }: Group, space: SearchSpace, point: Float64Array): Record<string, HparamValue> {
  const values: Record<string, HparamValue> = {}
  for (const [index, name] of names.entries()) {
    const { column, choices } = dimensions[index] as Dimension
    const parameter = space[name] as SearchSpace[string]
    const at = point[column] as number
    values[name] = choices > 0 ? valueAt(parameter, at) : fromUnit(parameter, at)
  }
  return values
}
