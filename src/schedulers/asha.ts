/**
 * Asynchronous successive halving: Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020. Whenever a slot falls
 * free, the best trial that has earned it goes on to the next budget, from its checkpoint; if there is none, a new one begins.
 * Options, with Maggy's defaults:
 * - reductionFactor (2): one trial of this many goes on. minBudget (1), maxBudget (4): the budget of the first rung, and the largest one.
 * - sampler ('random'): it suggests the hparams of new trials, and sees only the results of the first rung.
 */
import { unfit } from '../samplers/index.ts'
import { baseOf, positive, refuse, type Bases } from './options.ts'
import { byRung, promotion } from './rungs.ts'
import type { SchedulerPlugin } from './scheduler.ts'

export const ashaScheduler = (bases: Bases): SchedulerPlugin => ({
  name: 'asha',
  adaptive: true,
  schedules: true,
  create(setting) {
    const { options } = setting
    refuse('asha', setting, ['reductionFactor', 'minBudget', 'maxBudget', 'sampler'])
    const factor = positive('asha', options, 'reductionFactor', 2)
    if (factor <= 1) throw unfit('asha', 'options.reductionFactor', `is ${factor}; it must be above 1`)
    const least = positive('asha', options, 'minBudget', 1)
    const most = positive('asha', options, 'maxBudget', 4)
    if (most < least * factor) {
      const reason = `is ${most}: there is one budget only, so nothing to promote to; random or tpe need no budgets`
      throw unfit('asha', 'options.maxBudget', reason)
    }
    const budgets = budgetsOf(least, most, factor)
    const base = baseOf('asha', setting, bases, 'random')

    return (question) => {
      const rungs = byRung(question.history, budgets)
      const promoted = promotion(rungs, budgets, factor, question.objectives)
      if (promoted !== undefined) return promoted
      const hparams = base(question, rungs[0] ?? [])
      if (hparams !== 'exhausted') return { hparams, fidelity: { budget: least, from: null } }
      return question.history.some(({ state }) => state === 'pending') ? 'wait' : 'exhausted'
    }
  },
})

/** One rung at each power of the factor, and the last one at the largest budget: a power that is nearer to it than to the next gives way. */
function budgetsOf(least: number, most: number, factor: number): number[] {
  const budgets: number[] = []
  for (let budget = least; budget * Math.sqrt(factor) <= most; budget *= factor) budgets.push(budget)
  return [...budgets, most]
}
