import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { cardinality, contains, space } from '../../src/space/index.ts'
import { anySpace, finiteSpace } from '../support/spaces.ts'

const objectives = [{ metric: 'value', direction: 'minimize' as const }]

function samplerFor(name: string, given: SearchSpace, options: Record<string, unknown> = {}, seed = 1) {
  const plugin = builtinSamplers.get(name)
  if (plugin === undefined) throw new Error(`no ${name}`)
  const sampler = plugin.create({ space: given, objectives, trials: 10, options, seed })
  return (trial: number) =>
    sampler({ space: given, objectives, history: [], trial, random: createRandom(seed, 'suggest', trial) })
}

const small = { a: space.integer(1, 3), b: space.categorical(['x', 'y']) }
const points = (name: string, options: Record<string, unknown> = {}, seed = 1) =>
  Array.from({ length: 7 }, (_, trial) => samplerFor(name, small, options, seed)(trial))

describe('random', () => {
  it('suggests inside any space, for ever, and depends on seed and trial alone', () => {
    fc.assert(
      fc.property(anySpace, fc.nat(), fc.nat(), (given, seed, trial) => {
        const suggestion = samplerFor('random', given, {}, seed)(trial)
        expect(contains(given, suggestion)).toBe(true)
        expect(samplerFor('random', given, {}, seed)(trial)).toEqual(suggestion)
      }),
    )
  })
})

describe('grid', () => {
  it('goes through the grid in sequence, and then has nothing more', () => {
    expect(points('grid')).toEqual([
      { a: 1, b: 'x' },
      { a: 1, b: 'y' },
      { a: 2, b: 'x' },
      { a: 2, b: 'y' },
      { a: 3, b: 'x' },
      { a: 3, b: 'y' },
      'exhausted',
    ])
  })

  it('goes through all of it in another order when it is shuffled, by the seed', () => {
    const key = (list: unknown[]) => list.map((item) => JSON.stringify(item))
    const shuffled = (seed: number) => key(points('grid', { order: 'shuffled' }, seed))
    expect(shuffled(1).toSorted()).toEqual(key(points('grid')).toSorted())
    expect(shuffled(1)).toEqual(shuffled(1))
    expect(new Set([1, 2, 3, 4].map((seed) => shuffled(seed).join())).size).toBeGreaterThan(1)
    expect(shuffled(2).at(-1)).toBe('"exhausted"')
  })

  it('gives each point of any finite space once', () => {
    fc.assert(
      fc.property(finiteSpace, fc.boolean(), (given, shuffle) => {
        const size = cardinality(given)
        const suggest = samplerFor('grid', given, { order: shuffle ? 'shuffled' : 'sequential' })
        const seen = new Set<string>()
        const count = Math.min(size, 300)
        for (let trial = 0; trial < count; trial++) seen.add(JSON.stringify(suggest(trial)))
        expect(seen.size).toBe(count)
        expect(suggest(size)).toBe('exhausted')
      }),
      { numRuns: 50 },
    )
  })

  it('takes levels for all doubles without a step, or by name for any parameter', () => {
    const given = { lr: space.double(0, 1), n: space.integer(0, 10) }
    expect(samplerFor('grid', given, { levels: 2 })(22)).toBe('exhausted')
    expect(samplerFor('grid', given, { levels: 2 })(21)).toEqual({ lr: 1, n: 10 })
    expect(samplerFor('grid', given, { levels: { lr: 2, n: 3 } })(4)).toEqual({ lr: 1, n: 5 })
  })

  const wide = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`p${index}`, space.integer(1, 1000)]))
  const cases: [SearchSpace, Record<string, unknown>, string][] = [
    [
      { lr: space.double(0, 1) },
      {},
      'space.lr is a double without a step, so there is no end of values: give it a `step`, or give grid `levels`; `random` takes it as it is',
    ],
    [{ lr: space.double(0, 1) }, { levels: { lr: 0 } }, 'options.levels.lr is 0, not a whole number from 1 to 100000'],
    [{ lr: space.double(0, 1) }, { levels: { rate: 2 } }, 'options.levels.rate is not in the search space'],
    [
      { lr: space.double(0, 1) },
      { levels: 'many' },
      'options.levels is neither a number nor a map of numbers by parameter',
    ],
    [{}, { order: 'backwards' }, "options.order is \"backwards\"; it is 'sequential' or 'shuffled'"],
    [{}, { level: 2 }, 'options.level is unknown; grid has levels, order'],
    [wide, {}, 'space has 1.0e+18 points, more than can be numbered; choose `random`'],
  ]
  for (const [given, options, reason] of cases) {
    it(`refuses: ${reason}`, () => {
      const message = `the optimizer grid cannot take this: ${reason}`
      expect(() => samplerFor('grid', given, options)).toThrow(
        expect.objectContaining({ code: 'OPTIMIZER_UNFIT', message }),
      )
    })
  }
})

describe('gp', () => {
  const line = { x: space.double(0, 1) }
  const at = (trial: number, x: number, value: number, state: 'done' | 'pruned') => ({
    trial,
    hparams: { x },
    state,
    metrics: { value },
    step: state === 'done' ? 100 : 1,
  })
  const suggestionAfter = (reached: number, interim: boolean) => {
    const options = { acquisition: 'LCB', kappa: 0, interim }
    const done = Array.from({ length: 12 }, (_, trial) => at(trial, trial / 11, (trial / 11 - 0.7) ** 2, 'done'))
    const pruned = Array.from({ length: 4 }, (_, index) => at(12 + index, 0.2 + index / 25, reached, 'pruned'))
    const sampler = builtinSamplers.get('gp')?.create({ space: line, objectives, trials: 40, options, seed: 1 })
    const random = createRandom(1, 'suggest', 16)
    return sampler?.({ space: line, objectives, history: [...done, ...pruned], trial: 16, random })
  }

  it('takes losses at both ends of the doubles', () => {
    const wide = [-1.7e308, 1.7e308, 0, 1e300, -1e-300, 5e-324, 1.7e308, -1]
    const history = wide.map((value, trial) => at(trial, trial / 8, value, 'done'))
    const sampler = builtinSamplers.get('gp')?.create({ space: line, objectives, trials: 40, options: {}, seed: 1 })
    const random = createRandom(1, 'suggest', 8)
    const suggestion = sampler?.({ space: line, objectives, history, trial: 8, random })
    expect(contains(line, suggestion)).toBe(true)
  })

  it('does not take what a pruned trial had reached for what it would have come to, unless it is told to', () => {
    expect(suggestionAfter(3, false)).toEqual(suggestionAfter(-1, false))
    expect(suggestionAfter(3, true)).not.toEqual(suggestionAfter(-1, true))
  })
})
