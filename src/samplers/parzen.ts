/**
 * A Parzen estimator over a group of parameters: a mixture of products, one kernel for each observation and one, the prior, that
 * covers everything. Numbers stand in the unit interval under truncated normal kernels whose width is the distance to the farther
 * neighbour (J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011); categoricals have a kernel with most of its
 * weight on the choice that was seen (S. Watanabe, "Tree-Structured Parzen Estimator", arXiv 2304.11127, 2023).
 */
import type { Random } from '../random/index.ts'
import { quickAbove, rootTwoPi } from '../statistics/index.ts'

export interface Dimension {
  /** Choices of a categorical; 0: a number. */
  readonly choices: number
  /** How many values a number has; Infinity without a step. */
  readonly count: number
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
  /** Kernels are so much wider when points are drawn from them. */
  readonly widening: number
}

/** No kernel is narrower than one part in this many, so that points far from all kernels are still drawn sometimes. */
const narrowest = 100

/** `rows`: observations in the order of their weights. */
export function parzen(
  dimensions: readonly Dimension[],
  rows: readonly Float64Array[],
  weights: readonly number[],
  { priorWeight, widening }: ParzenOptions,
): Parzen {
  const seen = rows.length
  const kernels = seen + 1
  const numbers = dimensions.filter(({ choices }) => choices === 0)
  const categories = dimensions.filter(({ choices }) => choices > 0)
  const numeric = numbers.length
  const categorical = categories.length
  // By kernel, then by dimension: the innermost loop runs through them in order.
  const means = new Float64Array(kernels * numeric)
  const inverseWidths = new Float64Array(kernels * numeric)
  const likeliest = new Float64Array(kernels * categorical)
  const logScale = new Float64Array(kernels)
  const total = weights.reduce((sum, weight) => sum + weight, seen === 0 ? 1 : priorWeight)
  const share = (kernel: number) => (kernel < seen ? (weights[kernel] as number) : seen === 0 ? 1 : priorWeight) / total
  for (let kernel = 0; kernel < kernels; kernel++) logScale[kernel] = Math.log(share(kernel))

  const spread = Math.max(priorWeight, 1e-12) / kernels
  const hit = Float64Array.from(categories, ({ choices }) => Math.log((1 + spread) / (1 + spread * choices)))
  const miss = Float64Array.from(categories, ({ choices }) => Math.log(spread / (1 + spread * choices)))
  for (const [c, { choices, column }] of categories.entries()) {
    for (let kernel = 0; kernel < seen; kernel++) {
      likeliest[kernel * categorical + c] = (rows[kernel] as Float64Array)[column] as number
    }
    likeliest[seen * categorical + c] = -1
    logScale[seen] = (logScale[seen] as number) - Math.log(choices)
  }

  // Products of widths are taken to logarithms now and then only; a width times its share of the interval is never near nil.
  const scale = new Float64Array(kernels).fill(1)
  const settleScale = () => {
    for (let kernel = 0; kernel < kernels; kernel++) {
      logScale[kernel] = (logScale[kernel] as number) - Math.log(scale[kernel] as number)
    }
    scale.fill(1)
  }
  const sorted = new Float64Array(seen)
  const order = new Int32Array(seen)
  const gaps = new Float64Array(kernels)
  for (const [n, { column, count }] of numbers.entries()) {
    for (let kernel = 0; kernel < seen; kernel++) {
      sorted[kernel] = (rows[kernel] as Float64Array)[column] as number
      order[kernel] = kernel
    }
    sortWith(sorted, order)
    gapsAround(sorted, order, gaps)
    const least = Math.max(1 / Math.min(narrowest, 1 + kernels), count === Infinity ? 0 : 0.5 / count)
    for (let kernel = 0; kernel <= seen; kernel++) {
      const mean = kernel < seen ? ((rows[kernel] as Float64Array)[column] as number) : 0.5
      const width = kernel < seen ? Math.min(1, Math.max(least, gaps[kernel] as number)) : 1
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
  const coordinates = new Float64Array(numeric)

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
      for (const [c, { column, choices }] of categories.entries()) {
        const choice = likeliest[kernel * categorical + c] as number
        const stays = choice >= 0 && random.uniform() < Math.exp(hit[c] as number) - Math.exp(miss[c] as number)
        point[column] = stays ? choice : random.integer(choices)
      }
    },
    logDensity(point, enough = Infinity) {
      for (let n = 0; n < numeric; n++) coordinates[n] = point[columns[n] as number] as number
      let greatest = -Infinity
      for (let kernel = 0; kernel < kernels; kernel++) {
        let exponent = logScale[kernel] as number
        if (kernel < seen) {
          for (let c = 0; c < categorical; c++) {
            const same = likeliest[kernel * categorical + c] === point[(categories[c] as Dimension).column]
            exponent += (same ? hit[c] : miss[c]) as number
          }
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
