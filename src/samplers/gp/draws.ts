/** Functions drawn from a posterior. */
import type { Random } from '../../random/index.ts'
import { cholesky, dot } from './linear-algebra.ts'
import { weighing, type Joint, type Kernel, type Points } from './process.ts'

/** For each of `count` functions out of the posterior, its values at the points. */
export function drawnValues({ means, covariance }: Joint, count: number, random: Random): Float64Array[] {
  const n = means.length
  const l = covariance.slice()
  let largest = 0
  for (let i = 0; i < n; i++) largest = Math.max(largest, covariance[i * n + i] as number)
  for (let jitter = 1e-10; jitter <= 1; jitter *= 10) {
    for (let i = 0; i < n; i++) l[i * n + i] = (covariance[i * n + i] as number) + jitter * largest
    if (cholesky(l, n)) break
    l.set(covariance)
  }
  return Array.from({ length: count }, () => {
    const normals = Array.from({ length: n }, () => random.normal())
    return means.map((value, i) => {
      for (let j = 0; j <= i; j++) value += (l[i * n + j] as number) * (normals[j] as number)
      return value
    })
  })
}

/** Frequencies of a prior function. */
const frequencies = 100

/**
 * `count` functions out of the posterior, at a point the value of each: prior functions of random Fourier features (A. Rahimi and B. Recht,
 * "Random Features for Large-Scale Kernel Machines", 2007; of a Matern 5/2 kernel the frequencies follow Student's t with 5 degrees of
 * freedom), brought to the values by Matheron's rule (J. Wilson et al., "Efficiently Sampling Functions from Gaussian Process
 * Posteriors", 2020, eq. 13).
 */
export function drawnFunctions(
  data: Points,
  values: ArrayLike<number>,
  kernel: Kernel,
  count: number,
  random: Random,
): (x: ArrayLike<number>) => Float64Array {
  const { groups } = data
  const normals = (length: number) => Float64Array.from({ length }, () => random.normal())
  const waves = Array.from({ length: frequencies }, () => {
    const spread = Math.sqrt(normals(5).reduce((sum, value) => sum + value * value, 0) / 5)
    const slopes = Float64Array.from(groups, (group) => random.normal() / (spread * (kernel.lengths[group] as number)))
    return { slopes, phase: 2 * Math.PI * random.uniform() }
  })
  const scale = Math.sqrt((2 * kernel.signal) / frequencies)
  const featuresAt = (x: ArrayLike<number>) =>
    Float64Array.from(waves, ({ slopes, phase }) => {
      let angle = phase
      for (let column = 0; column < slopes.length; column++) angle += (slopes[column] as number) * (x[column] as number)
      return scale * Math.cos(angle)
    })
  const features = data.points.map(featuresAt)
  const { solved, between } = weighing(data, kernel)
  const functions = Array.from({ length: count }, () => {
    const weights = normals(frequencies)
    const left = Float64Array.from(features, (row, i) => {
      const noise = Math.sqrt(kernel.noise) * random.normal()
      return (values[i] as number) - dot(row, weights) - noise
    })
    return { weights, pulls: solved(left) }
  })
  return (x) => {
    const [row, near] = [featuresAt(x), between(x)]
    return Float64Array.from(functions, ({ weights, pulls }) => dot(row, weights) + dot(near, pulls))
  }
}
