/** How wide the kernels of a Parzen estimator are along one dimension. */

/** Of the rule's width, which is that for one normal hill: good trials lie on several, and those of one that is found are close together. */
const ofRule = 0.5

/**
 * Sorts `places`, and the numbers of their kernels in `order` with them; writes the width of each kernel into `widths`, by its number.
 * Where `dimensions` are modelled together, all are alike, by D. Scott's rule ("Multivariate Density Estimation", 1992, eq. 6.42): the more
 * dimensions, the wider, for a kernel has neighbours in all of them at once. With the distance to neighbours along one dimension, which
 * are far away in the others, nothing but a kernel's own place was likely: with 8 and 64 workers, where many trials are drawn from one
 * estimator, regret was nearly twice as much. Of a dimension alone, each reaches as far as the farther of its neighbours.
 */
export function bandwidths(places: Float64Array, order: Int32Array, dimensions: number, widths: Float64Array): void {
  sortWith(places, order)
  if (dimensions === 1) return gapsAround(places, order, widths)
  const width = ofRule * spreadOf(places) * places.length ** (-1 / (dimensions + 4))
  for (const kernel of order) widths[kernel] = width
}

/** The deviation; of places with a few far ones, that of a normal law with the same quartiles. Of one alone, that of the unit interval. */
function spreadOf(sorted: Float64Array): number {
  const n = sorted.length
  if (n < 2) return Math.sqrt(1 / 12)
  let sum = 0
  for (let at = 0; at < n; at++) sum += sorted[at] as number
  let squares = 0
  for (let at = 0; at < n; at++) squares += ((sorted[at] as number) - sum / n) ** 2
  const deviation = Math.sqrt(squares / (n - 1))
  const quartile = (q: number) => sorted[Math.floor(q * (n - 1))] as number
  const byQuartiles = (quartile(0.75) - quartile(0.25)) / 1.34
  return n >= 4 && byQuartiles > 0 ? Math.min(deviation, byQuartiles) : deviation
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
  if (last < 0) return
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
