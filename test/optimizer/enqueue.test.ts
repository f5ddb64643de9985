/** Trials that a user gives, wholly or in part, and what samplers that count make of them. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstEarlierTrial, type Hparams, type Observation, type SearchSpace } from '../../protocol/index.ts'
import { createSearch, createSession, type OptimizerPlugin } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { contains, faultIn, sample, space, validateSpace, type Space } from '../../src/space/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { takenSpace } from '../support/odd-spaces.ts'

const grid = { a: space.integer(1, 3), b: space.categorical(['x', 'y']) }
const gridPoints = ['{"a":1,"b":"x"}', '{"a":1,"b":"y"}', '{"a":2,"b":"x"}', '{"a":2,"b":"y"}', '{"a":3,"b":"x"}', '{"a":3,"b":"y"}'] // prettier-ignore

async function all(search: ReturnType<typeof createSearch>, told: (trial: number) => Parameters<typeof search.tell>[1] = () => 1) {
  const points: string[] = []
  for (let asked = await search.ask(); asked !== undefined && points.length < 50; asked = await search.ask()) {
    points.push(JSON.stringify(asked.hparams))
    search.tell(asked.id, told(asked.id))
  }
  return points
} // prettier-ignore

const searchOf = (options: object, given: Space = grid) =>
  createSearch({ space: given, direction: 'minimize', sampler: 'grid', ...options })

describe('a grid search', () => {
  it('tries each of its points once, whatever is enqueued: points of the grid, others, and parts of points', async () => {
    expect((await all(searchOf({ enqueue: [{ a: 2, b: 'y' }, { b: 'y' }] }))).toSorted()).toEqual(gridPoints)
    const beside = { lr: space.double(0, 1), a: space.integer(1, 3) }
    const sampler = { name: 'grid', levels: 2 }
    const points = await all(
      searchOf(
        {
          sampler,
          enqueue: [
            { lr: 0.3, a: 1 },
            { lr: 1, a: 3 },
          ],
        },
        beside,
      ),
    )
    expect(points).toHaveLength(7)
    expect(new Set(points).size).toBe(7)
  })

  it('knows an enqueued number on a step however it was computed', async () => {
    const steps = { x: space.double(0, 0.5, { step: 0.1 }) }
    expect(await all(searchOf({ enqueue: [{ x: 0.1 + 0.2 }] }, steps))).toHaveLength(6)
  })

  it('loses no point to what is known from before, to failures, or to trials that were cancelled', async () => {
    const history = [{ hparams: { a: 1, b: 'x' }, state: 'done' as const, metrics: { value: 1 }, step: null }]
    expect(await all(searchOf({ history }))).toEqual(gridPoints)
    expect(await all(searchOf({}), (id) => ({ state: id === 1 ? 'failed' : 'pruned', value: 1 }) as never)).toEqual(gridPoints)
    // The second trial was cancelled: its point comes again.
    const again = await all(searchOf({}), (id) => (id === 1 ? { state: 'cancelled' } : 1))
    expect(again).toHaveLength(7)
    expect(new Set(again)).toEqual(new Set(gridPoints))
  }) // prettier-ignore

  it('is used up once, also under a scheduler, whose promotions are no points', async () => {
    const setting = { space: validateSpace(grid), objectives: [{ metric: 'value', direction: 'minimize' as const }], trials: 40, seed: 1, history: [] } // prettier-ignore
    for (const name of ['asha', 'hyperband', 'bohb']) {
      const options = { maxBudget: 9, sampler: 'grid', ...(name === 'bohb' ? { randomFraction: 0 } : {}) }
      const session = createSession(builtinSchedulers.get(name) as OptimizerPlugin, { ...setting, options })
      const begun: string[] = []
      for (let trial = 0; trial < 40; trial++) {
        const { hparams, fidelities, exhausted } = await session.suggest(trial, 1)
        if (exhausted) break
        if (hparams[0] === undefined) throw new Error('waits')
        const fidelity = fidelities?.[0] ?? { budget: 1, from: null }
        if (fidelity.from === null) begun.push(JSON.stringify(hparams[0]))
        session.observe([{ trial, hparams: hparams[0], fidelity, state: 'done', metrics: { value: trial }, step: 1 }])
      }
      expect(begun.toSorted()).toEqual(gridPoints)
    }
  })

  it('says that points stay untried where there are more of them than trials', () => {
    expect(searchOf({ trials: 4, enqueue: [{ a: 1 }] }).notes).toEqual([
      'the grid has 6 points, more than there are trials (4, 1 of them enqueued): some stay untried',
    ])
    expect(searchOf({ trials: 6 }).notes).toEqual([])
  })
})

describe('a Sobol search', () => {
  it('begins with its first point after what is enqueued or known from before, and a scheduler costs it none', async () => {
    const square = { x: space.double(0, 1), y: space.double(0, 1) }
    const plain = await all(searchOf({ sampler: 'sobol' }, square))
    const history = [{ hparams: { x: 0, y: 0 }, state: 'done' as const, metrics: { value: 1 }, step: null }]
    const later = await all(searchOf({ sampler: 'sobol', enqueue: [{ x: 0.5, y: 0.5 }], history }, square))
    expect(later.slice(1, 20)).toEqual(plain.slice(0, 19))
  })
})

const tricky = validateSpace({
  beta: space.discrete([0.9, 0.99], { when: { parameter: 'optimizer', in: ['adam'] } }),
  optimizer: space.categorical(['sgd', 'adam', 'lion']),
  momentum: space.double(0, 1, { step: 0.5, when: { parameter: 'optimizer', in: ['sgd', 'lion'] } }),
  nesterov: space.categorical([true, false], { when: { parameter: 'momentum', in: [0.5, 1] } }),
  low: space.integer(0, 20, { where: [{ sum: { low: 1, high: -1 }, atMost: 0 }] }),
  high: space.integer(0, 20),
})
const plugins = [...builtinSamplers.values(), ...builtinSchedulers.values()]
const takes = (plugin: OptimizerPlugin) => plugin.name !== 'cmaes'
const optionsFor = ({ name }: OptimizerPlugin) => (name === 'hyperband' || name === 'bohb' ? { maxBudget: 9 } : {})
const sessionOf = (plugin: OptimizerPlugin, given: SearchSpace, enqueue: readonly Hparams[], history: Observation[] = []) =>
  createSession(plugin, {
    space: given,
    objectives: [{ metric: 'value', direction: 'minimize' }],
    trials: 20,
    options: optionsFor(plugin),
    seed: 3,
    history,
    enqueue,
  }) // prettier-ignore

describe('a part of a point that is enqueued', () => {
  it.each(plugins.filter(takes).map((plugin) => [plugin.name, plugin] as const))(
    '%s fills in the rest, with conditions and constraints, the same each time',
    async (_, plugin) => {
      const enqueue: Hparams[] = [{ nesterov: true }, { beta: 0.9, low: 19 }, { momentum: 0 }, { high: 0 }, {}]
      const before = Array.from({ length: 12 }, (__, index): Observation => {
        const hparams = sample(tricky, createRandom('before', index))
        return { trial: firstEarlierTrial + index, hparams, state: 'done', metrics: { value: index }, step: null }
      })
      const { hparams, fidelities } = await sessionOf(plugin, tricky, enqueue, before).suggest(0, enqueue.length)
      expect(hparams).toHaveLength(enqueue.length)
      for (const [index, point] of hparams.entries()) {
        expect(faultIn(tricky, point)).toBeUndefined()
        expect(point).toMatchObject(enqueue[index] ?? {})
      }
      expect(hparams[0]?.['momentum']).toBeGreaterThan(0)
      expect(await sessionOf(plugin, tricky, enqueue, before).suggest(0, enqueue.length)).toEqual({
        hparams,
        ...(fidelities === undefined ? {} : { fidelities }),
        exhausted: false,
      })
    },
  )

  it('is refused with its path where no point of the space has these values', () => {
    const refused = (entry: Hparams, words: string) => {
      const plugin = builtinSamplers.get('random') as OptimizerPlugin
      expect(() => sessionOf(plugin, tricky, [entry])).toThrow(
        expect.objectContaining({ code: 'HPARAMS_INVALID', message: expect.stringContaining(words) as string }),
      )
    }
    refused({ rate: 1 }, 'enqueue[0].rate is not in the search space')
    refused({ low: 21 }, 'enqueue[0].low is 21, outside of 0 to 20')
    refused({ optimizer: 'adam', momentum: 1 }, 'enqueue[0].momentum is only there when optimizer is "sgd" or "lion", but that is "adam": leave it out') // prettier-ignore
    refused({ beta: 0.9, nesterov: true }, 'is only there when')
    refused({ low: 12, high: 3 }, 'enqueue[0] fixes values beside which the constraints leave nothing else')
  })

  it('of any space is completed to a point of it that has the given values', async () => {
    await fc.assert(
      fc.asyncProperty(takenSpace, fc.nat(), fc.nat(), fc.constantFrom('random', 'tpe', 'sobol', 'nsga2', 'auto'), async (given, seed, mask, name) => {
        const point = sample(given, createRandom(seed))
        const part = Object.fromEntries(Object.entries(point).filter((_, index) => ((mask >> index) & 1) === 1))
        const session = sessionOf(builtinSamplers.get(name) as OptimizerPlugin, given, [part, point])
        const { hparams } = await session.suggest(0, 2)
        expect(faultIn(given, hparams[0])).toBeUndefined()
        expect(hparams[0]).toMatchObject(part)
        expect(hparams[1]).toEqual(point)
      }),
      { numRuns: 60 },
    )
  }) // prettier-ignore

  it('is completed also by a sampler that takes no space so narrow, and by one that does not look', async () => {
    const numbers = { x: space.double(0, 1), kind: space.categorical(['a', 'b']) }
    const narrow = createSearch({ space: numbers, sampler: 'cmaes', direction: 'minimize', enqueue: [{ x: 0.5 }] })
    expect((await narrow.ask())?.hparams).toMatchObject({ x: 0.5 })
    const blind = { name: 'blind', adaptive: true, create: () => () => ({ x: 0.25, kind: 'b' as const }) }
    const search = createSearch({ space: numbers, sampler: blind, direction: 'minimize', enqueue: [{ kind: 'a' }] })
    expect((await search.ask())?.hparams).toEqual({ x: 0.25, kind: 'a' })
    expect((await search.ask())?.hparams).toEqual({ x: 0.25, kind: 'b' })
  })
})

describe('what is enqueued under a scheduler', () => {
  it('gets a budget as every trial does, and is promoted like every other', async () => {
    const line = validateSpace({ x: space.double(0, 1) })
    for (const name of ['asha', 'hyperband', 'bohb', 'pbt']) {
      const session = sessionOf(builtinSchedulers.get(name) as OptimizerPlugin, line, [{ x: 0.5 }, { x: 0.25 }, {}])
      const { hparams, fidelities } = await session.suggest(0, 3)
      expect(hparams.slice(0, 2)).toEqual([{ x: 0.5 }, { x: 0.25 }])
      expect(contains(line, hparams[2])).toBe(true)
      expect(fidelities).toHaveLength(3)
      for (const { budget, from } of fidelities ?? []) expect([budget, from]).toEqual([1, null])
    }
  })

  it('is said to misbehave where a plug-in gives a fidelity that is none', async () => {
    const line = validateSpace({ x: space.double(0, 1) })
    for (const fidelity of [{ budget: 'all', from: null }, { budget: 0, from: null }, { budget: 1 }, {}]) {
      const plugin = { name: 'mine', adaptive: true, create: () => () => ({ hparams: { x: 0.5 }, fidelity }) as never }
      await expect(sessionOf(plugin, line, []).suggest(0, 1)).rejects.toMatchObject({ code: 'OPTIMIZER_MISBEHAVED' })
    }
  })

  it('is refused where it has more entries than there are places', async () => {
    const line = validateSpace({ x: space.double(0, 1) })
    const pbt = builtinSchedulers.get('pbt') as OptimizerPlugin
    const many = Array.from({ length: 11 }, (_, index) => ({ x: index / 10 }))
    await expect(sessionOf(pbt, line, many).suggest(0, 11)).rejects.toMatchObject({
      code: 'OPTIMIZER_UNFIT',
      message: expect.stringContaining('enqueue[10] has no place') as string,
    })
  })
})
