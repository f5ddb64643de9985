/**
 * A Parzen estimator over a group of parameters: a mixture of products, one kernel for each observation and one, the prior, that is the
 * space's own law (J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011). A number without levels stands in the unit
 * interval under a truncated normal kernel; an ordinal has that kernel's mass in the cell of each level; a categorical has a kernel with
 * weight on the choice that was seen, the more the more kernels there are (S. Watanabe, "Tree-Structured Parzen Estimator", arXiv
 * 2304.11127, 2023): so a choice that was hardly tried is rare among the many bad trials, not among the few good ones, and is tried.
 *
 * Conditions: a point has a density over the parameters that are active in it. An observation in which one of them was not active says
 * nothing about it, so its kernel is the prior there.
 */
import type { Random } from '../random/index.ts'
import { quickAbove, rootTwoPi } from '../statistics/index.ts'
import { bandwidths } from './bandwidth.ts'

export interface Dimension {
  /** 'number': its row holds a place in the unit interval; 'level' and 'choice': an index. */
  readonly kind: 'number' | 'level' | 'choice'
  /** How many values a number has (Infinity without a step), or how many levels or choices there are. */
  readonly count: number
  /** Of levels: where the cell of each begins in the unit interval, and where the last one ends. */
  readonly edges?: Float64Array
  /** Where its value stands in an observation's row; NaN there where the parameter was not active. */
  readonly column: number
  /** Whether it has a value, given those of the dimensions before it; undefined: always. */
  readonly isActive?: (point: Float64Array) => boolean
}

export interface Parzen {
  /** Draws a point at random into `point`, at the dimensions' columns; NaN for a parameter that is not active. */
  draw(random: Random, point: Float64Array): void
  /** log density at a point; Infinity once it is sure to be `enough` or more. */
  logDensity(point: Float64Array, enough?: number): number
}

export interface ParzenOptions {
  readonly priorWeight: number
  /** Kernels of numbers are so much wider when points are drawn from them. */
  readonly widening: number
  /** How often each choice counts as seen beforehand: the fewer kernels there are, the wider they spread over the choices. */
  readonly smoothing: number
}

/** No kernel is narrower than one part in this many, so that points far from all kernels are still drawn sometimes. */
const narrowest = 100

/** `rows`: observations in the order of their weights. Dimensions: a parameter stands after the one that its condition names. */
export function parzen(
  dimensions: readonly Dimension[],
  rows: readonly Float64Array[],
  weights: readonly number[],
  { priorWeight, widening, smoothing }: ParzenOptions,
): Parzen {
  const seen = rows.length
  const kernels = seen + 1
  const total = weights.reduce((sum, weight) => sum + weight, seen === 0 ? 1 : priorWeight)
  const share = (kernel: number) => (kernel < seen ? (weights[kernel] as number) : seen === 0 ? 1 : priorWeight) / total
  const logScale = new Float64Array(kernels)
  for (let kernel = 0; kernel < kernels; kernel++) logScale[kernel] = Math.log(share(kernel))

  // Those that are always active come first: their scale is folded into the kernels' own.
  const alwaysFirst = (list: readonly Dimension[]) => [
    ...list.filter(({ isActive }) => isActive === undefined),
    ...list.filter(({ isActive }) => isActive !== undefined),
  ]
  const numbers = alwaysFirst(dimensions.filter(({ kind }) => kind === 'number'))
  const indexed = alwaysFirst(dimensions.filter(({ kind }) => kind !== 'number'))
  const numeric = numbers.length
  const listed = indexed.length
  const always = numbers.filter(({ isActive }) => isActive === undefined).length
  // By kernel, then by dimension: the innermost loop runs through them in order.
  const means = new Float64Array(kernels * numeric)
  const inverseWidths = new Float64Array(kernels * numeric)
  /** log of the integral of a kernel, of the numbers that are not always active. */
  const logIntegrals = new Float64Array(kernels * (numeric - always))

  const sorted = new Float64Array(seen)
  const order = new Int32Array(seen)
  const widths = new Float64Array(kernels)
  /** The width of each kernel along a dimension, in `widths`. Returns how many there are that have a place there. */
  const measure = (at: (kernel: number) => number): number => {
    let count = 0
    for (let kernel = 0; kernel < seen; kernel++) {
      const place = at(kernel)
      if (Number.isNaN(place)) continue
      sorted[count] = place
      order[count++] = kernel
    }
    const [values, indexes] = count === seen ? [sorted, order] : [sorted.subarray(0, count), order.subarray(0, count)]
    bandwidths(values, indexes, dimensions.length, widths)
    return count
  }
  const leastOf = (count: number) => 1 / Math.min(narrowest, 2 + count)

  // Where the row of a kernel begins in a dimension's table of logarithms; the prior's row is the last.
  const tables: Float64Array[] = []
  const offsets = new Int32Array(kernels * listed)
  for (const [n, { kind, count, edges, column }] of indexed.entries()) {
    const table = new Float64Array((count + 1) * count)
    tables.push(table)
    for (let kernel = 0; kernel < kernels; kernel++) {
      const row = kernel < seen ? ((rows[kernel] as Float64Array)[column] as number) : count
      offsets[kernel * listed + n] = (Number.isNaN(row) ? count : row) * count
    }
    if (kind === 'choice' || edges === undefined) {
      const spread = (smoothing * count) / (kernels + smoothing * count)
      const miss = Math.log(spread / count)
      const hit = Math.log(1 - spread + spread / count)
      table.fill(miss)
      for (let choice = 0; choice < count; choice++) table[choice * count + choice] = hit
      table.fill(-Math.log(count), count * count)
      continue
    }
    const middle = (level: number) => ((edges[level] as number) + (edges[level + 1] as number)) / 2
    const placed = measure((kernel) => middle((rows[kernel] as Float64Array)[column] as number))
    const atLevel = new Float64Array(count).fill(-1)
    for (let kernel = 0; kernel < seen; kernel++) {
      const level = (rows[kernel] as Float64Array)[column] as number
      if (!Number.isNaN(level)) atLevel[level] = widths[kernel] as number
    }
    for (let level = 0; level < count; level++) {
      const width = atLevel[level] as number
      if (width < 0) continue
      const size = (edges[level + 1] as number) - (edges[level] as number)
      fillLevels(table, level, edges, middle(level), Math.min(1, Math.max(leastOf(placed), 0.5 * size, width)))
    }
    for (let level = 0; level < count; level++) {
      table[count * count + level] = Math.log((edges[level + 1] as number) - (edges[level] as number))
    }
  }

  // Products of widths are taken to logarithms now and then only; a width times its share of the interval is never near nil.
  const scale = new Float64Array(kernels).fill(1)
  const settleScale = () => {
    for (let kernel = 0; kernel < kernels; kernel++) {
      logScale[kernel] = (logScale[kernel] as number) - Math.log(scale[kernel] as number)
    }
    scale.fill(1)
  }
  for (const [n, { column, count }] of numbers.entries()) {
    const placed = measure((kernel) => (rows[kernel] as Float64Array)[column] as number)
    const floor = Math.max(leastOf(placed), count === Infinity ? 0 : 0.5 / count)
    for (let kernel = 0; kernel <= seen; kernel++) {
      const seenAt = kernel < seen ? ((rows[kernel] as Float64Array)[column] as number) : Number.NaN
      const isPrior = Number.isNaN(seenAt)
      const mean = isPrior ? 0.5 : seenAt
      const width = isPrior ? 1 : Math.min(1, Math.max(floor, widths[kernel] as number))
      const inverse = 1 / width
      const place = kernel * numeric + n
      means[place] = mean
      inverseWidths[place] = inverse
      const integral = width * (1 - quickAbove((1 - mean) * inverse) - quickAbove(mean * inverse)) * rootTwoPi
      if (n < always) scale[kernel] = (scale[kernel] as number) * integral
      else logIntegrals[kernel * (numeric - always) + n - always] = Math.log(integral)
    }
    if (n % 32 === 31) settleScale()
  }
  settleScale()

  const cumulativeShares: number[] = []
  for (let kernel = 0, sum = 0; kernel < kernels; kernel++) cumulativeShares.push((sum += share(kernel)))
  const exponents = new Float64Array(kernels)
  const columns = Int32Array.from(numbers, ({ column }) => column)
  const indexColumns = Int32Array.from(indexed, ({ column }) => column)
  const coordinates = new Float64Array(numeric)
  const indexes = new Int32Array(listed)
  const drawn = dimensions.map((dimension) => ({
    ...dimension,
    n: (dimension.kind === 'number' ? numbers : indexed).indexOf(dimension),
  }))

  return {
    draw(random, point) {
      const pick = random.uniform()
      let kernel = 0
      while (kernel < seen && pick >= (cumulativeShares[kernel] as number)) kernel++
      for (const { kind, column, count, isActive, n } of drawn) {
        if (isActive?.(point) === false) point[column] = Number.NaN
        else if (kind === 'number') {
          const place = kernel * numeric + n
          point[column] = truncated(means[place] as number, widening / (inverseWidths[place] as number), random)
        } else {
          const table = tables[n] as Float64Array
          const from = offsets[kernel * listed + n] as number
          let left = random.uniform()
          let index = 0
          while (index < count - 1 && (left -= Math.exp(table[from + index] as number)) >= 0) index++
          point[column] = index
        }
      }
    },
    logDensity(point, enough = Infinity) {
      for (let n = 0; n < numeric; n++) coordinates[n] = point[columns[n] as number] as number
      for (let n = 0; n < listed; n++) {
        const index = point[indexColumns[n] as number] as number
        indexes[n] = Number.isNaN(index) ? -1 : index
      }
      let greatest = -Infinity
      for (let kernel = 0; kernel < kernels; kernel++) {
        let exponent = logScale[kernel] as number
        for (let n = 0, at = kernel * listed; n < listed; n++, at++) {
          const index = indexes[n] as number
          if (index >= 0) exponent += (tables[n] as Float64Array)[(offsets[at] as number) + index] as number
        }
        for (let n = always; n < numeric; n++) {
          const at = coordinates[n] as number
          if (Number.isNaN(at)) continue
          const place = kernel * numeric + n
          const z = (at - (means[place] as number)) * (inverseWidths[place] as number)
          exponent -= 0.5 * z * z + (logIntegrals[kernel * (numeric - always) + n - always] as number)
        }
        // What comes to less than the last bit of the sum is not worked out to its end.
        const most = 2 * (exponent - greatest + negligible)
        let square = 0
        let place = kernel * numeric
        for (let n = 0; n < always && square < most; n++, place++) {
          const z = ((coordinates[n] as number) - (means[place] as number)) * (inverseWidths[place] as number)
          square += z * z
        }
        exponent -= 0.5 * square
        exponents[kernel] = exponent
        if (exponent > greatest) {
          if (exponent >= enough) return Infinity
          greatest = exponent
        }
      }
      let sum = 0
      for (let kernel = 0; kernel < kernels; kernel++) {
        const exponent = (exponents[kernel] as number) - greatest
        if (exponent > -negligible) sum += Math.exp(exponent)
      }
      return greatest + Math.log(sum)
    },
  }
}

/** e^-40 of the greatest summand is less than its last bit. */
const negligible = 40

/** log mass of a truncated normal kernel in the cell of each level. */
function fillLevels(table: Float64Array, level: number, edges: Float64Array, mean: number, width: number): void {
  const count = edges.length - 1
  const from = level * count
  let sum = 0
  for (let to = 0; to < count; to++) {
    const mass = between(((edges[to] as number) - mean) / width, ((edges[to + 1] as number) - mean) / width)
    table[from + to] = mass
    sum += mass
  }
  // No level is out of reach: a rounded 0 would be a density of nil.
  for (let to = 0; to < count; to++) table[from + to] = Math.log(Math.max(1e-9, (table[from + to] as number) / sum))
}

/** P(low < Z < high); each on the side where it does not cancel. */
function between(low: number, high: number): number {
  if (low >= 0) return quickAbove(low) - quickAbove(high)
  return high <= 0 ? quickAbove(-high) - quickAbove(-low) : 1 - quickAbove(-low) - quickAbove(high)
}

function truncated(mean: number, width: number, random: Random): number {
  for (let count = 0; count < 64; count++) {
    const value = mean + width * random.normal()
    if (value >= 0 && value <= 1) return value
  }
  return random.uniform()
}
