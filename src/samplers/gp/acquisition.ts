/** Acquisition functions for minimization: they turn the posterior at a point into a number, the larger the more promising. */
import { logCumulative, logImprovement } from '../../statistics/index.ts'
import type { Posterior } from './process.ts'

export const acquisitions = ['logEI', 'EI', 'PI', 'LCB'] as const
export type AcquisitionName = (typeof acquisitions)[number]

interface Promise_ {
  readonly value: number
  readonly onMean: number
  readonly onDeviation: number
}

/** The promise and its slopes by mean and standard deviation. `best`: the least value so far; `kappa`: of LCB. */
export function promise(name: AcquisitionName, mean: number, deviation: number, best: number, kappa: number): Promise_ {
  const z = (best - mean) / deviation
  switch (name) {
    case 'LCB':
      return { value: kappa * deviation - mean, onMean: -1, onDeviation: kappa }
    case 'PI': {
      const { value, slope } = logCumulative(z)
      return { value, onMean: -slope / deviation, onDeviation: (-slope * z) / deviation }
    }
    default: {
      const { value, slope } = logImprovement(z)
      const log = Math.log(deviation) + value
      const onMean = -slope / deviation
      const onDeviation = (1 - slope * z) / deviation
      if (name === 'logEI') return { value: log, onMean, onDeviation }
      const improvement = Math.exp(log)
      return { value: improvement, onMean: improvement * onMean, onDeviation: improvement * onDeviation }
    }
  }
}

/** The promise as a function of the point; with a gradient by column if it is given. */
export function acquisition(
  name: AcquisitionName,
  posterior: Posterior,
  best: number,
  kappa: number,
  columns: number,
): (x: ArrayLike<number>, gradient?: Float64Array) => number {
  const slopes = { mean: new Float64Array(columns), variance: new Float64Array(columns) }
  return (x, gradient) => {
    const { mean, variance } = posterior.at(x, gradient === undefined ? undefined : slopes)
    const deviation = Math.sqrt(variance)
    const { value, onMean, onDeviation } = promise(name, mean, deviation, best, kappa)
    if (gradient === undefined) return value
    for (let column = 0; column < columns; column++) {
      gradient[column] =
        onMean * (slopes.mean[column] as number) + (onDeviation * (slopes.variance[column] as number)) / (2 * deviation)
    }
    return value
  }
}
