/** Whether more trials are worth it, by what a Gaussian process makes of those that there are. */
import type { Hparams, SearchSpace } from '../../../protocol/index.ts'
import { createRandom } from '../../random/index.ts'
import { countOf, cubeOf, enumerate, keeps, pointKeys, sample, type Cube } from '../../space/index.ts'
import { deviation, mean } from '../../statistics/index.ts'
import { acquisition } from './acquisition.ts'
import { drawnValues } from './draws.ts'
import { fitKernel, groupsOf, posterior } from './process.ts'
import { skillOf } from './skill.ts'

export interface Prospect {
  /** By parameter: over which part of its range the value changes; the larger, the less it matters. Of a categorical: no distance, but as large. */
  readonly lengths: Readonly<Record<string, number>>
  /** The share of the variance that is noise to the process. */
  readonly noise: number
  /** The share of the variance that it explains of a trial that it is not shown; 0 or less: it knows nothing. */
  readonly skill: number
  /** How much better, in the objective's unit, the best of `trials` more trials is expected to be; 0 where no point is left to try. */
  readonly gain: number
  readonly trials: number
}

const more = 20
const fewest = 12
const most = 100
const candidates = 400
/** Up to so many points of a space are gone through one by one. */
const mostListed = 2000
const draws = 200

interface Valued {
  readonly hparams: Hparams
  readonly loss: number
}

/**
 * `trials`: those with a loss; those of the same point count as one, with their mean. `tried`: the hparams of all trials: more trials of
 * them better nothing, for it is the function itself that is looked at, without its noise. undefined: too few, or all alike.
 */
export function expectedGain(
  space: SearchSpace,
  trials: readonly Valued[],
  tried: readonly Hparams[],
): Prospect | undefined {
  const cube = cubeOf(space)
  const keyOf = pointKeys(space)
  const byPoint = meansByPoint(trials, keyOf)
  if (byPoint.length < fewest || cube.size === 0) return undefined
  const ranked = byPoint.toSorted((one, other) => one.loss - other.loss)
  // The better half, and the others evenly by rank.
  const half = ranked.slice(0, most / 2)
  const rest = ranked.slice(most / 2)
  const stride = Math.max(1, rest.length / (most / 2))
  const used = [...half, ...rest.filter((_, index) => Math.floor(index / stride) !== Math.floor((index - 1) / stride))]
  const bar = used[Math.floor(0.75 * used.length)]?.loss ?? Infinity
  const losses = used.map(({ loss }) => Math.min(loss, bar))
  const spread = deviation(losses)
  if (!(spread > 0) || !Number.isFinite(spread)) return undefined
  const middle = mean(losses)
  const values = Float64Array.from(losses, (loss) => (loss - middle) / spread)
  const groups = groupsOf(cube)
  const points = used.map(({ hparams }) => cube.toCube(hparams))
  const kernel = fitKernel({ points, groups }, values)
  const known = posterior({ points, groups }, values, kernel)
  const best = points.reduce((least, point) => Math.min(least, known.mean(point)), Infinity)
  const promises = acquisition('logEI', known, best, 0, cube.size)
  const left = pointsLeft(space, cube, points.slice(0, 5), new Set(tried.map(keyOf)), keyOf)
  const tops = left
    .map((point) => ({ point, value: promises(point) }))
    .sort((one, other) => other.value - one.value)
    .slice(0, more)
  const joint = known.joint(tops.map(({ point }) => point))
  const gains = drawnValues(joint, draws, createRandom('prospect draws')).map(
    (values) => best - values.reduce((least, value) => Math.min(least, value), best),
  )
  return {
    lengths: Object.fromEntries(cube.columns.map(({ name }, group) => [name, kernel.lengths[group] as number])),
    noise: kernel.noise / (kernel.noise + kernel.signal),
    skill: skillOf({ points, groups }, values, kernel),
    gain: mean(gains) * spread,
    trials: more,
  }
}

function meansByPoint(trials: readonly Valued[], keyOf: ReturnType<typeof pointKeys>): readonly Valued[] {
  const byPoint = new Map<string, { readonly hparams: Hparams; readonly losses: number[] }>()
  for (const { hparams, loss } of trials) {
    const key = keyOf(hparams)
    const known = byPoint.get(key)
    if (known === undefined) byPoint.set(key, { hparams, losses: [loss] })
    else known.losses.push(loss)
  }
  return [...byPoint.values()].map(({ hparams, losses }) => ({ hparams, loss: mean(losses) }))
}

/** Points of the space that were not tried, each once: all of a small space, or some by chance. */
function pointsLeft(
  space: SearchSpace,
  cube: Cube,
  best: readonly Float64Array[],
  tried: ReadonlySet<string>,
  keyOf: ReturnType<typeof pointKeys>,
): readonly Float64Array[] {
  const points = new Map<string, Hparams>()
  const add = (hparams: Hparams) => points.set(keyOf(hparams), hparams)
  const listed = listOf(space)
  if (listed !== undefined) for (const hparams of listed) add(hparams)
  else {
    for (let index = 0; index < candidates; index++) {
      const random = createRandom('prospect', index)
      const drawn = sample(space, random)
      // Half of them near the best trials, where what is left to gain is mostly found.
      if (index % 2 === 0) add(drawn)
      else {
        const hparams = cube.fromCube(between(best[random.integer(best.length)] as Float64Array, cube.toCube(drawn)))
        if (keeps(space, hparams)) add(hparams)
      }
    }
  }
  return [...points].filter(([key]) => !tried.has(key)).map(([, hparams]) => cube.toCube(hparams))
}

/** The choices of the one; its numbers moved a little towards the other. */
const between = (near: Float64Array, far: Float64Array): Float64Array =>
  near.map((value, column) => value + 0.15 * ((far[column] as number) - value))

function listOf(space: SearchSpace): readonly Hparams[] | undefined {
  const product = Object.values(space).reduce((size, parameter) => size * countOf(parameter), 1)
  const grid = product <= 10 * mostListed ? enumerate(space) : undefined
  if (grid === undefined || grid.size > mostListed) return undefined
  return Array.from({ length: grid.size }, (_, index) => grid.at(index))
}
