/** Student's t distribution, by the regularized incomplete beta function (continued fraction, Lentz; DLMF 8.17.22). */

const smallest = 1e-300
const precision = 1e-14

/** Two-sided p-value of a t statistic with `freedom` degrees of freedom; NaN of what is no number. */
export function twoSided(t: number, freedom: number): number {
  if (Number.isNaN(t) || !(freedom > 0)) return NaN
  if (!Number.isFinite(t)) return 0
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
}

/** The t that is exceeded, either way, with this probability: the half width of a confidence interval in standard errors. */
export function criticalT(probability: number, freedom: number): number {
  let low = 0
  let high = 1
  while (Number.isFinite(high) && twoSided(high, freedom) > probability) high *= 2
  for (let step = 0; step < 100 && high - low > 1e-10 * high; step += 1) {
    const middle = (low + high) / 2
    if (twoSided(middle, freedom) > probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** I_x(a, b) */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  // The fraction converges fast on this side only; the other follows by symmetry.
  if (x < (a + 1) / (a + b + 2)) return (front * fraction(x, a, b)) / a
  return 1 - (front * fraction(1 - x, b, a)) / b
}

function fraction(x: number, a: number, b: number): number {
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let value = d
  for (let m = 1; m <= 500; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    value *= d * c
    if (Math.abs(d * c - 1) < precision) break
  }
  return value
}

const away = (value: number) => (Math.abs(value) < smallest ? smallest : value)

/** Lanczos, g = 7, n = 9. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

function logGamma(z: number): number {
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z)
  const x = z - 1
  const t = x + 7.5
  let sum = lanczos[0] ?? 0
  for (let i = 1; i < lanczos.length; i += 1) sum += (lanczos[i] ?? 0) / (x + i)
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(sum)
}
