/** Every sampler and scheduler in every space that is not refused, however odd it is, with results as odd. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode, isProblem, type Observation, type SearchSpace } from '../../protocol/index.ts'
import { createSession, type OptimizerPlugin } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { faultIn, space, validateSpace } from '../../src/space/index.ts'
import { takenSpace } from '../support/odd-spaces.ts'

/** What each is asked with, and in how many spaces: those that take their time in fewer. */
const asked: Readonly<Record<string, { readonly options?: Record<string, unknown>; readonly spaces?: number }>> = {
  grid: { options: { levels: 2 } },
  gp: { options: { warmup: 3 }, spaces: 12 },
  auto: { spaces: 12 },
  tpe: { options: { warmup: 3 } },
  nsga2: { options: { population: 2 } },
  cmaes: { options: { population: 4 } },
  hyperband: { options: { maxBudget: 9 } },
  bohb: { options: { maxBudget: 9 } },
  pbt: { options: { population: 2 } },
}
const trials = 9
const outcomes = fc.array(
  fc.oneof(
    fc.constantFrom(0, -0, 1, 1e308, -1e308, 5e-324, null, 'failed' as const, 'cancelled' as const, 'pruned' as const),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  ),
  { minLength: trials, maxLength: trials },
)

const ended = (pending: Observation, came: number | string | null | undefined): Observation => {
  const step = pending.trial % 3
  if (came === 'failed' || came === 'cancelled') return { ...pending, state: came }
  if (came === 'pruned') return { ...pending, state: 'pruned', metrics: { value: 1 }, step }
  return { ...pending, state: 'done', metrics: { value: came as number | null }, step }
}

/** What a search suggests; two trials are under way at once. */
async function search(plugin: OptimizerPlugin, given: SearchSpace, came: readonly (number | string | null)[], seed: number, reopens: boolean) {
  const setting = decode(encode({
    space: given,
    objectives: [{ metric: 'value', direction: 'minimize' }],
    trials,
    options: asked[plugin.name]?.options ?? {},
    seed,
  })) as Omit<Parameters<typeof createSession>[1], 'history'>
  const open = (history: readonly Observation[]) =>
    createSession(plugin, { ...setting, history: decode(encode(history)) as Observation[] })
  let session = open([])
  const history: Observation[] = []
  for (let trial = 0; trial < trials; trial++) {
    if (reopens) session = open(history)
    const { hparams, fidelities } = decode(encode(await session.suggest(trial, 1))) as Awaited<ReturnType<typeof session.suggest>>
    const [point] = hparams
    if (point === undefined) break
    expect(faultIn(given, point)).toBeUndefined()
    expect(JSON.stringify(JSON.parse(JSON.stringify(point)))).toBe(JSON.stringify(point))
    expect(Object.values(point).some((value) => Object.is(value, -0))).toBe(false)
    const fidelity = fidelities?.[0]
    const pending: Observation = { trial, hparams: point, ...(fidelity === undefined ? {} : { fidelity }), state: 'pending', metrics: {}, step: null }
    history.push(pending)
    const done = history[trial - 1]
    if (done?.state !== 'pending') continue
    history[trial - 1] = ended(done, came[trial - 1])
    session.observe([history[trial - 1] as Observation])
  }
  return JSON.stringify(history.map(({ hparams, fidelity }) => ({ hparams, fidelity })))
} // prettier-ignore

/** What a plug-in cannot take, it refuses when it is made. */
async function unlessUnfit(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!isProblem(error, 'OPTIMIZER_UNFIT')) throw error
  }
}

const plugins: OptimizerPlugin[] = [...builtinSamplers.values(), ...builtinSchedulers.values()]

describe.each(plugins.map((plugin) => [plugin.name, plugin] as const))('%s', (name, plugin) => {
  it('suggests inside any space, the same for the same seed, and the same after it was opened anew', async () => {
    await fc.assert(
      fc.asyncProperty(takenSpace, outcomes, fc.nat(), async (given, came, seed) => {
        await unlessUnfit(async () => {
          const first = await search(plugin, given, came, seed, false)
          expect(await search(plugin, given, came, seed, true)).toBe(first)
        })
      }),
      { numRuns: asked[name]?.spaces ?? 30 },
    )
  })
})

describe('a thousand parameters', () => {
  const many = validateSpace(
    Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => [
        `p${index}`,
        index % 3 === 0 ? space.double(0, 1) : index % 3 === 1 ? space.integer(1, 9) : space.categorical(['a', 'b']),
      ]),
    ),
  )
  it.each(plugins.filter(({ name }) => name !== 'grid').map((plugin) => [plugin.name, plugin] as const))(
    'are suggested by %s, or refused at once',
    async (_, plugin) => {
      await unlessUnfit(async () => {
        expect(await search(plugin, many, [1, 2, 3], 1, false)).toContain('p999')
      })
    },
  )
})
