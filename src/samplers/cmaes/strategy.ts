/**
 * The covariance matrix adaptation evolution strategy, as pure steps from one generation to the next
 * (N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772, 2016; numbers of equations and tables are its own).
 */
import { eigen } from './eigen.ts'

export interface Constants {
  /** Trials in a generation. */
  readonly lambda: number
  /** By rank, the best first; those of the worse half are negative. */
  readonly weights: readonly number[]
  readonly mu: number
  readonly muEff: number
  readonly cSigma: number
  readonly dSigma: number
  readonly cC: number
  readonly c1: number
  readonly cMu: number
  /** Expected length of a standard normal vector. */
  readonly chiN: number
}

export const usualLambda = (n: number): number => 4 + Math.floor(3 * Math.log(n))

/** Table 1, with negative weights (eq. 49 to 53). */
export function constantsFor(n: number, lambda = usualLambda(n)): Constants {
  const mu = Math.floor(lambda / 2)
  const raw = Array.from({ length: lambda }, (_, i) => Math.log((lambda + 1) / 2) - Math.log(i + 1))
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const massOf = (values: readonly number[]) => sum(values) ** 2 / sum(values.map((value) => value * value))
  const muEff = massOf(raw.slice(0, mu))
  const negativeMass = massOf(raw.slice(mu))
  const cSigma = (muEff + 2) / (n + muEff + 5)
  const dSigma = 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma
  const cC = (4 + muEff / n) / (n + 4 + (2 * muEff) / n)
  const c1 = 2 / ((n + 1.3) ** 2 + muEff)
  const cMu = Math.min(1 - c1, (2 * (0.25 + muEff + 1 / muEff - 2)) / ((n + 2) ** 2 + muEff))
  const most = Math.min(1 + c1 / cMu, 1 + (2 * negativeMass) / (muEff + 2), (1 - c1 - cMu) / (n * cMu))
  const positive = sum(raw.filter((weight) => weight > 0))
  const negative = -sum(raw.filter((weight) => weight < 0))
  const weights = raw.map((weight) => (weight >= 0 ? weight / positive : (weight * most) / negative))
  const chiN = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
  return { lambda, weights, mu, muEff, cSigma, dSigma, cC, c1, cMu, chiN }
}

export interface State {
  readonly constants: Constants
  readonly generation: number
  readonly mean: Float64Array
  readonly sigma: number
  readonly covariance: Float64Array
  readonly pathSigma: Float64Array
  readonly pathC: Float64Array
  /** Square roots of the eigenvalues of the covariance, and its eigenvectors in columns. */
  readonly scales: Float64Array
  readonly axes: Float64Array
}

export function begin(mean: Float64Array, sigma: number, lambda?: number): State {
  const n = mean.length
  const identity = new Float64Array(n * n)
  for (let i = 0; i < n; i++) identity[i * n + i] = 1
  return {
    constants: constantsFor(n, lambda),
    generation: 0,
    mean,
    sigma,
    covariance: identity,
    pathSigma: new Float64Array(n),
    pathC: new Float64Array(n),
    scales: new Float64Array(n).fill(1),
    axes: identity.slice(),
  }
}

/** axes * (scales^power * (axes' * v)); power 1 is C^1/2, -1 is C^-1/2. */
export function along({ axes, scales }: State, v: Float64Array, power: 1 | -1): Float64Array {
  const n = v.length
  const result = new Float64Array(n)
  for (let k = 0; k < n; k++) {
    let part = 0
    for (let i = 0; i < n; i++) part += (axes[i * n + k] as number) * (v[i] as number)
    part *= (scales[k] as number) ** power
    for (let i = 0; i < n; i++) result[i] = (result[i] as number) + (axes[i * n + k] as number) * part
  }
  return result
}

const norm = (v: Float64Array): number => Math.hypot(...v)

/** The next generation's state from the points of this one, the best first. They may come from an older state: far ones are drawn in. */
export function advance(state: State, ranked: readonly Float64Array[]): State {
  const { constants, mean, sigma, covariance } = state
  const { weights, mu, muEff, cSigma, dSigma, cC, c1, cMu, chiN } = constants
  const n = mean.length
  // Injected points count as far as a sampled one may be (N. Hansen, "Injecting external solutions into CMA-ES", 2011, eq. 4).
  const farthest = Math.sqrt(n) + (2 * n) / (n + 2)
  const steps = ranked.map((point) => {
    const step = point.map((value, i) => (value - (mean[i] as number)) / sigma)
    const white = along(state, step, -1)
    const length = norm(white)
    const factor = length > farthest ? farthest / length : 1
    return { step: step.map((value) => value * factor), length: length * factor }
  })
  const move = new Float64Array(n)
  for (let rank = 0; rank < mu; rank++) {
    const { step } = steps[rank] as { step: Float64Array }
    for (let i = 0; i < n; i++) move[i] = (move[i] as number) + (weights[rank] as number) * (step[i] as number)
  }
  const white = along(state, move, -1)
  const pathSigma = state.pathSigma.map(
    (value, i) => (1 - cSigma) * value + Math.sqrt(cSigma * (2 - cSigma) * muEff) * (white[i] as number),
  )
  const length = norm(pathSigma)
  const grown = Math.sqrt(1 - (1 - cSigma) ** (2 * (state.generation + 1)))
  const calm = length / grown < (1.4 + 2 / (n + 1)) * chiN ? 1 : 0
  const pathC = state.pathC.map(
    (value, i) => (1 - cC) * value + calm * Math.sqrt(cC * (2 - cC) * muEff) * (move[i] as number),
  )
  const missing = (1 - calm) * cC * (2 - cC)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const next = covariance.map((value) => (1 + c1 * missing - c1 - cMu * total) * value)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let change = c1 * (pathC[i] as number) * (pathC[j] as number)
      for (const [rank, { step, length: white }] of steps.entries()) {
        const weight = weights[rank] as number
        const scaled = weight >= 0 ? weight : (weight * n) / Math.max(1e-12, white * white)
        change += cMu * scaled * (step[i] as number) * (step[j] as number)
      }
      next[i * n + j] = (next[i * n + j] as number) + change
    }
  }
  const { values, vectors } = eigen(next, n)
  return {
    constants,
    generation: state.generation + 1,
    mean: mean.map((value, i) => value + sigma * (move[i] as number)),
    sigma: Math.min(10, sigma * Math.exp(Math.min(1, (cSigma / dSigma) * (length / chiN - 1)))),
    covariance: next,
    pathSigma,
    pathC,
    scales: values.map((value) => Math.sqrt(Math.max(1e-20, value))),
    axes: vectors,
  }
}

/** Whether going on is of no use: too narrow, or too long drawn out (B.3). */
export function isSpent({ sigma, scales, pathC }: State): boolean {
  const widest = scales.reduce((most, scale) => Math.max(most, scale), 0)
  const narrowest = scales.reduce((least, scale) => Math.min(least, scale), Infinity)
  const narrow = sigma * widest < 1e-9 && pathC.every((value) => sigma * Math.abs(value) < 1e-9)
  return narrow || widest > 1e7 * narrowest
}
