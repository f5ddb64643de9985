import { describe, expect, it } from 'vitest'
import type { Objective, Observation, SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { choose } from '../../src/samplers/auto.ts'
import { space } from '../../src/space/index.ts'

const numbers = (count: number): SearchSpace =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x${index}`, space.double(0, 1)]))
const kinds = { kind: space.categorical(['a', 'b', 'c']) }
const conditional = { ...kinds, depth: space.double(0, 9, { when: { parameter: 'kind', in: ['b'] } }) }
const small = { n: space.integer(1, 3), kind: space.categorical(['a', 'b']) }
const one: Objective[] = [{ metric: 'loss', direction: 'minimize' }]
const two: Objective[] = [...one, { metric: 'time', direction: 'minimize' }]

const cases: readonly [
  string,
  SearchSpace,
  { objectives?: Objective[]; trials?: number; parallel?: number },
  string,
][] = [
  ['few trials in few numbers', numbers(5), {}, 'gp, and cmaes for every third trial: 100 trials in 5 parameters'],
  ['few trials, a category', { ...numbers(3), ...kinds }, {}, 'gp, and tpe for every third trial: 100 trials in 4'],
  ['many trials of numbers', numbers(5), { trials: 1000 }, 'cmaes: there are only numbers, and 1000 trials are many'],
  ['many trials with categories', { ...numbers(3), ...kinds }, { trials: 1000 }, 'tpe: 1 of 4 parameters are categ'],
  ['many parameters', numbers(30), {}, 'tpe: 30 parameters are many'],
  ['conditions', conditional, {}, 'gp, and tpe for every third trial: 100 trials in 2 parameters are few'],
  ['conditions, many trials', conditional, { trials: 1000 }, 'tpe: the space has conditions'],
  ['more trials than points', small, {}, 'tpe: all 6 points of the space come first, for there are 100 trials'],
  [
    'most trials at once',
    numbers(3),
    { trials: 20, parallel: 15 },
    'gp, and cmaes for every third trial: 20 trials in 3 parameters',
  ],
  [
    'all trials at once',
    numbers(3),
    { trials: 20, parallel: 20 },
    'sobol: all 20 trials at once leave nothing to learn from',
  ],
  ['nothing that varies', { c: space.constant(1) }, {}, 'random: nothing in the space varies'],
  [
    'several objectives',
    numbers(3),
    { objectives: two },
    'motpe, and nsga2 for every second trial: there are 2 objectives, and 100 trials are few',
  ],
  ['several, many trials', numbers(3), { objectives: two, trials: 1000 }, 'nsga2: there are 2 objectives, and 1000'],
  ['several, conditions', conditional, { objectives: two, trials: 1000 }, 'motpe: there are 2 objectives, and the sp'],
  ['several, few points', small, { objectives: two }, 'motpe: all 6 points of the space come first'],
]

describe('auto', () => {
  it.each(cases)('chooses by space, budget, objectives and parallelism, and says why: %s', (_, given, how, words) => {
    const setting = { space: given, objectives: one, trials: 100, options: {}, seed: 1, ...how }
    const plugin = builtinSamplers.get('auto')
    expect(plugin?.notes?.(setting)?.[0]).toContain(`auto chose ${words}`)
    expect(builtinSamplers.has(choose(setting).plugin.name)).toBe(true)
    const sampler = plugin?.create(setting)
    const question = { ...setting, history: [], trial: 0, random: createRandom(1, 'suggest', 0) }
    expect(sampler?.(question)).toMatchObject(Object.keys(given)[0] === 'c' ? { c: 1 } : {})
  })

  it('counts only the points that the constraints leave when it looks whether all can be tried', () => {
    const given = { a: space.integer(0, 9, { where: [{ sum: { a: 1, b: 1 }, atMost: 4 }] }), b: space.integer(0, 9) }
    const setting = { space: given, objectives: one, trials: 20, options: {}, seed: 1 }
    expect(choose(setting).why).toBe('all 15 points of the space come first, for there are 20 trials')
  })

  const judged = (valueOf: (x: number, trial: number) => number) => {
    const given = { x: space.double(0, 1), k: space.categorical(['a', 'b']) }
    const setting = { space: given, objectives: one, trials: 60, options: {}, seed: 1 }
    const history = Array.from({ length: 50 }, (_, trial): Observation => {
      const random = createRandom('judged', trial)
      const hparams = { x: random.uniform(), k: 'a' }
      return { trial, hparams, state: 'done', metrics: { loss: valueOf(hparams.x, trial) }, step: null }
    })
    return { setting, history, told: builtinSamplers.get('auto')?.told?.(setting, history) }
  }

  it('trusts a Gaussian process while it foretells trials, and says so when it no longer does', () => {
    expect(judged((x) => (x - 0.3) ** 2).told).toEqual([])
    const { told, setting, history } = judged((_, trial) => createRandom('noise', trial).uniform())
    expect(told?.[0]).toMatch(
      /^auto changed its mind after \d+ trials: tpe has two trials of three, gp one: leaving one out, .* explains \d+ % of/,
    )
    expect(builtinSamplers.get('auto')?.told?.(setting, history)).toEqual(told)
  })

  it('asks again for nothing that a pruner stopped near the best trial', () => {
    const trials = 40
    const setting = { space: numbers(2), objectives: one, trials, options: {}, seed: 1 }
    const sampler = builtinSamplers.get('auto')?.create(setting)
    const history: Observation[] = []
    for (let trial = 0; trial < trials; trial += 1) {
      const hparams = sampler?.({ ...setting, history, trial, random: createRandom(1, 'suggest', trial) })
      if (hparams === undefined || hparams === 'exhausted') throw new Error('nothing is suggested')
      const loss = (Number(hparams['x0']) - 0.3) ** 2 + (Number(hparams['x1']) - 0.6) ** 2
      const isPruned = trial >= 24
      history.push(
        isPruned
          ? { trial, hparams, state: 'pruned', metrics: { loss: loss + 1 }, step: 2 }
          : { trial, hparams, state: 'done', metrics: { loss }, step: 9 },
      )
    }
    const stopped = history.slice(24).map(({ hparams }) => [Number(hparams['x0']), Number(hparams['x1'])] as const)
    const apart = stopped.flatMap(([x, y], at) => stopped.slice(at + 1).map(([u, v]) => Math.hypot(x - u, y - v)))
    expect(Math.min(...apart)).toBeGreaterThan(1e-6)
  })
})
