/** Functions drawn from a posterior. */
import type { Random } from '../../random/index.ts'
import { cholesky } from './linear-algebra.ts'
import type { Joint } from './process.ts'

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
