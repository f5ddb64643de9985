/**
 * Hyperband: Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", 2018, algorithm 1, asynchronous:
 * brackets fill one after the other, promotions inside a bracket come as soon as they are earned, and a slot waits only when
 * the last bracket is full and nothing is earned yet. And BOHB: Falkner, Klein, Hutter, "BOHB: Robust and Efficient
 * Hyperparameter Optimization at Scale", 2018, which is Hyperband with a model of the largest budget that has enough results.
 * Options:
 * - maxBudget: of the last rung; minBudget (1), reductionFactor (3).
 * - iterations: how often all brackets are run; default: as often as the number of trials allows.
 * - sampler ('random'; bohb: tpe, split as in BOHB's equation 2): it suggests the hparams of new trials.
 * - bohb only: randomFraction (1/3), the share of new trials that are random.
 */
import type { Observation, SearchSpace } from '../../protocol/index.ts'
import { sample } from '../space/index.ts'
import { numberOption, unfit } from '../samplers/index.ts'
import { baseOf, positive, refuse, type Bases, type Setting } from './options.ts'
import { byRung, promotion, sameBudget } from './rungs.ts'
import type { Proposal, Scheduler, SchedulerPlugin } from './scheduler.ts'

/** One bracket: its budgets, and the number of trials at each of them. */
export interface Bracket {
  readonly trials: readonly number[]
  readonly budgets: readonly number[]
}

/** All brackets of one iteration, the widest first: (1, 9, 3) is [9,3,1]@[1,3,9], [3,1]@[3,9], [3]@[9]. */
export function bracketsOf(minBudget: number, maxBudget: number, factor: number): Bracket[] {
  const widest = Math.floor(Math.log(maxBudget / minBudget) / Math.log(factor) + 1e-9)
  return Array.from({ length: widest + 1 }, (_, index) => {
    const rungs = widest - index + 1
    // As Maggy and HpBandSter cut it: floor((s_max + 1) / (s + 1)) * factor^s, where algorithm 1 rounds the whole product up.
    const first = Math.max(1, Math.floor(Math.floor((widest + 1) / rungs) * factor ** (rungs - 1) + 1e-9))
    return {
      trials: Array.from({ length: rungs }, (__, rung) => Math.max(1, Math.floor(first / factor ** rung + 1e-9))),
      budgets: Array.from({ length: rungs }, (__, rung) => maxBudget * factor ** (rung - rungs + 1)),
    }
  })
}

type NewPoint = (question: Parameters<Scheduler>[0]) => Proposal['hparams'] | 'exhausted'

function schedulerOf(name: string, setting: Setting, point: NewPoint): Scheduler {
  const { options } = setting
  const factor = positive(name, options, 'reductionFactor', 3)
  if (factor <= 1) throw unfit(name, 'options.reductionFactor', `is ${factor}; it must be above 1`)
  const least = positive(name, options, 'minBudget', 1)
  const most = positive(name, options, 'maxBudget')
  if (most < least * factor) {
    const reason = `is ${most}: with minBudget ${least} and reductionFactor ${factor} there is one budget only; random or tpe need no budgets`
    throw unfit(name, 'options.maxBudget', reason)
  }
  const brackets = bracketsOf(least, most, factor)
  const round = brackets.reduce((sum, { trials }) => sum + trials.reduce((all, count) => all + count, 0), 0)
  const iterations = numberOption(name, options, 'iterations', Math.ceil(setting.trials / round), {
    least: 1,
    whole: true,
  })

  return (question) => {
    const groups: Observation[][] = []
    let pending = false
    for (const trial of question.history) {
      pending ||= trial.state === 'pending'
      const group = trial.fidelity?.group
      if (group !== undefined) (groups[group] ??= []).push(trial)
    }
    for (let group = 0; group < iterations * brackets.length; group++) {
      const bracket = brackets[group % brackets.length] as Bracket
      const rungs = byRung(groups[group] ?? [], bracket.budgets)
      const promoted = promotion(rungs, bracket.budgets, factor, question.objectives, bracket.trials)
      if (promoted !== undefined) return promoted
      if ((rungs[0]?.length ?? 0) >= (bracket.trials[0] as number)) continue
      const hparams = point(question)
      if (hparams === 'exhausted') break
      return { hparams, fidelity: { budget: bracket.budgets[0] as number, from: null, group } }
    }
    return pending ? 'wait' : 'exhausted'
  }
}

const shared = ['reductionFactor', 'minBudget', 'maxBudget', 'iterations', 'sampler']

export const hyperbandScheduler = (bases: Bases): SchedulerPlugin => ({
  name: 'hyperband',
  adaptive: true,
  schedules: true,
  create(setting) {
    refuse('hyperband', setting, shared)
    const base = baseOf('hyperband', setting, bases, 'random')
    return schedulerOf('hyperband', setting, (question) => base(question, question.history))
  },
})

/**
 * The model's own split (BOHB, equation 2): max(N_min, 0.15 N) are good. Asked only where results are enough, it needs no warm-up.
 */
const modelFor = (space: SearchSpace) => ({
  name: 'tpe',
  warmup: 0,
  gamma: 0.15,
  leastGood: Object.keys(space).length + 1,
})

export const bohbScheduler = (bases: Bases): SchedulerPlugin => ({
  name: 'bohb',
  adaptive: true,
  schedules: true,
  create(setting) {
    refuse('bohb', setting, [...shared, 'randomFraction'])
    const base = baseOf('bohb', setting, bases, modelFor(setting.space))
    const random = numberOption('bohb', setting.options, 'randomFraction', 1 / 3, { least: 0, most: 1 })
    return schedulerOf('bohb', setting, (question) => {
      if (question.random.uniform() < random) return sample(question.space, question.random)
      return base(question, comparable(question.history, question.space))
    })
  },
})

/**
 * The trials at the largest budget that has enough results for a model, d + 2 (BOHB, section 3.2: N_min = d + 1, and at least one
 * worse); all trials still under way as pending, whatever their budget, for nothing should be tried twice at once.
 */
function comparable(history: readonly Observation[], space: SearchSpace): Observation[] {
  const needed = Object.keys(space).length + 2
  const counts = new Map<number, number>()
  for (const { fidelity, state } of history) {
    if (fidelity === undefined || state !== 'done') continue
    const budget = [...counts.keys()].find((each) => sameBudget(each, fidelity.budget)) ?? fidelity.budget
    counts.set(budget, (counts.get(budget) ?? 0) + 1)
  }
  const enough = [...counts].filter(([, count]) => count >= needed).map(([budget]) => budget)
  const largest = Math.max(...enough)
  return history.filter(
    ({ fidelity, state }) => state === 'pending' || (fidelity !== undefined && sameBudget(fidelity.budget, largest)),
  )
}
