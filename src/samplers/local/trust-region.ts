/**
 * A search around the best point: the next trial is where a model of the nearest trials promises most within a trust region, a box that
 * grows while trials improve and shrinks while they do not (D. Eriksson et al., "Scalable Global Optimization via Local Bayesian
 * Optimization", 2019, section 2). Two models take turns: a quadratic, and a Gaussian process. For numbers without conditions.
 */
import type { Hparams, SearchSpace } from '../../../protocol/index.ts'
import type { Random } from '../../random/index.ts'
import { cubeOf, keeps } from '../../space/index.ts'
import { deviation, mean } from '../../statistics/index.ts'
import { acquisition } from '../gp/acquisition.ts'
import { minimize } from '../gp/lbfgs.ts'
import { fitKernel, posterior } from '../gp/process.ts'
import type { Entry } from '../ledger.ts'
import { coefficientsOf, quadraticMinimum } from './quadratic.ts'

type Row = Float64Array

/** Sides of the box, as shares of the cube. */
const first = 0.25
const widest = 0.8
const narrowest = 2 ** -14
const successes = 2
const mostPoints = 50
const drawn = 100
const climbs = 2

export interface Asked {
  readonly space: SearchSpace
  /** Trials that have ended, in order: with a value, or failed, or stopped because they would not be the best. */
  readonly ended: readonly Entry<Row>[]
  readonly pending: readonly Row[]
  /** Trials from this number on were meant to be near the best one: they make the box grow and shrink. */
  readonly since: number
  readonly turn: number
  readonly random: Random
}

const hasValue = ({ standing }: Entry<Row>): boolean => standing === 'done'
const hasFailed = ({ standing }: Entry<Row>): boolean => standing === 'bad'

/**
 * The side of the box after what the trials came to; one without a value is no better. `atOnce`: so many were suggested with the same knowledge,
 * and say only once that the box is too large.
 */
export function sideAfter(ended: readonly Entry<Row>[], since: number, columns: number, atOnce = 1): number {
  let best = Infinity
  let [better, worse] = [0, 0]
  let side = first
  for (const entry of ended) {
    const { trial } = entry
    const loss = hasValue(entry) ? entry.loss : Infinity
    const improves = loss < best - 1e-3 * Math.abs(best) || (best === Infinity && loss < best)
    if (trial >= since) {
      if (improves) [better, worse] = [better + 1, 0]
      else [better, worse] = [0, worse + 1]
      if (better >= successes) [side, better] = [Math.min(widest, 2 * side), 0]
      else if (worse >= Math.max(3, columns, atOnce)) [side, worse] = [Math.max(narrowest, side / 2), 0]
    }
    best = Math.min(best, loss)
  }
  return side
}

/** undefined where there is too little to learn from, or nothing new that keeps the constraints is found. */
export function nearBest({ space, ended, pending, since, turn, random }: Asked): Hparams | undefined {
  const cube = cubeOf(space)
  const done = ended.filter(hasValue)
  const n = cube.size
  if (done.length < n + 2) return undefined
  const best = done.reduce((one, other) => (other.loss < one.loss ? other : one))
  const side = sideAfter(ended, since, n, pending.length + 1)
  const centre = best.row
  const low = centre.map((at) => Math.max(0, at - side / 2))
  const high = centre.map((at) => Math.min(1, at + side / 2))
  const distance = (row: Row) => row.reduce((sum, at, i) => sum + (at - (centre[i] as number)) ** 2, 0)
  const nearest = (list: readonly Entry<Row>[], count: number) =>
    list
      .map((entry) => ({ entry, far: distance(entry.row) }))
      .sort((one, other) => one.far - other.far || one.entry.trial - other.entry.trial)
      .slice(0, count)
  /** Whether a trial under way gains nearly all that this one would: the gain left grows with the square of the way that is left. */
  const isUnderWay = (point: Row) => {
    const way = distance(point)
    return pending.some((row) => row.reduce((sum, at, i) => sum + (at - (point[i] as number)) ** 2, 0) < 0.01 * way)
  }
  const usable = (point: Row): Hparams | undefined => {
    const hparams = cube.fromCube(point)
    if (!keeps(space, hparams)) return undefined
    const snapped = cube.toCube(hparams)
    const same = (row: Row) => row.every((at, i) => Math.abs(at - (snapped[i] as number)) < 1e-9)
    if (ended.some(({ row }) => same(row)) || pending.some(same)) return undefined
    // Where the nearest trial failed, this one would probably fail, too.
    const far = (row: Row) => row.reduce((sum, at, i) => sum + (at - (snapped[i] as number)) ** 2, 0)
    const neighbour = ended.reduce((one, other) => (far(other.row) < far(one.row) ? other : one))
    return hasFailed(neighbour) ? undefined : hparams
  }
  if (turn % 2 === 0) {
    const near = nearest(done, Math.ceil(1.5 * coefficientsOf(n)) + 4)
    const reach = Math.sqrt(near.at(-1)?.far ?? 1) || 1
    const scaled = (row: ArrayLike<number>) =>
      Float64Array.from({ length: n }, (_, i) => ((row[i] as number) - (centre[i] as number)) / reach)
    const end = quadraticMinimum(
      near.map(({ entry }) => scaled(entry.row)),
      near.map(({ entry }) => entry.loss - best.loss),
      near.map(({ far }) => Math.exp((-2 * far) / reach ** 2)),
      { low: scaled(low), high: scaled(high) },
      random,
    )
    const to = end?.map((u, i) => (centre[i] as number) + u * reach)
    const hparams = to && !isUnderWay(to) ? usable(to) : undefined
    if (hparams !== undefined) return hparams
  }
  const near = nearest(ended, mostPoints).map(({ entry }) => entry)
  const scaled = (row: ArrayLike<number>) =>
    Float64Array.from({ length: n }, (_, i) => 0.5 + ((row[i] as number) - (centre[i] as number)) / (2 * side))
  const valued = near.filter(hasValue).map(({ loss }) => loss)
  const worst = Math.max(...valued)
  // What its pruner stopped came to nothing, and there may be better beside it.
  const poor = valued.toSorted((a, b) => a - b)[Math.floor(0.75 * valued.length)] as number
  const losses = near.map((entry) => (hasValue(entry) ? entry.loss : hasFailed(entry) ? worst : poor))
  // Losses by the logarithm of how far they are above the best: what is near it counts, however steep the walls around it are.
  const spread = losses.toSorted((a, b) => a - b)[losses.length >>> 2] as number
  const unit = Math.max(Number.MIN_VALUE, spread - best.loss)
  const pressed = losses.map((loss) => Math.log1p((loss - best.loss) / unit))
  const [centerValue, spreadValue] = [mean(pressed), deviation(pressed) || 1]
  const values = pressed.map((value) => (value - centerValue) / spreadValue)
  const groups = Array.from({ length: n }, (_, i) => i)
  const points = near.map(({ row }) => scaled(row))
  const kernel = fitKernel({ points, groups }, values, { iterations: 12, starts: 1 })
  const known = posterior({ points, groups }, values, kernel)
  const under = pending.map(scaled)
  const surrogate =
    under.length === 0
      ? known
      : posterior(
          { points: [...points, ...under], groups },
          [...values, ...under.map((point) => known.mean(point))],
          kernel,
        )
  const least = points.reduce((so, point) => Math.min(so, known.mean(point)), Infinity)
  const promises = acquisition('logEI', surrogate, least, 0, n)
  const box = { low: scaled(low), high: scaled(high) }
  const tops = Array.from({ length: drawn }, () => {
    const point = box.low.map((from, i) => from + random.uniform() * ((box.high[i] as number) - from))
    return { point, value: promises(point) }
  })
    .sort((one, other) => other.value - one.value)
    .slice(0, climbs)
    .map(({ point }) => minimize(negated(promises), point, box, 15))
    .sort((one, other) => one.value - other.value)
  for (const { x } of tops) {
    const hparams = usable(x.map((u, i) => (centre[i] as number) + (u - 0.5) * 2 * side))
    if (hparams !== undefined) return hparams
  }
  return undefined
}

const negated =
  (promises: (x: ArrayLike<number>, gradient?: Float64Array) => number) =>
  (x: Float64Array, gradient: Float64Array) => {
    const value = -promises(x, gradient)
    for (let column = 0; column < gradient.length; column++) gradient[column] = -(gradient[column] as number)
    return value
  }
