/**
 * A Gaussian process with a Matern 5/2 kernel, a length scale for each parameter (ARD), noise and mean zero
 * (C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006: eq. 4.17, algorithm 2.1, eq. 5.9).
 */
import type { Cube } from '../../space/index.ts'
import { minimize } from './lbfgs.ts'
import { cholesky, inverseFrom, solveLower, solveUpper } from './linear-algebra.ts'

export interface Kernel {
  /** For each group of columns. */
  readonly lengths: Float64Array
  readonly signal: number
  readonly noise: number
}

export interface Posterior {
  mean(x: ArrayLike<number>): number
  /** Mean and variance of the function, noise aside; with slopes by column if they are given. */
  at(
    x: ArrayLike<number>,
    slopes?: { readonly mean: Float64Array; readonly variance: Float64Array },
  ): { readonly mean: number; readonly variance: number }
  /** Means and covariances of the function at several points: of these the lower half. */
  joint(points: readonly ArrayLike<number>[]): Joint
}

export interface Joint {
  readonly means: Float64Array
  readonly covariance: Float64Array
}

const rootFive = Math.sqrt(5)

/** Columns that belong together (the choices of a categorical) share a length scale: `groups[column]` is its number. */
export interface Points {
  readonly points: readonly Float64Array[]
  readonly groups: readonly number[]
}

/** Each parameter's columns are a group. */
export const groupsOf = ({ columns }: Cube): number[] =>
  columns.flatMap(({ width }, group) => Array.from({ length: width }, () => group))

function covarianceBetween(a: ArrayLike<number>, b: ArrayLike<number>, weights: Float64Array, signal: number): number {
  let square = 0
  for (let column = 0; column < weights.length; column++) {
    const difference = (a[column] as number) - (b[column] as number)
    square += difference * difference * (weights[column] as number)
  }
  const r = rootFive * Math.sqrt(square)
  return signal * (1 + r + (r * r) / 3) * Math.exp(-r)
}

const inverseSquares = ({ lengths }: Kernel, groups: readonly number[]) =>
  Float64Array.from(groups, (group) => (lengths[group] as number) ** -2)

/** The covariances of the values at the points, noise included; the lower half. */
export function covariances({ points, groups }: Points, kernel: Kernel): Float64Array {
  const n = points.length
  const weights = inverseSquares(kernel, groups)
  const k = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      k[i * n + j] = covarianceBetween(points[i] as Float64Array, points[j] as Float64Array, weights, kernel.signal)
    }
    k[i * n + i] = kernel.signal * (1 + 1e-8) + kernel.noise
  }
  return k
}

/** Adds a growing number to the diagonal until the matrix can be factored. Throws RangeError where an entry is not a number. */
function factor(points: readonly Float64Array[], weights: Float64Array, { signal, noise }: Kernel): Float64Array {
  const n = points.length
  for (let jitter = 1e-10; jitter <= 1; jitter *= 100) {
    const k = new Float64Array(n * n)
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        k[i * n + j] = covarianceBetween(points[i] as Float64Array, points[j] as Float64Array, weights, signal)
      }
      k[i * n + i] = signal + noise + jitter * signal
    }
    if (cholesky(k, n)) return k
  }
  throw new RangeError(`a kernel of signal ${signal}, noise ${noise}`)
}

/** What a posterior is made of: the covariances of a point with the others, and what values at these are multiplied by. */
export function weighing({ points, groups }: Points, kernel: Kernel) {
  const weights = inverseSquares(kernel, groups)
  const l = factor(points, weights, kernel)
  return {
    between: (x: ArrayLike<number>) =>
      Float64Array.from(points, (point) => covarianceBetween(point, x, weights, kernel.signal)),
    solved: (values: Float64Array) => {
      const solution = values.slice()
      solveLower(l, points.length, solution, solution)
      solveUpper(l, points.length, solution, solution)
      return solution
    },
  }
}

/** The posterior of the function, given `values` at `points`. */
export function posterior({ points, groups }: Points, values: ArrayLike<number>, kernel: Kernel): Posterior {
  const n = points.length
  const columns = groups.length
  const weights = inverseSquares(kernel, groups)
  const { signal } = kernel
  const l = factor(points, weights, kernel)
  const alpha = Float64Array.from(values)
  solveLower(l, n, alpha, alpha)
  solveUpper(l, n, alpha, alpha)
  const k = new Float64Array(n)
  const v = new Float64Array(n)
  const w = new Float64Array(n)
  const fill = (x: ArrayLike<number>) => {
    let mean = 0
    for (let i = 0; i < n; i++) {
      const value = covarianceBetween(points[i] as Float64Array, x, weights, signal)
      k[i] = value
      mean += value * (alpha[i] as number)
    }
    return mean
  }
  return {
    mean: fill,
    at(x, slopes) {
      const mean = fill(x)
      solveLower(l, n, k, v)
      let explained = 0
      for (let i = 0; i < n; i++) explained += (v[i] as number) ** 2
      const variance = Math.max(1e-12 * signal, signal - explained)
      if (slopes === undefined) return { mean, variance }
      solveUpper(l, n, v, w)
      slopes.mean.fill(0)
      slopes.variance.fill(0)
      for (let i = 0; i < n; i++) {
        const point = points[i] as Float64Array
        let square = 0
        for (let column = 0; column < columns; column++) {
          square += ((x[column] as number) - (point[column] as number)) ** 2 * (weights[column] as number)
        }
        const r = rootFive * Math.sqrt(square)
        // dk/dx = -signal * 5/3 * (1 + r) * exp(-r) * (x - point) / length^2
        const common = (-5 / 3) * signal * (1 + r) * Math.exp(-r)
        for (let column = 0; column < columns; column++) {
          const slope = common * ((x[column] as number) - (point[column] as number)) * (weights[column] as number)
          slopes.mean[column] = (slopes.mean[column] as number) + slope * (alpha[i] as number)
          slopes.variance[column] = (slopes.variance[column] as number) - 2 * slope * (w[i] as number)
        }
      }
      return { mean, variance }
    },
    joint(at) {
      const m = at.length
      const means = new Float64Array(m)
      const solved = at.map((x, i) => {
        means[i] = fill(x)
        const row = new Float64Array(n)
        solveLower(l, n, k, row)
        return row
      })
      const covariance = new Float64Array(m * m)
      for (let i = 0; i < m; i++) {
        const row = solved[i] as Float64Array
        for (let j = 0; j <= i; j++) {
          const other = solved[j] as Float64Array
          let explained = 0
          for (let q = 0; q < n; q++) explained += (row[q] as number) * (other[q] as number)
          const prior = covarianceBetween(at[i] as ArrayLike<number>, at[j] as ArrayLike<number>, weights, signal)
          covariance[i * m + j] = prior - explained
        }
      }
      return { means, covariance }
    },
  }
}

/**
 * Log-normal priors: mean and deviation of the logarithm. Lengths grow with the diagonal of the cube (C. Hvarfner et al., "Vanilla
 * Bayesian Optimization Performs Great in High Dimensions", 2024); here half of it.
 */
interface Prior {
  readonly mean: number
  readonly deviation: number
}

const priorsFor = (groups: number): readonly Prior[] => [
  ...Array.from({ length: groups }, () => ({ mean: Math.log(Math.sqrt(groups) / 2), deviation: 1 })),
  { mean: 0, deviation: 1 },
  { mean: -6, deviation: 2 },
]

/** Minus the log marginal likelihood, less the priors, at log lengths, log signal and log noise; writes its gradient. */
export function misfit(
  { points, groups }: Points,
  values: ArrayLike<number>,
  priors: readonly Prior[],
  theta: Float64Array,
  gradient: Float64Array,
): number {
  const n = points.length
  const columns = groups.length
  const lengths = theta.length - 2
  const signal = Math.exp(theta[lengths] as number)
  const noise = Math.exp(theta[lengths + 1] as number)
  const kernel = { lengths: theta.slice(0, lengths).map(Math.exp), signal, noise }
  const weights = inverseSquares(kernel, groups)
  const l = factor(points, weights, kernel)
  const alpha = Float64Array.from(values)
  solveLower(l, n, alpha, alpha)
  solveUpper(l, n, alpha, alpha)
  let value = 0.5 * n * Math.log(2 * Math.PI)
  for (let i = 0; i < n; i++)
    value += 0.5 * (values[i] as number) * (alpha[i] as number) + Math.log(l[i * n + i] as number)
  const inverse = inverseFrom(l, n)
  gradient.fill(0)
  // d/dtheta = 1/2 tr((K^-1 - alpha alpha') dK/dtheta)
  let onSignal = 0
  let onNoise = 0
  for (let i = 0; i < n; i++) {
    const own = (inverse[i * n + i] as number) - (alpha[i] as number) ** 2
    onSignal += 0.5 * own * signal
    onNoise += 0.5 * own * noise
    const a = points[i] as Float64Array
    for (let j = 0; j < i; j++) {
      const b = points[j] as Float64Array
      let square = 0
      for (let column = 0; column < columns; column++) {
        const difference = (a[column] as number) - (b[column] as number)
        square += difference * difference * (weights[column] as number)
      }
      const r = rootFive * Math.sqrt(square)
      const decay = signal * Math.exp(-r)
      const pull = (inverse[i * n + j] as number) - (alpha[i] as number) * (alpha[j] as number)
      onSignal += pull * decay * (1 + r + (r * r) / 3)
      const common = pull * decay * (5 / 3) * (1 + r)
      for (let column = 0; column < columns; column++) {
        const difference = (a[column] as number) - (b[column] as number)
        const group = groups[column] as number
        gradient[group] = (gradient[group] as number) + common * difference * difference * (weights[column] as number)
      }
    }
  }
  gradient[lengths] = onSignal
  gradient[lengths + 1] = onNoise
  for (const [index, { mean, deviation }] of priors.entries()) {
    const z = ((theta[index] as number) - mean) / deviation
    value += 0.5 * z * z
    gradient[index] = (gradient[index] as number) + z / deviation
  }
  return value
}

interface Fit {
  readonly iterations: number
  /** 1 or 2: from little noise alone, or from much as well. */
  readonly starts: number
}

/** The kernel that explains the values best (maximum a posteriori). `values` should have mean 0 and variance 1 or so. */
export function fitKernel(
  data: Points,
  values: ArrayLike<number>,
  { iterations, starts }: Fit = { iterations: 20, starts: 2 },
): Kernel {
  const groups = data.groups.reduce((most, group) => Math.max(most, group + 1), 0)
  const priors = priorsFor(Math.max(1, groups))
  const low = [...Array.from({ length: groups }, () => Math.log(0.02)), Math.log(0.05), Math.log(1e-6)]
  const high = [...Array.from({ length: groups }, () => Math.log(20)), Math.log(20), Math.log(1)]
  const used = [...priors.slice(0, groups), ...priors.slice(-2)]
  const objective = (theta: Float64Array, gradient: Float64Array) => misfit(data, values, used, theta, gradient)
  const start = Float64Array.from(used, ({ mean }) => mean)
  // Values that are all alike say nothing of lengths, and the likelihood alone would have them endless.
  if (Array.from(values).every((value) => value === values[0])) return kernelAt(start, groups)
  // A rugged valley may be explained by short lengths, or by a wide one and noise: both are tried.
  const noisy = start.with(groups + 1, Math.log(0.2))
  const ends = [start, noisy].slice(0, starts).map((theta) => minimize(objective, theta, { low, high }, iterations))
  const { x } = ends.reduce((one, other) => (other.value < one.value ? other : one))
  return kernelAt(x, groups)
}

const kernelAt = (theta: Float64Array, groups: number): Kernel => ({
  lengths: theta.slice(0, groups).map(Math.exp),
  signal: Math.exp(theta[groups] as number),
  noise: Math.exp(theta[groups + 1] as number),
})
