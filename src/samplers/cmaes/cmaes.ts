/**
 * CMA-ES: for numbers without conditions, and rather many trials. Options:
 * - sigma (0.25): the first step, as a share of each range. - population: trials in a generation (default: by Hansen's formula).
 * - restarts: 'ipop' (the default: begins anew with twice the population when it is spent), 'bipop' (large and small in turn), 'none'.
 * - margin (true): whole numbers and steps keep a chance to leave the value at which they stand.
 * All state comes from the history: trials that have ended, in the order of their numbers, are cut into generations. A trial that ends
 * late joins the generation that its number belongs to, and the generations after it are computed again.
 * Categoricals are drawn with the frequencies that the better half of the last generations had. A trial that failed, or whose metric is
 * not finite, is the worst of its generation.
 */
import { own, type Hparams, type HparamValue, type Observation, type SearchSpace } from '../../../protocol/index.ts'
import { createRandom, type Random } from '../../random/index.ts'
import { keeps, countOf, fromUnit, indexOf, relationsOf, sample, toUnit, valueAt } from '../../space/index.ts'
import { quantileAbove } from '../../statistics/index.ts'
import { compareEntries, createLedger, type Entry } from '../ledger.ts'
import { flagOption, numberOption, refuseUnknown, unfit, wordOption } from '../options.ts'
import type { SamplerPlugin } from '../sampler.ts'
import { advance, along, begin, isSpent, usualLambda, type State } from './strategy.ts'

type Row = Float64Array
const mostParameters = 100
const tries = 30
/** After so many generations without any difference in loss, the search begins anew. */
const flatGenerations = 10

/** How things stand at the beginning of a generation. */
interface Standing {
  readonly state: State
  readonly restart: number
  /** Generations without any difference in loss. */
  readonly flat: number
}

export const cmaesSampler: SamplerPlugin = {
  name: 'cmaes',
  adaptive: true,
  create({ space, objectives, options, seed }) {
    refuseUnknown('cmaes', options, ['sigma', 'population', 'restarts', 'margin'])
    const numbers = Object.entries(space).filter(
      ([, parameter]) => parameter.type !== 'categorical' && countOf(parameter) > 1,
    )
    refuseSpace(space, numbers.length)
    const n = numbers.length
    const sigma = numberOption('cmaes', options, 'sigma', 0.25, { least: 1e-6, most: 1 })
    const usual = usualLambda(n)
    const lambda = numberOption('cmaes', options, 'population', usual, { least: 4, most: 10_000, whole: true })
    const restarts = wordOption('cmaes', options, 'restarts', ['ipop', 'bipop', 'none'])
    const margin = flagOption('cmaes', options, 'margin', true)
    const rowOf = (hparams: Hparams): Row =>
      Float64Array.from(numbers, ([name, parameter]) => toUnit(parameter, hparams[name] as HparamValue))
    const ledger = createLedger<Row>(objectives[0], ({ hparams }) => rowOf(hparams))

    const beginning = (restart: number): Standing => {
      const random = createRandom(seed, 'cmaes', restart)
      const mean = new Float64Array(n).map(() => (restart === 0 ? 0.5 : random.uniform()))
      const small = restarts === 'bipop' && restart % 2 === 1
      const doublings = Math.min(8, restarts === 'bipop' ? Math.ceil(restart / 2) : restart)
      const step = small ? sigma * 10 ** (-2 * random.uniform()) : sigma
      return { state: begin(mean, step, small ? lambda : lambda * 2 ** doublings), restart, flat: 0 }
    }
    const following = ({ state, restart, flat }: Standing, entries: readonly Entry<Row>[]): Standing => {
      const ranked = entries.toSorted(compareEntries)
      const next = advance(
        state,
        ranked.map(({ row }) => row),
      )
      const isFlat = ranked[0]?.loss === ranked[Math.floor(ranked.length / 2)]?.loss
      const spent = isSpent(next) || (isFlat && flat + 1 >= flatGenerations)
      if (spent && restarts !== 'none') return beginning(restart + 1)
      return { state: next, restart, flat: isFlat ? flat + 1 : 0 }
    }
    const standingAfter = keptGenerations(beginning(0), following)

    const isEndless = numbers.some(([, parameter]) => countOf(parameter) === Infinity)

    return ({ history, tried = history, random }) => {
      ledger.show(history)
      const ended = ledger.entries.filter(({ standing }) => standing !== 'pending' && standing !== 'void')
      const { state } = standingAfter(ended)
      const latest = ended.slice(-4 * state.constants.lambda)
      const hparamsAt = (point: Row): Hparams => {
        const values: Record<string, HparamValue> = {}
        for (const [name, parameter] of Object.entries(space)) {
          const column = numbers.findIndex(([other]) => other === name)
          if (column >= 0) values[name] = fromUnit(parameter, Math.min(1, Math.max(0, point[column] as number)))
          else values[name] = valueAt(parameter, chosen(name, parameter, latest, random))
        }
        return values
      }
      for (let count = 0; count < tries; count++) {
        const point = drawn(state, random, margin ? numbers.map(([, parameter]) => countOf(parameter)) : [])
        // What lies outside is drawn again, and the last one brought inside.
        const inside = point.every((value) => value >= 0 && value <= 1)
        if (!inside && count < tries - 1) continue
        const values = hparamsAt(point)
        if (!keeps(space, values)) continue
        // What is brought inside may be the same corner each time; mirrored, it is as near and always another point.
        if (inside || !isEndless || !isIn(tried, values)) return values
        const mirrored = hparamsAt(point.map((value) => (value < 0 ? -value : value > 1 ? 2 - value : value)))
        if (keeps(space, mirrored) && !isIn(tried, mirrored)) return mirrored
      }
      return sample(space, random)
    }
  },
}

function refuseSpace(space: SearchSpace, numbers: number): void {
  if (numbers === 0) throw unfit('cmaes', 'space', 'has no number that varies; `tpe` takes categories')
  if (numbers > mostParameters) throw unfit('cmaes', 'space', `has more than ${mostParameters} numbers; choose \`tpe\``)
  if (!relationsOf(space).conditional) return
  const [name] = Object.entries(space).find(([, { when }]) => when !== undefined) as [string, unknown]
  throw unfit('cmaes', `space.${name}.when`, 'is a condition, and it moves in all directions at once; `tpe` takes it')
}

const isIn = (trials: readonly Observation[], point: Hparams): boolean =>
  trials.some(({ hparams }) => Object.entries(point).every(([name, value]) => own(hparams, name) === value))

/** The full generations, each computed once for the same observations. */
function keptGenerations(
  first: Standing,
  following: (standing: Standing, entries: readonly Entry<Row>[]) => Standing,
): (ended: readonly Entry<Row>[]) => Standing {
  /** standings[g] stands at the beginning of generation g, which begins at starts[g]. */
  const standings: Standing[] = [first]
  const starts: number[] = [0]
  const seen: Entry<Row>[] = []
  return (ended) => {
    let same = 0
    while (same < seen.length && same < ended.length && seen[same]?.observation === ended[same]?.observation) same++
    while (starts.length > 1 && (starts.at(-1) as number) > same) {
      starts.pop()
      standings.pop()
    }
    seen.length = starts.at(-1) as number
    for (;;) {
      const standing = standings.at(-1) as Standing
      const from = starts.at(-1) as number
      const to = from + standing.state.constants.lambda
      if (to > ended.length) return standing
      const generation = ended.slice(from, to)
      seen.push(...generation)
      standings.push(following(standing, generation))
      starts.push(to)
    }
  }
}

/**
 * One point of a generation. Margin (after R. Hamano et al., "CMA-ES with Margin", 2022): along a coordinate with few values the
 * deviation is at least such that the nearest other value is met with a chance of 1 / (n lambda).
 */
function drawn(state: State, random: Random, counts: readonly number[]): Row {
  const { mean, sigma, covariance, constants } = state
  const n = mean.length
  const step = along(
    state,
    mean.map(() => random.normal()),
    1,
  )
  const reach = Math.max(0.1, quantileAbove(Math.min(0.5, 1 / (n * constants.lambda))))
  return mean.map((value, i) => {
    const count = counts[i] ?? Infinity
    const deviation = sigma * Math.sqrt(covariance[i * n + i] as number)
    let wider = 1
    if (count !== Infinity) {
      const cell = Math.min(count - 1, Math.max(0, Math.floor(value * count)))
      const below = cell === 0 ? Infinity : value - cell / count
      const above = cell === count - 1 ? Infinity : (cell + 1) / count - value
      wider = Math.max(1, Math.abs(Math.min(below, above)) / (reach * deviation))
    }
    return value + sigma * wider * (step[i] as number)
  })
}

/** A choice, as often as the better half of the latest trials has it; each is counted once more than it was seen. */
function chosen(name: string, parameter: SearchSpace[string], latest: readonly Entry<Row>[], random: Random): number {
  const count = countOf(parameter)
  if (count === 1) return 0
  const weights = Array.from({ length: count }, () => 1)
  for (const { observation } of latest.toSorted(compareEntries).slice(0, Math.ceil(latest.length / 2))) {
    const choice = indexOf(parameter, own(observation.hparams, name))
    if (choice !== undefined) weights[choice] = (weights[choice] as number) + 1
  }
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0)
  for (let choice = 0; choice < count - 1; choice++) {
    left -= weights[choice] as number
    if (left < 0) return choice
  }
  return count - 1
}
