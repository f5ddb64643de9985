/**
 * A Parzen estimator over a group of parameters: a mixture of products, one kernel for each observation and one, the prior, that is the
 * space's own law (J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011). A number without levels stands in the unit
 * interval under a truncated normal kernel; an ordinal has that kernel's mass in the cell of each level; a categorical has a kernel with
 * most of its weight on the choice that was seen (S. Watanabe, "Tree-Structured Parzen Estimator", arXiv 2304.11127, 2023).
 */
import type { Random } from '../random/index.ts'
import { quickAbove, rootTwoPi } from '../statistics/index.ts'

export interface Dimension {
  /** 'number': its row holds a place in the unit interval; 'level' and 'choice': an index. */
  readonly kind: 'number' | 'level' | 'choice'
  /** How many values a number has (Infinity without a step), or how many levels or choices there are. */
  readonly count: number
  /** Of levels: where the cell of each begins in the unit interval, and where the last one ends. */
  readonly edges?: Float64Array
  /** Where its value stands in an observation's row. */
  readonly column: number
}

export interface Parzen {
  /** Draws a point at random into `point`, at the dimensions' columns. */
  draw(random: Random, point: Float64Array): void
  /** log density at a point; Infinity once it is sure to be `enough` or more. */
  logDensity(point: Float64Array, enough?: number): number
}

export interface ParzenOptions {
  readonly priorWeight: number
  /** Kernels of numbers are so much wider when points are drawn from them. */
  readonly widening: number
  /** The part of a categorical kernel that is spread over all choices. */
  readonly smoothing: number
}

/** No kernel is narrower than one part in this many, so that points far from all kernels are still drawn sometimes. */
const narrowest = 100

/** `rows`: observations in the order of their weights. */
export function parzen(
  dimensions: readonly Dimension[],
  rows: readonly Float64Array[],
  weights: readonly number[],
  { priorWeight, widening, smoothing }: ParzenOptions,
): Parzen {
  const seen = rows.length
  const kernels = seen + 1
  const numbers = dimensions.filter(({ kind }) => kind === 'number')
  const indexed = dimensions.filter(({ kind }) => kind !== 'number')
  const numeric = numbers.length
  const listed = indexed.length
  // By kernel, then by dimension: the innermost loop runs through them in order.
  const means = new Float64Array(kernels * numeric)
  const inverseWidths = new Float64Array(kernels * numeric)
  const logScale = new Float64Array(kernels)
  const total = weights.reduce((sum, weight) => sum + weight, seen === 0 ? 1 : priorWeight)
  const share = (kernel: number) => (kernel < seen ? (weights[kernel] as number) : seen === 0 ? 1 : priorWeight) / total
  for (let kernel = 0; kernel < kernels; kernel++) logScale[kernel] = Math.log(share(kernel))

  const sorted = new Float64Array(seen)
  const order = new Int32Array(seen)
  const gaps = new Float64Array(kernels)
  /** The distance of each kernel to its neighbours along a dimension, in `gaps`. */
  const measure = (at: (kernel: number) => number) => {
    for (let kernel = 0; kernel < seen; kernel++) {
      sorted[kernel] = at(kernel)
      order[kernel] = kernel
    }
    sortWith(sorted, order)
    gapsAround(sorted, order, gaps)
  }
  const least = 1 / Math.min(narrowest, 1 + kernels)

  // Where the row of a kernel begins in a dimension's table of logarithms; the prior's row is the last.
  const tables: Float64Array[] = []
  const offsets = new Int32Array(kernels * listed)
  for (const [n, { kind, count, edges, column }] of indexed.entries()) {
    const table = new Float64Array((count + 1) * count)
    tables.push(table)
    for (let kernel = 0; kernel < kernels; kernel++) {
      const row = kernel < seen ? ((rows[kernel] as Float64Array)[column] as number) : count
      offsets[kernel * listed + n] = row * count
    }
    if (kind === 'choice' || edges === undefined) {
      const miss = Math.log(smoothing / count)
      const hit = Math.log(1 - smoothing + smoothing / count)
      table.fill(miss)
      for (let choice = 0; choice < count; choice++) table[choice * count + choice] = hit
      table.fill(-Math.log(count), count * count)
      continue
    }
    const middle = (level: number) => ((edges[level] as number) + (edges[level + 1] as number)) / 2
    measure((kernel) => middle((rows[kernel] as Float64Array)[column] as number))
    const widths = new Float64Array(count).fill(-1)
    for (let kernel = 0; kernel < seen; kernel++) {
      widths[(rows[kernel] as Float64Array)[column] as number] = gaps[kernel] as number
    }
    for (let level = 0; level < count; level++) {
      const width = widths[level] as number
      if (width < 0) continue
      const size = (edges[level + 1] as number) - (edges[level] as number)
      fillLevels(table, level, edges, middle(level), Math.min(1, Math.max(least, 0.5 * size, width)))
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
    measure((kernel) => (rows[kernel] as Float64Array)[column] as number)
    const floor = Math.max(least, count === Infinity ? 0 : 0.5 / count)
    for (let kernel = 0; kernel <= seen; kernel++) {
      const mean = kernel < seen ? ((rows[kernel] as Float64Array)[column] as number) : 0.5
      const width = kernel < seen ? Math.min(1, Math.max(floor, gaps[kernel] as number)) : 1
      const inverse = 1 / width
      const place = kernel * numeric + n
      means[place] = mean
      inverseWidths[place] = inverse
      const inside = 1 - quickAbove((1 - mean) * inverse) - quickAbove(mean * inverse)
      scale[kernel] = (scale[kernel] as number) * width * inside * rootTwoPi
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

  return {
    draw(random, point) {
      const pick = random.uniform()
      let kernel = 0
      while (kernel < seen && pick >= (cumulativeShares[kernel] as number)) kernel++
      for (let n = 0; n < numeric; n++) {
        const place = kernel * numeric + n
        const width = widening / (inverseWidths[place] as number)
        point[columns[n] as number] = truncated(means[place] as number, width, random)
      }
      for (let n = 0; n < listed; n++) {
        const table = tables[n] as Float64Array
        const from = offsets[kernel * listed + n] as number
        const last = (indexed[n] as Dimension).count - 1
        let left = random.uniform()
        let index = 0
        while (index < last && (left -= Math.exp(table[from + index] as number)) >= 0) index++
        point[indexColumns[n] as number] = index
      }
    },
    logDensity(point, enough = Infinity) {
      for (let n = 0; n < numeric; n++) coordinates[n] = point[columns[n] as number] as number
      for (let n = 0; n < listed; n++) indexes[n] = point[indexColumns[n] as number] as number
      let greatest = -Infinity
      for (let kernel = 0; kernel < kernels; kernel++) {
        let exponent = logScale[kernel] as number
        for (let n = 0, at = kernel * listed; n < listed; n++, at++) {
          exponent += (tables[n] as Float64Array)[(offsets[at] as number) + (indexes[n] as number)] as number
        }
        // What comes to less than the last bit of the sum is not worked out to its end.
        const most = 2 * (exponent - greatest + negligible)
        let square = 0
        let place = kernel * numeric
        for (let n = 0; n < numeric && square < most; n++, place++) {
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

/** Sorts values, and their indexes with them (Shell, 1959): an engine's own sort costs more than all the rest on lists this short. */
function sortWith(values: Float64Array, order: Int32Array): void {
  for (const gap of [57, 23, 10, 4, 1]) {
    for (let at = gap; at < values.length; at++) {
      const value = values[at] as number
      const index = order[at] as number
      let to = at
      while (to >= gap && (values[to - gap] as number) > value) {
        values[to] = values[to - gap] as number
        order[to] = order[to - gap] as number
        to -= gap
      }
      values[to] = value
      order[to] = index
    }
  }
}

/** The distance of each to the farther of its neighbours; for the first and the last, to the only one. Equal ones have the same. */
function gapsAround(sorted: Float64Array, order: Int32Array, gaps: Float64Array): void {
  const last = sorted.length - 1
  if (last === 0) {
    gaps[0] = Math.max(sorted[0] as number, 1 - (sorted[0] as number))
    return
  }
  for (let at = 0, first = 0; at <= last; at++) {
    const mean = sorted[at] as number
    if (mean !== sorted[first]) first = at
    const left = first === 0 ? 0 : mean - (sorted[first - 1] as number)
    const right = first === last ? 0 : (sorted[first + 1] as number) - mean
    gaps[order[at] as number] = Math.max(left, right)
  }
}

function truncated(mean: number, width: number, random: Random): number {
  for (let count = 0; count < 64; count++) {
    const value = mean + width * random.normal()
    if (value >= 0 && value <= 1) return value
  }
  return random.uniform()
}
