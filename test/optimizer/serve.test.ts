import { describe, expect, it } from 'vitest'
import type { Hparams, Observation, SearchSpace } from '../../protocol/index.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import {
  createSession,
  servedPlugin,
  serveOptimizer,
  startOptimizer,
  type ServedQuestion,
} from '../../src/optimizer/index.ts'
import { contains } from '../../src/space/index.ts'
import { optimizerContract } from '../contract/optimizer.contract.ts'

const suggest = ({ sample }: ServedQuestion): Hparams => sample()

optimizerContract(
  'mine',
  () => {
    const network = createMemoryNetwork()
    const service = startOptimizer(network.connect(), [servedPlugin({ name: 'mine', suggest })], { id: 'o1' })
    return Promise.resolve({ bus: network.connect(), stop: () => service.drain() })
  },
  { describe, it },
  { trials: 30, many: 500 },
)

const space: SearchSpace = { x: { type: 'integer', low: 0, high: 100 } }
const observation = (trial: number, state: Observation['state'], value: number | null): Observation => ({
  trial,
  hparams: { x: trial },
  state,
  metrics: { value },
  step: null,
})

const askedWith = async (history: readonly Observation[], direction: 'minimize' | 'maximize') => {
  const asked: ServedQuestion[] = []
  const plugin = servedPlugin({
    name: 'mine',
    suggest: (question) => {
      asked.push(question)
      return suggest(question)
    },
  })
  const objectives = [{ metric: 'value', direction }]
  const session = createSession(plugin, { space, objectives, trials: 9, options: { keep: 1 }, seed: 1, history })
  const { hparams } = await session.suggest(20, 1)
  return { question: asked[0], hparams: hparams[0] }
}

describe('an optimizer of one’s own', () => {
  const history = [
    observation(0, 'done', 5),
    observation(1, 'done', 2),
    observation(2, 'done', 9),
    observation(3, 'done', null),
    observation(4, 'pruned', 100),
    observation(5, 'failed', -100),
  ]

  it('is told what did best, in either direction, of what is done and finite', async () => {
    expect((await askedWith(history, 'minimize')).question?.best?.trial).toBe(1)
    expect((await askedWith(history, 'maximize')).question?.best?.trial).toBe(2)
    expect((await askedWith(history.slice(3), 'maximize')).question?.best).toBeUndefined()
  })

  it('is told the options, the space and the number of trials, and can draw a point', async () => {
    const { question, hparams } = await askedWith([], 'minimize')
    expect(question).toMatchObject({ space, options: { keep: 1 }, trials: 9, trial: 20 })
    expect(contains(space, hparams)).toBe(true)
  })

  it.each([
    ['', 'name: is ""; letters, digits, - and _ only, at most 100'],
    ['my.own', 'name: is "my.own"; letters, digits, - and _ only, at most 100'],
    ['random', 'name: is random, which is a built-in; choose another'],
  ])('is refused with the name %j before it connects', async (name, message) => {
    await expect(serveOptimizer({ name, suggest })).rejects.toMatchObject({ code: 'OPTION_INVALID', message })
  })
})
