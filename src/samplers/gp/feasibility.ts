/**
 * How likely it is that a trial does not fail and keeps the objective's limits, each by a Gaussian process of its own (J. Gardner et al.,
 * "Bayesian Optimization with Inequality Constraints", 2014; M. Gelbart et al., "Bayesian Optimization with Unknown Constraints", 2014).
 */
import { own, type Limit } from '../../../protocol/index.ts'
import { violationOf } from '../../pareto/index.ts'
import { deviation } from '../../statistics/index.ts'
import type { Entry } from '../ledger.ts'
import { acquisition } from './acquisition.ts'
import type { Promises } from './candidates.ts'
import { fitKernel, posterior, type Kernel } from './process.ts'

type Row = Float64Array

const half = Math.log(0.5)
const weight = 20

interface Used {
  readonly entries: readonly Entry<Row>[]
  readonly points: readonly Row[]
}

const violation = ({ standing, observation }: Entry<Row>, limits: readonly Limit[]): number =>
  standing === 'done' ? violationOf(observation.metrics, limits) : Infinity

/** Whether a trial came to a value and keeps the limits; without limits, each counts. */
export const keepsLimits = (entry: Entry<Row>, limits: readonly Limit[]): boolean =>
  limits.length === 0 || violation(entry, limits) === 0

/** The index of the trial that the search is continued from: the best that keeps the limits, or else the one that breaks them least. */
export function leading(entries: readonly Entry<Row>[], values: ArrayLike<number>, limits: readonly Limit[]): number {
  const beyond = entries.map((entry) => (limits.length === 0 ? 0 : violation(entry, limits)))
  const better = (one: number, other: number) =>
    beyond[one] === beyond[other]
      ? (values[one] as number) < (values[other] as number)
      : (beyond[one] as number) < (beyond[other] as number)
  return entries.reduce((best, _, index) => (better(index, best) ? index : best), 0)
}

/** Promises the same everywhere: then the chance alone decides. */
export const flat: Promises = (_, gradient) => {
  gradient?.fill(0)
  return 0
}

/** Adds the logarithm of the chance to promises that are logarithms. */
export function feasibly(
  promises: Promises,
  used: Used,
  groups: readonly number[],
  kernel: Kernel,
  limits: readonly Limit[],
): Promises {
  const chances = [...notFailing(used, groups, kernel), ...limits.flatMap((limit) => keeping(limit, used, groups))]
  if (chances.length === 0) return promises
  const slopes = new Float64Array(groups.length)
  return (x, gradient) => {
    let value = promises(x, gradient)
    for (const chance of chances) {
      value += chance(x, gradient === undefined ? undefined : slopes)
      if (gradient === undefined) continue
      for (let column = 0; column < gradient.length; column++) {
        gradient[column] = (gradient[column] as number) + (slopes[column] as number)
      }
    }
    return value
  }
}

/** By a process over 0 for trials that came to a value and 1 for those that failed. */
function notFailing({ entries, points }: Used, groups: readonly number[], kernel: Kernel): Promises[] {
  const labels = entries.map(({ standing }) => (standing === 'bad' ? 1 : 0))
  const failed = labels.filter((label) => label === 1).length
  if (failed === 0 || failed === labels.length) return []
  // Failing is a step, not a wave: it is known near the trials that there are, along what the values change with.
  const lengths = kernel.lengths.map((length) => Math.min(1, Math.max(0.2, length)))
  const failing = posterior({ points, groups }, labels, { lengths, signal: 0.5, noise: 0.01 })
  return [acquisition('PI', failing, 0.5, 0, groups.length)]
}

/** By a process over the number itself, turned so that 0 is the bound and less is allowed. */
function keeping({ metric, atMost, atLeast }: Limit, { entries, points }: Used, groups: readonly number[]): Promises[] {
  const measured = entries.flatMap(({ standing, observation }, index) => {
    const value = own(observation.metrics, metric)
    return standing === 'done' && typeof value === 'number' && Number.isFinite(value) ? [{ value, index }] : []
  })
  if (measured.length === 0) return []
  const at = measured.map(({ index }) => points[index] as Row)
  const sides = [
    ...(atMost === undefined ? [] : [measured.map(({ value }) => value - atMost)]),
    ...(atLeast === undefined ? [] : [measured.map(({ value }) => atLeast - value)]),
  ]
  return sides.map((beyond) => {
    const sorted = beyond.map(Math.abs).sort((a, b) => a - b)
    const unit = (sorted[sorted.length >>> 1] as number) || 1
    // Far from the bound only the side matters.
    const pressed = beyond.map((value) => Math.asinh(value / unit))
    const spread = deviation(pressed) || 1
    const values = Float64Array.from(pressed, (value) => value / spread)
    const kernel = fitKernel({ points: at, groups }, values, { iterations: 12, starts: 1 })
    return ratherKept(acquisition('PI', posterior({ points: at, groups }, values, kernel), 0, 0, groups.length))
  })
}

/**
 * Once the bound is known well, the best that keeps it lies at the bound, and little is promised on this side but much just beyond: so a
 * chance of less than a half weighs many times.
 */
function ratherKept(chance: Promises): Promises {
  return (x, gradient) => {
    const value = chance(x, gradient)
    if (value >= half) return value
    if (gradient !== undefined) for (let i = 0; i < gradient.length; i++) gradient[i] = weight * (gradient[i] as number)
    return half + weight * (value - half)
  }
}
