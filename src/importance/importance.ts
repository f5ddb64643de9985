/**
 * PED-ANOVA: Watanabe, Bansal, Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces", 2023,
 * equation 16: how far the density of a parameter among the best trials is from its density among all of them, as the Pearson
 * divergence sum of p_all (p_best / p_all - 1)^2; then all parameters' shares of the whole.
 */
import type { Hparams, Metrics, Objective, Parameter, SearchSpace } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'
import { countOf, indexOf, toUnit } from '../space/index.ts'
import { deviation } from '../statistics/index.ts'
import { comparable, type Searched } from './comparable.ts'

/** By parameter, adding up to 1. */
export type Importance = Readonly<Record<string, number>>

/** The part of the trials that counts as the best (gamma in the paper). */
const bestPart = 0.1
/** With fewer, a share says nothing. */
const leastTrials = 10
/** So many trials that can be compared are enough for all that is said of a search. */
export const enough = 12
const mostBins = 50

/** undefined: too few trials came to a finite value, or nothing differs. */
export function importanceOf(
  space: SearchSpace,
  trials: readonly { readonly hparams: Hparams; readonly metrics: Metrics }[],
  objective: Objective,
): Importance | undefined {
  const ranked = trials
    .map(({ hparams, metrics }) => ({ hparams, loss: lossOf(metrics, objective) }))
    .filter(({ loss }) => !Number.isNaN(loss))
    .sort((a, b) => a.loss - b.loss)
  if (ranked.length < leastTrials) return undefined
  const bar = ranked[Math.max(2, Math.ceil(ranked.length * bestPart)) - 1]?.loss ?? -Infinity
  const divergences = Object.entries(space).map(([name, parameter]) => {
    // Under a condition a parameter is not there in every trial.
    const here = ranked.filter(({ hparams }) => Object.hasOwn(hparams, name))
    const best = here.filter(({ loss }) => loss <= bar)
    const values = (of: typeof here) => of.map(({ hparams }) => hparams[name])
    return [name, best.length === 0 ? 0 : divergence(parameter, values(best), values(here))] as const
  })
  const sum = divergences.reduce((total, [, each]) => total + each, 0)
  if (!(sum > 0)) return undefined
  return Object.fromEntries(divergences.map(([name, each]) => [name, each / sum]))
}

type Values = readonly (Hparams[string] | undefined)[]

function divergence(parameter: Parameter, best: Values, all: Values): number {
  if (countOf(parameter) < 2) return 0
  const [some, every] = [density(parameter, best), density(parameter, all)]
  return every.reduce((sum, share, bin) => sum + share * ((some[bin] as number) / share - 1) ** 2, 0)
}

/** Shares by bin, none of them 0: choices are counted, numbers are smoothed by Scott's rule over the unit interval. */
function density(parameter: Parameter, values: Values): number[] {
  if (parameter.type === 'categorical') {
    const counts = parameter.choices.map(() => 1 / parameter.choices.length)
    for (const value of values) {
      const index = indexOf(parameter, value)
      if (index !== undefined) counts[index] = (counts[index] as number) + 1
    }
    return normalized(counts)
  }
  const units = values.map((value) => toUnit(parameter, value ?? 0))
  const bins = Math.min(mostBins, countOf(parameter))
  const width = Math.max(scott(units), 0.5 / bins)
  const weights = Array.from({ length: bins }, (_, bin) => {
    const at = (bin + 0.5) / bins
    const near = units.reduce((sum, unit) => sum + Math.exp(-(((at - unit) / width) ** 2) / 2), 0)
    // One trial's worth of no knowledge, so that nothing is impossible.
    return near / (width * Math.sqrt(2 * Math.PI)) + 1
  })
  return normalized(weights)
}

/** 1.059 min(sd, iqr / 1.34) n^-1/5: Scott, "Multivariate Density Estimation", 1992. */
function scott(units: readonly number[]): number {
  const n = units.length
  const width = n === 1 ? 0 : deviation(units, 1)
  const sorted = units.toSorted((a, b) => a - b)
  const quartiles = ((sorted[Math.floor(0.75 * (n - 1))] ?? 0) - (sorted[Math.floor(0.25 * (n - 1))] ?? 0)) / 1.34
  const spread = quartiles > 0 ? Math.min(width, quartiles) : width
  return 1.059 * spread * n ** -0.2
}

function normalized(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

/** How much each hyperparameter matters to each objective, by the metric; left out where too few trials are done to say. */
export function importances(searched: Searched): Record<string, Importance> {
  const { space, objectives } = searched
  const done = comparable(searched, enough).tried.filter(({ state }) => state === 'done')
  return Object.fromEntries(
    objectives.flatMap((objective) => {
      const found = importanceOf(space, done, objective)
      return found === undefined ? [] : [[objective.metric, found]]
    }),
  )
}
