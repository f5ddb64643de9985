/**
 * L-BFGS in a box: two-loop recursion (J. Nocedal, "Updating quasi-Newton matrices with limited storage", 1980) on the coordinates
 * that are not held at their bounds, with steps projected on the box and shortened until they go down enough (Armijo).
 */
import { dot } from './linear-algebra.ts'

export interface Box {
  readonly low: ArrayLike<number>
  readonly high: ArrayLike<number>
}

/** The value at a point; writes the gradient there. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number

interface Pair {
  readonly step: Float64Array
  readonly change: Float64Array
  readonly inverse: number
}

const memory = 8

/** Minimizes from `start`; the best point found and its value. */
export function minimize(
  objective: Objective,
  start: Float64Array,
  { low, high }: Box,
  iterations: number,
): { readonly x: Float64Array; readonly value: number } {
  const size = start.length
  const clamp = (value: number, index: number) => Math.min(high[index] as number, Math.max(low[index] as number, value))
  let x = start.map(clamp)
  let gradient = new Float64Array(size)
  let value = objective(x, gradient)
  const pairs: Pair[] = []
  for (let iteration = 0; iteration < iterations && Number.isFinite(value); iteration++) {
    const held = (index: number) =>
      ((x[index] as number) <= (low[index] as number) && (gradient[index] as number) > 0) ||
      ((x[index] as number) >= (high[index] as number) && (gradient[index] as number) < 0)
    const free = gradient.map((slope, index) => (held(index) ? 0 : slope))
    const steepness = dot(free, free)
    if (steepness < 1e-12) break
    let direction = newton(free, pairs).map((step, index) => (held(index) ? 0 : -step))
    if (!(dot(direction, free) < 0)) direction = free.map((slope) => -slope)
    let length = pairs.length === 0 ? Math.min(1, 0.25 / Math.sqrt(steepness)) : 1
    let moved = false
    for (let shorter = 0; shorter < 20 && !moved; shorter++, length *= 0.4) {
      const next = x.map((coordinate, index) => clamp(coordinate + length * (direction[index] as number), index))
      const step = next.map((coordinate, index) => coordinate - (x[index] as number))
      const slopes = new Float64Array(size)
      const reached = objective(next, slopes)
      if (!(reached <= value + 1e-4 * dot(gradient, step))) continue
      moved = true
      const change = slopes.map((slope, index) => slope - (gradient[index] as number))
      const curvature = dot(step, change)
      if (curvature > 1e-12 * dot(change, change)) {
        pairs.push({ step, change, inverse: 1 / curvature })
        if (pairs.length > memory) pairs.shift()
      }
      const gained = value - reached
      x = next
      gradient = slopes
      value = reached
      if (gained < 1e-9 * (1 + Math.abs(value))) return { x, value }
    }
    if (!moved) break
  }
  return { x, value }
}

function newton(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const q = gradient.slice()
  const weights: number[] = []
  for (const { step, change, inverse } of pairs.toReversed()) {
    const weight = inverse * dot(step, q)
    weights.push(weight)
    addTo(q, change, -weight)
  }
  const last = pairs.at(-1)
  if (last !== undefined) {
    const scale = 1 / (last.inverse * dot(last.change, last.change))
    for (let index = 0; index < q.length; index++) q[index] = (q[index] as number) * scale
  }
  for (const { step, change, inverse } of pairs) {
    addTo(q, step, (weights.pop() as number) - inverse * dot(change, q))
  }
  return q
}

function addTo(a: Float64Array, b: Float64Array, factor: number): void {
  for (let index = 0; index < a.length; index++) a[index] = (a[index] as number) + factor * (b[index] as number)
}
