/** Whether more trials are worth it, by what a Gaussian process makes of those that there are. */
import type { Hparams, SearchSpace } from '../../../protocol/index.ts'
import { createRandom } from '../../random/index.ts'
import { cubeOf, sample } from '../../space/index.ts'
import { deviation, mean } from '../../statistics/index.ts'
import { acquisition } from './acquisition.ts'
import { drawnValues } from './draws.ts'
import { fitKernel, posterior } from './process.ts'
import { skillOf } from './skill.ts'

export interface Prospect {
  /** By parameter: over which part of its range the value changes; the larger, the less it matters. Of a categorical: no distance, but as large. */
  readonly lengths: Readonly<Record<string, number>>
  /** The share of the variance that is noise to the process. */
  readonly noise: number
  /** The share of the variance that it explains of a trial that it is not shown; 0 or less: it knows nothing. */
  readonly skill: number
  /** How much better, in the objective's unit, the best of `trials` more trials is expected to be. */
  readonly gain: number
  readonly trials: number
}

const more = 20
const fewest = 12
const most = 100
const candidates = 400
const draws = 200

/** `trials`: those with a loss. undefined: too few, or all alike. */
export function expectedGain(
  space: SearchSpace,
  trials: readonly { readonly hparams: Hparams; readonly loss: number }[],
): Prospect | undefined {
  const cube = cubeOf(space)
  if (trials.length < fewest || cube.size === 0) return undefined
  const ranked = trials.toSorted((one, other) => one.loss - other.loss)
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
  const groups = cube.columns.flatMap(({ width }, group) => Array.from({ length: width }, () => group))
  const points = used.map(({ hparams }) => cube.toCube(hparams))
  const kernel = fitKernel({ points, groups }, values)
  const known = posterior({ points, groups }, values, kernel)
  const best = points.reduce((least, point) => Math.min(least, known.mean(point)), Infinity)
  const promises = acquisition('logEI', known, best, 0, cube.size)
  const tops = Array.from({ length: candidates }, (_, index) => {
    const random = createRandom('prospect', index)
    const point = cube.toCube(sample(space, random))
    const near = points[random.integer(Math.min(5, points.length))] as Float64Array
    // Half of them near the best trials, where what is left to gain is mostly found.
    const at =
      index % 2 === 0
        ? point
        : point.map((value, column) => (near[column] as number) + 0.15 * (value - (near[column] as number)))
    return { point: at, value: promises(at) }
  })
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
