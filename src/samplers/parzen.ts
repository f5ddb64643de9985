/**
 * A Parzen estimator over a group of parameters: a mixture of products, one kernel for each observation and one, the prior, that
 * covers everything. Numbers stand in the unit interval under truncated normal kernels whose width is the distance to the farther
 * neighbour (J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011); categoricals have a kernel with most of its
 * weight on the choice that was seen (S. Watanabe, "Tree-Structured Parzen Estimator", arXiv 2304.11127, 2023).
 */
import type { Random } from '../random/index.ts'

export interface Dimension {
  /** Choices of a categorical; 0: a number. */
  readonly choices: number
  /** How many values a number has; Infinity without a step. */
  readonly count: number
  /** Where its value stands in an observation's row. */
  readonly column: number
}

export interface Parzen {
  /** Puts a point by chance into `point`, at the dimensions' columns. */
  draw(random: Random, point: Float64Array): void
  /** log density at a point. */
  logDensity(point: Float64Array): number
}

export interface ParzenOptions {
  readonly priorWeight: number
  /** Kernels are so much wider when points are drawn from them. */
  readonly widening: number
}

/** Chance that a point by chance keeps away from every kernel is never nil: no kernel is narrower than this. */
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
  const size = dimensions.length
  const means = new Float64Array(kernels * size)
  const inverseWidths = new Float64Array(kernels * size)
  const logScale = new Float64Array(kernels)
  const total = weights.reduce((sum, weight) => sum + weight, seen === 0 ? 1 : priorWeight)
  const share = (kernel: number) => (kernel < seen ? (weights[kernel] as number) : seen === 0 ? 1 : priorWeight) / total
  for (let kernel = 0; kernel < kernels; kernel++) logScale[kernel] = Math.log(share(kernel))

  const numbers: number[] = []
  const choices: number[] = []
  const hit: number[] = []
  const miss: number[] = []
  const at = new Float64Array(seen)
  const sorted = new Float64Array(seen)
  for (const [d, { choices: count, column, count: values }] of dimensions.entries()) {
    if (count > 0) {
      choices.push(d)
      const spread = Math.max(priorWeight, 1e-12) / kernels
      const norm = 1 + spread * count
      hit[d] = Math.log((1 + spread) / norm)
      miss[d] = Math.log(spread / norm)
      for (let kernel = 0; kernel < seen; kernel++)
        means[kernel * size + d] = (rows[kernel] as Float64Array)[column] as number
      means[seen * size + d] = -1
      logScale[seen] = (logScale[seen] as number) - Math.log(count)
      continue
    }
    numbers.push(d)
    for (let kernel = 0; kernel < seen; kernel++) at[kernel] = (rows[kernel] as Float64Array)[column] as number
    sorted.set(at)
    sorted.sort()
    const least = Math.max(1 / Math.min(narrowest, 1 + kernels), values === Infinity ? 0 : 0.5 / values)
    for (let kernel = 0; kernel <= seen; kernel++) {
      const mean = kernel < seen ? (at[kernel] as number) : 0.5
      const width = kernel < seen ? Math.min(1, Math.max(least, gapAround(sorted, mean))) : 1
      means[kernel * size + d] = mean
      inverseWidths[kernel * size + d] = 1 / width
      const inside = roughCumulative((1 - mean) / width) - roughCumulative(-mean / width)
      logScale[kernel] = (logScale[kernel] as number) - Math.log(width * inside * rootTwoPi)
    }
  }

  const cumulativeShares: number[] = []
  for (let kernel = 0, sum = 0; kernel < kernels; kernel++) cumulativeShares.push((sum += share(kernel)))
  const exponents = new Float64Array(kernels)
  // For the innermost loop: nothing but flat arrays.
  const numeric = numbers.length
  const numberPlaces = Int32Array.from(numbers)
  const numberColumns = Int32Array.from(numbers, (d) => (dimensions[d] as Dimension).column)
  const coordinates = new Float64Array(numeric)

  return {
    draw(random, point) {
      const pick = random.uniform()
      let kernel = 0
      while (kernel < seen && pick >= (cumulativeShares[kernel] as number)) kernel++
      for (const d of numbers) {
        const { column } = dimensions[d] as Dimension
        point[column] = truncated(
          means[kernel * size + d] as number,
          widening / (inverseWidths[kernel * size + d] as number),
          random,
        )
      }
      for (const d of choices) {
        const { column, choices: count } = dimensions[d] as Dimension
        const likeliest = means[kernel * size + d] as number
        const stays = likeliest >= 0 && random.uniform() < Math.exp(hit[d] as number) - Math.exp(miss[d] as number)
        point[column] = stays ? likeliest : random.integer(count)
      }
    },
    logDensity(point) {
      let greatest = -Infinity
      for (let n = 0; n < numeric; n++) coordinates[n] = point[numberColumns[n] as number] as number
      for (let kernel = 0; kernel < kernels; kernel++) {
        let square = 0
        const base = kernel * size
        for (let n = 0; n < numeric; n++) {
          const place = base + (numberPlaces[n] as number)
          const z = ((coordinates[n] as number) - (means[place] as number)) * (inverseWidths[place] as number)
          square += z * z
        }
        let exponent = (logScale[kernel] as number) - 0.5 * square
        if (kernel < seen && choices.length > 0) {
          for (const d of choices) {
            const same = means[base + d] === point[(dimensions[d] as Dimension).column]
            exponent += (same ? hit[d] : miss[d]) as number
          }
        }
        exponents[kernel] = exponent
        if (exponent > greatest) greatest = exponent
      }
      let sum = 0
      for (let kernel = 0; kernel < kernels; kernel++) {
        const exponent = (exponents[kernel] as number) - greatest
        // What is left out is less than the last bit of the sum.
        if (exponent > -40) sum += Math.exp(exponent)
      }
      return greatest + Math.log(sum)
    },
  }
}

const rootTwoPi = Math.sqrt(2 * Math.PI)

/** The distance of a mean to the farther of its neighbours; for the first and the last, to the only one. */
function gapAround(sorted: Float64Array, mean: number): number {
  const last = sorted.length - 1
  if (last === 0) return Math.max(mean, 1 - mean)
  let low = 0
  let high = last
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < mean) low = middle + 1
    else high = middle
  }
  const left = low === 0 ? 0 : mean - (sorted[low - 1] as number)
  const right = low === last ? 0 : (sorted[low + 1] as number) - mean
  return Math.max(left, right)
}

function truncated(mean: number, width: number, random: Random): number {
  for (let count = 0; count < 64; count++) {
    const value = mean + width * random.normal()
    if (value >= 0 && value <= 1) return value
  }
  return random.uniform()
}

/** The normal law to seven digits, quickly: only for the share of a kernel inside of the interval (Abramowitz and Stegun 26.2.17). */
function roughCumulative(z: number): number {
  const x = Math.abs(z)
  const t = 1 / (1 + 0.2316419 * x)
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const above = (poly * Math.exp(-0.5 * x * x)) / rootTwoPi
  return z >= 0 ? 1 - above : above
}
