/** The standard normal distribution, and the logarithms that acquisition functions need, without cancellation in the tails. */

export const rootTwoPi = Math.sqrt(2 * Math.PI)

const density = (z: number): number => Math.exp(-0.5 * z * z) / rootTwoPi

/** Below this the continued fraction is quicker than the series. */
const tail = 3

/**
 * The part after x in 1 / M(x) = x + 1 / (x + 2 / (x + 3 / …)), where M is Mills' ratio, (1 - cdf) / density (Laplace, 1805).
 * For x of 1 and more.
 */
function afterFirst(x: number): number {
  let value = x
  for (let k = x < tail ? 120 : 40; k >= 2; k--) value = x + k / value
  return 1 / value
}

/** P(Z <= z); 15 digits, relative in the lower tail. */
export function cumulative(z: number): number {
  if (z > tail) return 1 - cumulative(-z)
  if (z < -tail) return density(z) / (-z + afterFirst(-z))
  // Marsaglia, "Evaluating the Normal Distribution", J. Stat. Softw. 11(4), 2004.
  let term = z
  let sum = z
  for (let k = 3; Math.abs(term) > 1e-17; k += 2) {
    term *= (z * z) / k
    sum += term
  }
  return 0.5 + sum * density(z)
}

/**
 * P(Z > z) for z >= 0, off by less than 7.5e-8, and several times quicker than `cumulative` (Abramowitz and Stegun 26.2.17). Beyond 6
 * it is 0, for the probability is less than that error.
 */
export function quickAbove(z: number): number {
  if (z > 6) return 0
  const t = 1 / (1 + 0.2316419 * z)
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return (poly * Math.exp(-0.5 * z * z)) / rootTwoPi
}

/** z with P(Z > z) = p, for p up to 0.5, off by less than 4.5e-4 (Abramowitz and Stegun 26.2.23). */
export function quantileAbove(p: number): number {
  const t = Math.sqrt(-2 * Math.log(p))
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
}

/**
 * log h(z) and its slope, where h(z) = density(z) + z * cumulative(z) is expected improvement in units of sigma (S. Ament et al.,
 * "Unexpected Improvements to Expected Improvement", 2023).
 */
export function logImprovement(z: number): { readonly value: number; readonly slope: number } {
  if (z > -1) {
    const below = cumulative(z)
    const improvement = density(z) + z * below
    return { value: Math.log(improvement), slope: below / improvement }
  }
  // h = density * (1 - x M(x)) with x = -z, and 1 - x M = c / (x + c).
  const c = afterFirst(-z)
  return { value: -0.5 * z * z - Math.log(rootTwoPi) + Math.log(c) - Math.log(-z + c), slope: 1 / c }
}

/** log P(Z <= z) and its slope. */
export function logCumulative(z: number): { readonly value: number; readonly slope: number } {
  if (z > -1) {
    const below = cumulative(z)
    return { value: Math.log(below), slope: density(z) / below }
  }
  const inverseMills = -z + afterFirst(-z)
  return { value: -0.5 * z * z - Math.log(rootTwoPi) - Math.log(inverseMills), slope: inverseMills }
}
