/**
 * A full quadratic model of the nearest trials, as in trust-region methods without derivatives (M. Powell, "UOBYQA", 2002): it knows how
 * parameters interact, so a valley that lies across the axes is no harder than one along them.
 */
import type { Random } from '../../random/index.ts'
import { minimize, type Box } from '../gp/lbfgs.ts'
import { cholesky, solveLower, solveUpper } from '../gp/linear-algebra.ts'

/** How many coefficients a quadratic has in so many variables. */
export const coefficientsOf = (n: number): number => ((n + 1) * (n + 2)) / 2

/** Ridge on all but the constant, as a share of the mean of the diagonal. */
const ridge = 1e-9
const starts = 4

interface Quadratic {
  (u: Float64Array, gradient: Float64Array): number
}

/** The quadratic that fits values at points best, by weighted least squares; undefined if it cannot be told. */
function fitted(
  points: readonly Float64Array[],
  values: readonly number[],
  weights: readonly number[],
): Quadratic | undefined {
  const n = points[0]?.length ?? 0
  const size = coefficientsOf(n)
  const a = new Float64Array(size * size)
  const b = new Float64Array(size)
  const row = new Float64Array(size)
  for (const [index, u] of points.entries()) {
    features(u, row)
    const weight = weights[index] as number
    const value = values[index] as number
    for (let i = 0; i < size; i++) {
      const scaled = weight * (row[i] as number)
      b[i] = (b[i] as number) + scaled * value
      for (let j = 0; j <= i; j++) a[i * size + j] = (a[i * size + j] as number) + scaled * (row[j] as number)
    }
  }
  let trace = 0
  for (let i = 0; i < size; i++) trace += a[i * size + i] as number
  for (let i = 1; i < size; i++) a[i * size + i] = (a[i * size + i] as number) + (ridge * trace) / size
  if (!cholesky(a, size)) return undefined
  solveLower(a, size, b, b)
  solveUpper(a, size, b, b)
  return (u, gradient) => {
    gradient.fill(0)
    let value = b[0] as number
    let at = 1
    for (let i = 0; i < n; i++, at++) {
      value += (b[at] as number) * (u[i] as number)
      gradient[i] = b[at] as number
    }
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++, at++) {
        const c = b[at] as number
        value += c * (u[i] as number) * (u[j] as number)
        gradient[i] = (gradient[i] as number) + c * (u[j] as number)
        gradient[j] = (gradient[j] as number) + c * (u[i] as number)
      }
    }
    return value
  }
}

function features(u: Float64Array, row: Float64Array): void {
  const n = u.length
  row[0] = 1
  let at = 1
  for (let i = 0; i < n; i++) row[at++] = u[i] as number
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) row[at++] = (u[i] as number) * (u[j] as number)
}

/** Where the quadratic that fits best is least in a box; undefined if there are too few points. Coordinates: about 1 in size. */
export function quadraticMinimum(
  points: readonly Float64Array[],
  values: readonly number[],
  weights: readonly number[],
  box: Box,
  random: Random,
): Float64Array | undefined {
  const n = points[0]?.length ?? 0
  if (points.length < coefficientsOf(n)) return undefined
  const model = fitted(points, values, weights)
  if (model === undefined) return undefined
  let best: { readonly x: Float64Array; readonly value: number } | undefined
  for (let start = 0; start < starts; start++) {
    const from = Float64Array.from({ length: n }, (_, i) => {
      if (start === 0) return 0
      return (box.low[i] as number) + random.uniform() * ((box.high[i] as number) - (box.low[i] as number))
    })
    const end = minimize(model, from, box, 40)
    if (best === undefined || end.value < best.value) best = end
  }
  return best?.x
}
