/**
 * Grid search: it suggests the next point of the grid that no trial of the experiment has tried, and is exhausted after the last one. So
 * each point is tried once. An enqueued trial on the grid counts as a try of its point, and one beside the grid costs no point. A point
 * whose trial was cancelled is suggested again; one whose trial failed is not. Trials of earlier experiments do not count.
 * Options:
 * - levels: how many values each double without a step has; or, by name, how many any parameter has: `{ lr: 5, units: 4 }`.
 * - order: 'sequential' (the default; the last parameter turns fastest) or 'shuffled' (by the experiment's seed), for searches
 *   that may end before the grid does.
 */
import type { Hparams, Observation, SearchSpace } from '../../protocol/index.ts'
import { largestPermutation, permutation } from '../random/index.ts'
import { axisOf, countOf, gridIn, indexOf, type Axis, type Grid } from '../space/index.ts'
import { refuseUnknown, unfit } from './options.ts'
import { isOwnPoint, type SamplerPlugin, type SamplerSetting } from './sampler.ts'

/** They are kept as a list. */
const mostLevels = 100_000

type Options = Readonly<Record<string, unknown>>

export const gridSampler: SamplerPlugin = {
  name: 'grid',
  adaptive: false,
  create(setting) {
    const { space, options, seed } = setting
    refuseUnknown('grid', options, ['levels', 'order'])
    const grid = gridFor(space, levelsOf(options, space))
    const { order = 'sequential' } = options
    if (order !== 'sequential' && order !== 'shuffled') {
      throw unfit('grid', 'options.order', `is ${JSON.stringify(order)}; it is 'sequential' or 'shuffled'`)
    }
    const place = order === 'shuffled' ? permutation(grid.size, seed, 'grid') : (index: number) => index
    const points = createTried(space)
    /** All places before it are tried. */
    let next = 0
    return ({ history, tried = history, trial, point = trial }) => {
      if (points.show(tried) === 'lost some') next = 0
      const isTried = (index: number) => points.has(grid.at(place(index)))
      while (next < grid.size && isTried(next)) next++
      // A question whose answer is not in the history is assumed to have got the first of the points that are left.
      const missing = point - points.asked(setting)
      if (missing >= grid.size - next) return 'exhausted'
      let index = next
      for (let count = 0; count < missing && index < grid.size; count++) {
        do index++
        while (index < grid.size && isTried(index))
      }
      return index < grid.size ? grid.at(place(index)) : 'exhausted'
    }
  },
  notes({ space, options, trials, enqueued = 0 }) {
    const { size } = gridFor(space, levelsOf(options, space))
    const left = trials - enqueued
    if (left >= size) return []
    const given = enqueued === 0 ? '' : `, ${enqueued} of them enqueued`
    return [`the grid has ${size} points, more than there are trials (${trials}${given}): some stay untried`]
  },
}

/** The points that this experiment's trials have tried, kept from one question to the next: only trials that changed are read again. */
function createTried(space: SearchSpace) {
  const parameters = Object.entries(space).map(([name, parameter]) => ({ name, parameter, count: countOf(parameter) }))
  /** Two numbers on the same step have the same key, however they were computed. */
  const keyOf = (hparams: Hparams): string =>
    JSON.stringify(
      parameters.map(({ name, parameter, count }) => {
        if (!Object.hasOwn(hparams, name)) return []
        return count === Infinity ? hparams[name] : indexOf(parameter, hparams[name])
      }),
    )
  const known = new Map<string, number>()
  const shown: { readonly observation: Observation; readonly key: string | undefined }[] = []
  const remove = (key: string | undefined): boolean => {
    if (key === undefined) return false
    const left = (known.get(key) ?? 0) - 1
    if (left > 0) known.set(key, left)
    else known.delete(key)
    return left <= 0
  }
  return {
    has: (hparams: Hparams): boolean => known.has(keyOf(hparams)),
    /** How many of the trials had a point of the sampler's own: not enqueued, and not the continuation of another. */
    asked: (setting: Pick<SamplerSetting, 'enqueued' | 'isEnqueued'>): number =>
      shown.reduce((count, { observation }) => count + Number(isOwnPoint(observation, setting)), 0),
    /** Takes note of a history. 'lost some': a point is no longer among those that were tried. */
    show(history: readonly Observation[]): 'lost some' | 'grown' {
      let lost = false
      for (const { key } of shown.splice(history.length)) lost = remove(key) || lost
      for (const [index, observation] of history.entries()) {
        const before = shown[index]
        if (before?.observation === observation) continue
        const counts = observation.trial >= 0 && observation.state !== 'cancelled'
        const key = counts ? keyOf(observation.hparams) : undefined
        shown[index] = { observation, key }
        if (key === before?.key) continue
        if (key !== undefined) known.set(key, (known.get(key) ?? 0) + 1)
        lost = remove(before?.key) || lost
      }
      return lost ? 'lost some' : 'grown'
    },
  }
}

function gridFor(space: SearchSpace, levels: (name: string, endless: boolean) => number | undefined): Grid {
  const axes: Record<string, Axis> = {}
  for (const [name, parameter] of Object.entries(space)) {
    const axis = axisOf(parameter, levels(name, false)) ?? axisOf(parameter, levels(name, true))
    if (axis === undefined) {
      const remedy = 'give it a `step`, or give grid `levels`; `random` takes it as it is'
      throw unfit('grid', `space.${name}`, `is a double without a step, so there is no end of values: ${remedy}`)
    }
    axes[name] = axis
  }
  const grid = gridIn(space, axes)
  if (grid === undefined || grid.size > largestPermutation) {
    const size = grid?.size ?? Object.values(axes).reduce((product, { count: points }) => product * points, 1)
    throw unfit('grid', 'space', `has ${size.toExponential(1)} points, more than can be numbered; choose \`random\``)
  }
  return grid
}

function levelsOf(options: Options, space: SearchSpace): (name: string, endless: boolean) => number | undefined {
  const { levels } = options
  if (levels === undefined) return () => undefined
  if (typeof levels === 'number') {
    const all = count(levels, 'options.levels')
    return (_, endless) => (endless ? all : undefined)
  }
  if (typeof levels !== 'object' || levels === null || Array.isArray(levels)) {
    throw unfit('grid', 'options.levels', 'is neither a number nor a map of numbers by parameter')
  }
  const byName = new Map<string, number>()
  for (const [name, value] of Object.entries(levels)) {
    const path = `options.levels.${name}`
    if (!Object.hasOwn(space, name)) throw unfit('grid', path, 'is not in the search space')
    byName.set(name, count(value, path))
  }
  return (name) => byName.get(name)
}

function count(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= mostLevels) return value
  throw unfit('grid', path, `is ${JSON.stringify(value)}, not a whole number from 1 to ${mostLevels}`)
}
