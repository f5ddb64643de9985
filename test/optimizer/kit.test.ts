import { describe, expect, it } from 'vitest'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import { observe, open, suggest, type SearchSpace } from '../../protocol/index.ts'
import { ask } from '../../src/bus/index.ts'
import { servedPlugin, startOptimizer, type ServeOptions } from '../../src/optimizer/index.ts'
import { validate } from '../../src/space/index.ts'
import { servedAblatorContract, servedOptimizerContract, servedPrunerContract } from '../contract/index.ts'

const space: SearchSpace = { x: { type: 'integer', low: 0, high: 100 } }
const wait = { timeoutMs: 1000 }

function serve<State>(given: Omit<ServeOptions<State>, 'name'>) {
  const network = createMemoryNetwork()
  startOptimizer(network.connect(), [servedPlugin({ ...given, name: 'mine' })], { id: 'o1' })
  const bus = network.connect()
  const at = { optimizer: 'mine', instance: 'o1' }
  return {
    open: (experiment: string, options: Record<string, unknown> = {}, within = space) =>
      ask(
        bus,
        open,
        { optimizer: 'mine' },
        {
          experiment,
          space: within,
          objectives: [{ metric: 'v', direction: 'minimize' }],
          seed: 1,
          options,
          trials: 9,
          history: [],
        },
        wait,
      ),
    suggest: async (experiment: string, trial: number) =>
      (await ask(bus, suggest, at, { experiment, trial, count: 1 }, wait)).hparams[0],
    close: (experiment: string) => ask(bus, observe, at, { experiment, observations: [], closed: true }, wait),
  }
}

describe('a served optimizer', () => {
  it('refuses options that do not fit its schema, with their path', async () => {
    const options = {
      type: 'object',
      properties: {
        greed: { type: 'number', minimum: 0, maximum: 1 },
        deep: { type: 'object', properties: { n: { type: 'integer' } } },
      },
      additionalProperties: false,
    }
    const mine = serve({ options, suggest: ({ sample }) => sample() })
    const unfit = { code: 'OPTIMIZER_UNFIT' }
    await expect(mine.open('e1', { greed: 2 })).rejects.toMatchObject({
      ...unfit,
      message: expect.stringContaining('options.greed must be <= 1') as string,
    })
    await expect(mine.open('e1', { greedy: 1 })).rejects.toMatchObject({
      ...unfit,
      message: expect.stringContaining('options.greedy is unknown; there are greed, deep') as string,
    })
    await expect(mine.open('e1', { deep: { n: 1.5 } })).rejects.toMatchObject({
      ...unfit,
      message: expect.stringContaining('options.deep.n') as string,
    })
    await expect(mine.open('e1', { greed: 0.5 })).resolves.toMatchObject({ instance: 'o1' })
  })

  it('refuses a search in its own words when it is opened', async () => {
    const mine = serve({
      open: ({ space: given, refuse }) =>
        Object.keys(given).length > 1 ? refuse('space', 'has more than one parameter') : undefined,
      suggest: ({ sample }) => sample(),
    })
    const wide = { ...space, y: { type: 'double' as const, low: 0, high: 1 } }
    await expect(mine.open('e1', {}, wide)).rejects.toMatchObject({
      code: 'OPTIMIZER_UNFIT',
      message: expect.stringContaining('space has more than one parameter') as string,
    })
  })

  it('has a state for each experiment, made when it is opened and made anew when it is opened again', async () => {
    const mine = serve({ open: ({ seed }) => ({ asked: 10 * seed }), suggest: ({ state }) => ({ x: state.asked++ }) })
    await mine.open('e1')
    await mine.open('e2')
    expect([await mine.suggest('e1', 0), await mine.suggest('e1', 1), await mine.suggest('e2', 0)]).toEqual([
      { x: 10 },
      { x: 11 },
      { x: 10 },
    ])
    await mine.open('e1')
    expect(await mine.suggest('e1', 0)).toEqual({ x: 10 })
  })

  it('says sentences about its choices', async () => {
    const mine = serve({ notes: ({ trials }) => [`${trials} trials are few`], suggest: ({ sample }) => sample() })
    expect((await mine.open('e1')).notes).toEqual(['9 trials are few'])
  })

  it('is not served with a schema that is none', () => {
    expect(() =>
      servedPlugin({ name: 'mine', options: { type: 'number' }, suggest: ({ sample }) => sample() }),
    ).toThrow("options: is no JSON Schema of type 'object'")
  })
})

describe('validate', () => {
  it('says what is wrong with hparams and where, and nothing of those that fit', () => {
    expect(validate(space, { x: 3 })).toBeUndefined()
    expect(validate(space, { x: 300 })).toEqual({ path: 'x', reason: 'is 300, outside of 0 to 100' })
    expect(validate(space, {})).toEqual({ path: 'x', reason: 'is missing' })
    expect(validate(space, null)).toEqual({ path: '', reason: 'is not a map of values by name' })
  })
})

servedOptimizerContract(
  { name: 'drawing', suggest: ({ sample }) => sample() },
  { describe, it },
  { trials: 20, many: 200 },
)
servedAblatorContract(
  {
    name: 'each',
    adaptive: false,
    leaveOut({ components, repeats, trial }) {
      const sets = [[], ...components.map(({ name }) => [name])]
      const repeat = Math.floor(trial / sets.length)
      const without = sets[trial % sets.length]
      return repeat < repeats && without !== undefined ? { without, repeat } : 'exhausted'
    },
  },
  { describe, it },
)
servedPrunerContract(
  { name: 'patient', judge: ({ trial }) => (trial.points.length > 99 ? 'stop' : 'continue') },
  { describe, it },
)
