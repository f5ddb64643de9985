/** Points at which an acquisition function is looked at, and the way from them to where it is greatest. */
import type { Hparams, Parameter } from '../../../protocol/index.ts'
import type { Random } from '../../random/index.ts'
import { countOf, cubeOf, indexOf, keeps, relationsOf, sample, valueAt, type Cube } from '../../space/index.ts'
import type { IsTried } from '../tried.ts'
import { minimize } from './lbfgs.ts'
import type { Kernel } from './process.ts'

type Row = Float64Array

const pointsByChance = 250
const pointsNear = 80
const climbs = 4
const climbSteps = 20
/** How often a point is exchanged for the best of its neighbours, at most. */
const mostMoves = 4
/** A number with at most so many values is moved from one to the next. */
const mostLevels = 50

/** What an acquisition function makes of a point; with its gradient by column if that is given. */
export type Promises = (x: ArrayLike<number>, gradient?: Float64Array) => number

export interface Candidate {
  readonly hparams: Hparams
  readonly point: Row
}

interface Searching {
  readonly space: Parameters<typeof sample>[0]
  readonly cube: Cube
  readonly random: Random
  readonly best: Row
  readonly kernel: Kernel
  readonly groups: readonly number[]
}

/** Random points of the space, and points near the best one so far with all or a few of their columns moved. */
export function candidatesFor({ space, cube, random, best, kernel, groups }: Searching): Candidate[] {
  const candidates: Candidate[] = []
  const constrained = relationsOf(space).constraints.length > 0
  for (let count = 0; count < pointsByChance; count++) {
    const hparams = sample(space, random)
    candidates.push({ hparams, point: cube.toCube(hparams) })
  }
  for (let count = 0; count < pointsNear; count++) {
    const reach = 0.1 * 2 ** -(count % 4)
    const chance = count % 2 === 0 ? 1 : Math.min(1, 3 / cube.columns.length)
    const point = best.slice()
    for (const { at, width } of cube.columns) {
      if (random.uniform() >= chance) continue
      if (width === 1) {
        const length = Math.min(1, kernel.lengths[groups[at] as number] as number)
        point[at] = Math.min(1, Math.max(0, (point[at] as number) + 2 * reach * length * random.normal()))
      } else if (random.uniform() < 0.3) {
        point.fill(0, at, at + width)
        point[at + random.integer(width)] = 1
      }
    }
    const hparams = cube.fromCube(point)
    if (constrained && !keeps(space, hparams)) continue
    candidates.push({ hparams, point: cube.toCube(hparams) })
  }
  return candidates
}

/** Whether a point of the cube was tried already, or is under way. */
export function takenAmong(points: readonly Row[], pending: readonly Row[]): (point: Row) => boolean {
  const taken = new Set([...points, ...pending].map((point) => point.join()))
  return (point) => taken.has(point.join())
}

interface Climbing {
  readonly space: Searching['space']
  readonly cube: Cube
  /** Of points of the cube that are used, or under way. */
  readonly isTaken: (point: Row) => boolean
  readonly isTried: IsTried
}

interface Scored {
  readonly candidate: Candidate
  readonly value: number
}

/** Points that differ in one categorical, or by one level of one number, and keep the constraints. */
function neighboursOf(space: Searching['space'], hparams: Hparams): Hparams[] {
  const neighbours: Hparams[] = []
  for (const [name, value] of Object.entries(hparams)) {
    const parameter = space[name] as Parameter
    const count = countOf(parameter)
    if (count === 1 || count > mostLevels) continue
    const index = indexOf(parameter, value) as number
    const others =
      parameter.type === 'categorical'
        ? Array.from({ length: count }, (_, choice) => choice).filter((choice) => choice !== index)
        : [index - 1, index + 1].filter((level) => level >= 0 && level < count)
    for (const other of others) {
      const values = { ...hparams, [name]: valueAt(parameter, other) }
      const moved = relationsOf(space).conditional ? activated(space, values) : values
      if (keeps(space, moved)) neighbours.push(moved)
    }
  }
  return neighbours
}

/** Only the parameters that are active; those that have become so stand in the middle. */
function activated(space: Searching['space'], values: Hparams): Hparams {
  const cube = cubeOf(space)
  return cube.fromCube(cube.toCube(values))
}

/** Climbs from the most promising candidates, and takes the most promising point of the space; one that is new, if there is one. */
export function climb(
  candidates: readonly Candidate[],
  promises: Promises,
  { space, cube, isTaken, isTried }: Climbing,
): Hparams {
  const scored = candidates
    .map((candidate) => ({ candidate, value: promises(candidate.point) }))
    .sort((one, other) => other.value - one.value)
  const moved: Scored[] = []
  const score = (hparams: Hparams): Scored => {
    const point = cube.toCube(hparams)
    return { candidate: { hparams, point }, value: promises(point) }
  }
  const tops = scored.slice(0, climbs).map((top) => {
    let at = top
    for (let move = 0; move < mostMoves; move++) {
      const around = neighboursOf(space, at.candidate.hparams).map(score)
      moved.push(...around)
      const next = around.reduce((one, other) => (other.value > one.value ? other : one), at)
      if (next === at) break
      at = next
    }
    return at
  })
  const free = cube.columns.filter(
    ({ parameter }) => countOf(parameter) > mostLevels && parameter.type !== 'categorical',
  )
  const ends = (free.length === 0 ? [] : tops).map(({ candidate: { hparams, point } }) => {
    // Levels and choices stay as they are, and a parameter that is not active stays in the middle.
    const low = point.slice()
    const high = point.slice()
    for (const { name, at } of free) {
      if (!Object.hasOwn(hparams, name)) continue
      low[at] = 0
      high[at] = 1
    }
    const objective = (x: Float64Array, gradient: Float64Array) => {
      const value = -promises(x, gradient)
      for (let column = 0; column < gradient.length; column++) gradient[column] = -(gradient[column] as number)
      return value
    }
    const { x } = minimize(objective, point, { low, high }, climbSteps)
    const reached = cube.fromCube(x)
    if (!keeps(space, reached)) return { candidate: { hparams, point }, value: -Infinity }
    return score(reached)
  })
  const best = [...ends, ...moved, ...scored].sort((one, other) => other.value - one.value)
  const fresh = best.find(({ candidate: { point, hparams } }) => !isTaken(point) && !isTried(hparams)) ?? best[0]
  return (fresh as (typeof best)[number]).candidate.hparams
}
