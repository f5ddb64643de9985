/**
 * Grid search: the trial's number is the number of the point, so that nothing is tried twice, and after the last one it is
 * exhausted. Options:
 * - levels: so many values of each double without a step; or by name, of any parameter: `{ lr: 5, units: 4 }`.
 * - order: 'sequential' (the default; the last parameter turns fastest) or 'shuffled' (by the experiment's seed), for searches
 *   that may end before the grid does.
 */
import type { SearchSpace } from '../../protocol/index.ts'
import { largestPermutation, permutation } from '../random/index.ts'
import { axisOf, gridIn, type Axis, type Grid } from '../space/index.ts'
import { refuseUnknown, unfit } from './options.ts'
import type { SamplerPlugin } from './sampler.ts'

/** They are kept as a list. */
const mostLevels = 100_000

type Options = Readonly<Record<string, unknown>>

export const gridSampler: SamplerPlugin = {
  name: 'grid',
  adaptive: false,
  create({ space, options, seed }) {
    refuseUnknown('grid', options, ['levels', 'order'])
    const grid = gridFor(space, levelsOf(options, space))
    const { order = 'sequential' } = options
    if (order !== 'sequential' && order !== 'shuffled') {
      throw unfit('grid', 'options.order', `is ${JSON.stringify(order)}; it is 'sequential' or 'shuffled'`)
    }
    const place = order === 'shuffled' ? permutation(grid.size, seed, 'grid') : (index: number) => index
    return ({ trial }) => (trial < grid.size ? grid.at(place(trial)) : 'exhausted')
  },
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
