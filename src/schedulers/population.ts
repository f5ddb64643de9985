/**
 * Population-based training: Jaderberg et al., "Population Based Training of Neural Networks", 2017, asynchronous. Every trial is
 * one stretch of one member of the population. A member whose last stretch ended goes on from its own checkpoint; one of the worst
 * goes on from the checkpoint of one of the best instead (exploit), with its hparams perturbed (explore). Options:
 * - population (10): the number of members. interval (1): the budget of one stretch. maxBudget: where a member ends; default: as far as
 *   the number of trials allows.
 * - quantile (0.25): that part of the members is replaced, by that part of the best.
 * - factors ([0.8, 1.2]), resample (0.25): how hparams are perturbed. sampler ('random'): it suggests those of the first stretch.
 */
import type { Observation } from '../../protocol/index.ts'
import { keepingFirst } from '../pareto/index.ts'
import { perturbed } from './explore.ts'
import { numberOption, unfit } from '../samplers/index.ts'
import { baseOf, positive, refuse, type Bases } from './options.ts'
import type { SchedulerPlugin } from './scheduler.ts'

const options = ['population', 'interval', 'maxBudget', 'quantile', 'factors', 'resample', 'sampler']

export const populationScheduler = (bases: Bases): SchedulerPlugin => ({
  name: 'pbt',
  adaptive: true,
  schedules: true,
  create(setting) {
    refuse('pbt', setting, options)
    const population = numberOption('pbt', setting.options, 'population', 10, { least: 2, whole: true })
    const interval = positive('pbt', setting.options, 'interval', 1)
    const most = positive('pbt', setting.options, 'maxBudget', interval * Math.ceil(setting.trials / population))
    const first = Math.min(interval, most)
    const quantile = numberOption('pbt', setting.options, 'quantile', 0.25, { least: 0, most: 1 })
    const exploring = {
      factors: factorsOf(setting.options['factors'] ?? [0.8, 1.2]),
      resample: numberOption('pbt', setting.options, 'resample', 0.25, { least: 0, most: 1 }),
    }
    const base = baseOf('pbt', setting, bases, 'random')

    return (question) => {
      const { history, objectives, random, space } = question
      const members: Observation[][] = Array.from({ length: population }, () => [])
      for (const trial of history) members[trial.fidelity?.group ?? -1]?.push(trial)

      const begin = (group: number) => {
        const hparams = base(question, history)
        return hparams === 'exhausted' ? hparams : { hparams, fidelity: { budget: first, from: null, group } }
      }
      const unborn = members.findIndex((stretches) => stretches.length === 0)
      if (unborn >= 0) return begin(unborn)

      const last = members.map((stretches) => stretches.at(-1) as Observation)
      // The last stretch is what is left of the budget.
      const next = (trial: Observation) => Math.min(budgetOf(trial) + interval, most)
      const reaches = (trial: Observation) => budgetOf(trial) < most * (1 - 1e-9)
      const goesOn = (trial: Observation) => trial.state !== 'pending' && (trial.state !== 'done' || reaches(trial))
      const free = last.filter(goesOn).sort((a, b) => budgetOf(a) - budgetOf(b) || groupOf(a) - groupOf(b))[0]
      if (free === undefined) return last.some(({ state }) => state === 'pending') ? 'wait' : 'exhausted'

      // Each member by its last result; the one in hand is the worst if it has none.
      const results = members.flatMap((stretches) => stretches.findLast(({ state }) => state === 'done') ?? [])
      const ranked = keepingFirst(results, objectives)
      const replaced = Math.floor(ranked.length * quantile)
      const group = groupOf(free)
      const place = ranked.indexOf(free)
      const failed = place < 0
      const donors = ranked.slice(0, Math.max(1, replaced)).filter((trial) => trial !== free && reaches(trial))
      const exploits = failed || (replaced > 0 && place >= ranked.length - replaced)
      if (exploits && donors.length > 0) {
        const donor = donors[random.integer(donors.length)] as Observation
        const hparams = perturbed(space, donor.hparams, random, exploring)
        return { hparams, fidelity: { budget: next(donor), from: donor.trial, group } }
      }
      if (failed) return begin(group)
      return { hparams: free.hparams, fidelity: { budget: next(free), from: free.trial, group } }
    }
  },
})

const budgetOf = (trial: Observation): number => trial.fidelity?.budget ?? 0
const groupOf = (trial: Observation): number => trial.fidelity?.group ?? 0

function factorsOf(given: unknown): readonly number[] {
  const fits =
    Array.isArray(given) && given.length > 0 && given.every((factor) => typeof factor === 'number' && factor > 0)
  if (fits) return given as number[]
  throw unfit('pbt', 'options.factors', `is ${JSON.stringify(given)}, not a list of numbers above 0`)
}
