/** Rungs: the trials of one bracket at one budget, and which of them is promoted. */
import type { Objective, Observation } from '../../protocol/index.ts'
import { keepingFirst } from '../pareto/index.ts'
import type { Proposal } from './scheduler.ts'

/** Budgets that were computed may differ from those in the history by rounding. */
export const sameBudget = (one: number, other: number): boolean => Math.abs(one - other) <= 1e-9 * Math.max(one, other)

/** The trials of a bracket by rung. */
export function byRung(history: readonly Observation[], budgets: readonly number[]): Observation[][] {
  const rungs: Observation[][] = budgets.map(() => [])
  for (const trial of history) {
    const budget = trial.fidelity?.budget
    if (budget === undefined) continue
    rungs[budgets.findIndex((each) => sameBudget(each, budget))]?.push(trial)
  }
  return rungs
}

/**
 * The best not yet promoted of the top floor(n / factor) of the n trials of a rung that have ended (Li et al., "A System for
 * Massively Parallel Hyperparameter Tuning", 2020, algorithm 2), from the highest rung down. Trials that failed, were pruned or came
 * to no finite number count among the n, and are never promoted. `places`: how many a rung may take at most.
 */
export function promotion(
  rungs: readonly (readonly Observation[])[],
  budgets: readonly number[],
  factor: number,
  objectives: readonly Objective[],
  places: readonly number[] = [],
): Proposal | undefined {
  for (let rung = rungs.length - 2; rung >= 0; rung--) {
    const above = rungs[rung + 1] ?? []
    if (above.length >= (places[rung + 1] ?? Infinity)) continue
    const promoted = new Set(above.map(({ fidelity }) => fidelity?.from))
    const ended = (rungs[rung] ?? []).filter(({ state }) => state !== 'pending')
    const top = Math.floor(ended.length / factor + 1e-9)
    const ranked = keepingFirst(
      ended.filter(({ state }) => state === 'done'),
      objectives,
    )
    const next = ranked.slice(0, top).find(({ trial }) => !promoted.has(trial))
    if (next === undefined) continue
    const { group } = next.fidelity ?? {}
    const fidelity = {
      budget: budgets[rung + 1] as number,
      from: next.trial,
      ...(group === undefined ? {} : { group }),
    }
    return { hparams: next.hparams, fidelity }
  }
  return undefined
}
