/**
 * Means and deviations of any finite numbers: where a sum or a square overflows, the same is computed of scaled numbers.
 * I1 Numbers whose sums do not overflow give what the plain formula gives, to the last bit.
 */

/** A power of two, so that scaling rounds nothing but numbers that are nil beside the others. */
const down = 2 ** -64
const up = 2 ** 64

const clamp = (value: number): number => Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value))

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** NaN of no values. */
export function mean(values: readonly number[]): number {
  const plain = sumOf(values) / values.length
  if (Number.isFinite(plain) || !values.every(Number.isFinite)) return plain
  return clamp((sumOf(values.map((value) => value * down)) / values.length) * up)
}

/** The number in the middle between two. */
export function midpoint(one: number, other: number): number {
  const plain = (one + other) / 2
  return Number.isFinite(plain) ? plain : one / 2 + other / 2
}

/**
 * The standard deviation; `free` is taken off the count: 0 for the deviation of these values, 1 for an estimate of the deviation
 * of what they were drawn from. At most the largest double; NaN of too few values.
 */
export function deviation(values: readonly number[], free: 0 | 1 = 0): number {
  const center = mean(values)
  const count = values.length - free
  const plain = sumOf(values.map((value) => (value - center) ** 2)) / count
  // Below this, squares may have underflowed.
  if (plain > 1e-280 && plain < Infinity) return Math.sqrt(plain)
  // Halves, for the distance between two doubles may overflow.
  const halves = values.map((value) => value / 2 - center / 2)
  const most = halves.reduce((largest, half) => Math.max(largest, Math.abs(half)), 0)
  if (!(most > 0)) return count > 0 ? most : NaN
  return clamp(Math.sqrt(sumOf(halves.map((half) => (half / most) ** 2)) / count) * most * 2)
}
