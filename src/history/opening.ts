/**
 * What an optimizer is opened with, written once for all who open one (the driver, a replay) and for those who tell people what it made
 * of its search. Pure.
 */
import { firstEarlierTrial, type OptimizationContext, type Plugin } from '../../protocol/index.ts'
import type { Observed } from './observation.ts'

/** The search that an experiment's context asks for. */
export function searchOf(
  { space, objectives, seed, trials, enqueue = [], policy: { parallel } }: OptimizationContext,
  { options }: Plugin,
) {
  return {
    space,
    objectives,
    seed,
    options,
    trials,
    ...(parallel === null ? {} : { parallel }),
    ...(enqueue.length === 0 ? {} : { enqueue }),
  }
}

/** Trials of earlier experiments, as an optimizer hears of them beside those of this one. */
export const earlierTrials = ({ warmStart = [] }: OptimizationContext): Observed[] =>
  warmStart.map((known, index) => ({ trial: firstEarlierTrial + index, ...known, state: 'done', step: null }))
