import { describe, expect, it } from 'vitest'
import {
  observeAblation,
  openAblation,
  suggestRemovals,
  type AblationObservation,
  type Component,
} from '../../protocol/index.ts'
import { builtinAblators } from '../../src/ablation/index.ts'
import { servedAblator, startAblator, type ServeAblatorOptions } from '../../src/ablator/index.ts'
import { ask, createMemoryNetwork } from '../../src/bus/index.ts'

const wait = { timeoutMs: 1000 }
const components = ['a', 'b'].map((name): Component => ({ kind: 'features', name, features: [name] }))

function serve(leaveOut: ServeAblatorOptions['leaveOut'] | undefined, ablator = 'mine') {
  const network = createMemoryNetwork()
  const plugins = leaveOut === undefined ? [...builtinAblators.values()] : [servedAblator({ name: ablator, leaveOut })]
  const service = startAblator(network.connect(), plugins, { id: 'a1' })
  const bus = network.connect()
  const instance = 'a1'
  return {
    service,
    open: (history: AblationObservation[] = [], options = {}) => {
      const objectives = [{ metric: 'value', direction: 'maximize' as const }]
      const setting = { components, repeats: 2, objectives, seed: 1, options, trials: 99, history }
      return ask(bus, openAblation, { ablator }, { experiment: 'e1', ...setting }, wait)
    },
    suggest: (trial: number, count = 1) =>
      ask(bus, suggestRemovals, { ablator, instance }, { experiment: 'e1', trial, count }, wait),
    observe: (observations: AblationObservation[], closed = false) =>
      ask(bus, observeAblation, { ablator, instance }, { experiment: 'e1', observations, closed }, wait),
  }
}
const done = (trial: number, without: string[]): AblationObservation => {
  return { trial, without, repeat: 0, state: 'done', metrics: { value: 1 }, step: null }
}

describe('an ablator on the bus', () => {
  it('says what several trials do without, and that there is nothing more', async () => {
    const loco = serve(undefined, 'loco')
    expect(await loco.open()).toEqual({ instance: 'a1', adaptive: false })
    const { removals, exhausted } = await loco.suggest(0, 9)
    expect(removals.map(({ without, repeat }) => `${without.join()}${repeat}`)).toEqual([
      '0',
      'a0',
      'b0',
      '1',
      'a1',
      'b1',
    ])
    expect(exhausted).toBe(true)
  })

  it('gives fewer while results must come in, and goes on when they have', async () => {
    const greedy = serve(undefined, 'greedy')
    await greedy.open([done(0, [])])
    const first = await greedy.suggest(1, 9)
    // The base has a second repeat, and all of it must be known before the first round.
    expect(first).toEqual({ removals: [{ without: [], repeat: 1 }], exhausted: false })
    expect(await greedy.suggest(2, 9)).toEqual({ removals: [], exhausted: false })
    await greedy.observe([{ ...done(1, []), repeat: 1 }])
    expect((await greedy.suggest(2, 9)).removals).toHaveLength(4)
  })

  it('gives the same answer to a question that is asked again because its reply was lost', async () => {
    const asked: number[] = []
    const mine = serve(({ trial }) => {
      asked.push(trial)
      return { without: ['a'], repeat: 0 }
    })
    await mine.open()
    expect(await mine.suggest(0)).toEqual(await mine.suggest(0))
    expect(asked).toEqual([0])
  })

  it.each([
    ['names what is no component', () => ({ without: ['c'], repeat: 0 }), 'it leaves out c; there are a, b'],
    ['names one twice', () => ({ without: ['a', 'a'], repeat: 0 }), 'it leaves out the same component twice'],
    ['goes beyond the repeats', () => ({ without: [], repeat: 2 }), 'repeat 2; there are 0 to 1'],
    [
      'throws',
      () => {
        throw new Error('out of ideas')
      },
      'it threw out of ideas',
    ],
  ])('answers ABLATOR_MISBEHAVED when a served one %s', async (_, leaveOut, reason) => {
    const mine = serve(leaveOut)
    await mine.open()
    const message = `the ablator mine gave a wrong answer: ${reason}`
    await expect(mine.suggest(0)).rejects.toMatchObject({ code: 'ABLATOR_MISBEHAVED', message })
  })

  it('says ABLATOR_UNFIT of options that it does not have, and EXPERIMENT_UNKNOWN of what it forgot', async () => {
    const loco = serve(undefined, 'loco')
    await expect(loco.open([], { depth: 2 })).rejects.toMatchObject({ code: 'ABLATOR_UNFIT' })
    await loco.open()
    await loco.observe([], true)
    await expect(loco.suggest(0)).rejects.toMatchObject({ code: 'EXPERIMENT_UNKNOWN' })
  })

  it('is not served under the name of a built-in', () => {
    expect(() => servedAblator({ name: 'loco', leaveOut: () => 'exhausted' })).toThrow('which is a built-in')
  })
})
