/** What trials allow a function to be, for those who look at the whole of it. */
import type { Random } from '../../random/index.ts'
import type { Cube } from '../../space/index.ts'
import { drawnFunctions } from './draws.ts'
import { fitKernel, groupsOf } from './process.ts'

/** How many kernels: one fitted to all trials, and others to halves of them, for trials leave open which it is. */
const kernels = 5

/**
 * Functions that a Gaussian process draws, `count` for each of 5 kernels, given `values` (mean 0, variance 1 or so) at points of the cube; at a
 * point, all their values.
 */
export function learnedFunctions(
  cube: Cube,
  points: readonly Float64Array[],
  values: readonly number[],
  count: number,
  random: Random,
): (point: Float64Array) => Float64Array {
  const groups = groupsOf(cube)
  const all = points.map((_, index) => index)
  const drawn = Array.from({ length: kernels }, (_, which) => {
    const part = which === 0 ? all : all.filter(() => random.uniform() < 0.5)
    const chosen = part.map((index) => points[index] as Float64Array)
    const fit = { iterations: 15, starts: 2 }
    const kernel = fitKernel(
      { points: chosen, groups },
      part.map((index) => values[index] as number),
      fit,
    )
    return drawnFunctions({ points, groups }, values, kernel, count, random)
  })
  return (point) => {
    const found = new Float64Array(kernels * count)
    for (const [which, functions] of drawn.entries()) found.set(functions(point), which * count)
    return found
  }
}
