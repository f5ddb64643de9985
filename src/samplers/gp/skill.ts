/** How well a Gaussian process foretells the trials that it is not shown. */
import { deviation, mean } from '../../statistics/index.ts'
import { cholesky, inverseFrom, solveLower, solveUpper } from './linear-algebra.ts'
import { covariances, fitKernel, type Kernel, type Points } from './process.ts'

/**
 * The share of the variance of `values` (mean 0, variance 1) that leave-one-out predictions explain (C. E. Rasmussen and C. K. I.
 * Williams, "Gaussian Processes for Machine Learning", 2006, eq. 5.12): 1 at best, 0 where the mean would do as well.
 */
export function skillOf(data: Points, values: ArrayLike<number>, kernel?: Kernel): number {
  const n = data.points.length
  // Nothing varies, so there is nothing to explain.
  if (!(deviation(Array.from(values)) > 0)) return 0
  const l = covariances(data, kernel ?? fitKernel(data, values, { iterations: 15, starts: 2 }))
  if (!cholesky(l, n)) return 0
  const alpha = Float64Array.from(values)
  solveLower(l, n, alpha, alpha)
  solveUpper(l, n, alpha, alpha)
  const inverse = inverseFrom(l, n)
  const squares = Array.from(alpha, (each, i) => (each / (inverse[i * n + i] as number)) ** 2)
  return 1 - mean(squares)
}
