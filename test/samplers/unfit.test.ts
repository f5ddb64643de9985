import { describe, expect, it } from 'vitest'
import type { SearchSpace } from '../../protocol/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { space } from '../../src/space/index.ts'

const many = (count: number): SearchSpace =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x${index}`, space.double(0, 1)]))
const letters = { c: space.categorical(['a', 'b']) }
const conditional = { ...letters, x: space.double(0, 1, { when: { parameter: 'c', in: ['b'] } }) }
const line = many(1)

/** What each cannot take, and who can. */
const refusals: readonly [string, SearchSpace, Record<string, unknown>, string][] = [
  [
    'grid',
    line,
    {},
    'space.x0 is a double without a step, so there is no end of values: give it a `step`, or give grid',
  ],
  ['cmaes', letters, {}, 'space has no number that varies; `tpe` takes categories'],
  ['cmaes', conditional, {}, 'space.x.when is a condition, and it moves in all directions at once; `tpe` takes it'],
  ['cmaes', many(101), {}, 'space has more than 100 numbers; choose `tpe`'],
  ['cmaes', line, { population: 3 }, 'options.population is 3, not a whole number from 4 to 10000'],
  ['cmaes', line, { restarts: 'often' }, 'options.restarts is "often"; there are ipop, bipop, none'],
  ['gp', many(101), {}, 'space has 101 columns, more than 100; `tpe` takes any number'],
  ['gp', line, { acquisition: 'UCB' }, 'options.acquisition is "UCB"; there are logEI, EI, PI, LCB, thompson'],
  ['gp', line, { interim: 1 }, 'options.interim is 1, not true or false'],
  ['sobol', many(10_000), {}, '`random` takes any number'],
  ['tpe', line, { gamma: 2 }, 'options.gamma is 2, not a number from 0 to 1'],
  ['tpe', line, { warmup: 1.5 }, 'options.warmup is 1.5, not a whole number of at least 0'],
  ['nsga2', line, { population: 1 }, 'options.population is 1, not a whole number of at least 2'],
  ['motpe', line, { sampler: 'nobody' }, 'options.sampler is "nobody"; there are auto, random, grid, sobol, tpe'],
  ['random', line, { seed: 1 }, 'options.seed is unknown; random has no options'],
  ['auto', line, { warmup: 1 }, 'options.warmup is unknown; auto has no options'],
  [
    'asha',
    line,
    { maxBudget: 1 },
    'is 1: there is one budget only, so nothing to promote to; random or tpe need no budgets',
  ],
  [
    'hyperband',
    line,
    {},
    'options.maxBudget is missing: say how far a trial goes at most; random or tpe need no budgets',
  ],
  ['bohb', line, {}, 'options.maxBudget is missing: say how far a trial goes at most; random or tpe need no budgets'],
  ['bohb', line, { maxBudget: 2 }, 'there is one budget only; random or tpe need no budgets'],
  ['pbt', line, { factors: [] }, 'options.factors is [], not a list of numbers above 0'],
  ['pbt', { budget: space.integer(1, 3) }, {}, 'space.budget is what pbt sets itself: call yours something else'],
]

describe('an optimizer', () => {
  it.each(refusals)('%s refuses %o with %o: %s', (name, given, options, words) => {
    const plugin = builtinSamplers.get(name) ?? builtinSchedulers.get(name)
    const objectives = [{ metric: 'value', direction: 'minimize' as const }]
    expect(() => plugin?.create({ space: given, objectives, trials: 10, options, seed: 1 })).toThrow(
      expect.objectContaining({
        code: 'OPTIMIZER_UNFIT',
        message: expect.stringContaining(words) as string,
      }),
    )
  })

  it('that one refusal names takes the space that the other refused', () => {
    for (const [name, given] of [
      ['random', line],
      ['tpe', letters],
      ['tpe', conditional],
      ['tpe', many(101)],
      ['random', many(10_000)],
    ] as const) {
      const objectives = [{ metric: 'value', direction: 'minimize' as const }]
      const create = () =>
        builtinSamplers.get(name)?.create({ space: given, objectives, trials: 9, options: {}, seed: 1 })
      expect(create).not.toThrow()
    }
  })
})
