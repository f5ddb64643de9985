import { describe, expect, it } from 'vitest'
import type { AblationObservation, Component } from '../../protocol/index.ts'
import { builtinAblators } from '../../src/ablation/index.ts'
import { ablatorContract } from '../contract/index.ts'

for (const plugin of builtinAblators.values()) ablatorContract(plugin, { describe, it })

const components = ['a', 'b', 'c'].map((name): Component => ({ kind: 'features', name, features: [name] }))
const objectives = [{ metric: 'value', direction: 'maximize' as const }]

function planOf(name: string, repeats: number, trials: number) {
  const ablator = builtinAblators.get(name)?.create({ components, repeats, objectives, options: {}, seed: 0 })
  return Array.from({ length: trials }, (_, trial) =>
    ablator?.({ components, repeats, objectives, history: [], trial }),
  )
}

/** Runs an ablator to its end, each trial before the next is asked for. */
function endOf(name: string, value: (without: readonly string[]) => number, options = {}) {
  const ablator = builtinAblators.get(name)?.create({ components, repeats: 1, objectives, options, seed: 0 })
  const history: AblationObservation[] = []
  for (let trial = 0; trial < 100; trial += 1) {
    const said = ablator?.({ components, repeats: 1, objectives, history, trial })
    if (said === undefined || typeof said === 'string') return { said, tried: history.map(({ without }) => without) }
    const metrics = { value: value(said.without) }
    history.push({ trial, ...said, state: 'done', metrics, step: null })
  }
  throw new Error('no end')
}

describe('loco', () => {
  it('runs the base, then one trial per component, and all of it again for each repeat', () => {
    expect(planOf('loco', 2, 9).map((said) => (typeof said === 'object' ? said.without.join() : said))).toEqual([
      '',
      'a',
      'b',
      'c',
      '',
      'a',
      'b',
      'c',
      'exhausted',
    ])
  })
})

describe('leave two out', () => {
  it('runs the base, the components alone, and every pair', () => {
    expect(planOf('pairs', 1, 8).map((said) => (typeof said === 'object' ? said.without.join('+') : said))).toEqual([
      '',
      'a',
      'b',
      'c',
      'a+b',
      'a+c',
      'b+c',
      'exhausted',
    ])
  })
})

describe('greedy backward elimination', () => {
  it('leaves out for good what is missed least, until everything that is left is missed', () => {
    // b is of no use, c costs a little, a is what matters.
    const worth = (without: readonly string[]) =>
      1 - (without.includes('a') ? 0.5 : 0) - (without.includes('c') ? 0.1 : 0)
    const { said, tried } = endOf('greedy', worth)
    expect(said).toBe('exhausted')
    expect(tried.map((without) => without.join('+'))).toEqual(['', 'a', 'b', 'c', 'b+a', 'b+c'])
  })

  it('goes on within its tolerance, and no further than its rounds', () => {
    const worth = (without: readonly string[]) => 1 - without.length * 0.1
    expect(endOf('greedy', worth, { tolerance: 0.15 }).tried).toHaveLength(1 + 3 + 2 + 1)
    expect(endOf('greedy', worth, { tolerance: 0.15, rounds: 1 }).tried).toHaveLength(1 + 3)
  })

  it('asks for all of a round at once, and waits for it before the next', () => {
    const ablator = builtinAblators.get('greedy')?.create({ components, repeats: 1, objectives, options: {}, seed: 0 })
    const done = (trial: number, without: string[], state: 'done' | 'pending'): AblationObservation => {
      return { trial, without, repeat: 0, state, metrics: state === 'done' ? { value: 1 } : {}, step: null }
    }
    const ask = (history: AblationObservation[]) =>
      ablator?.({ components, repeats: 1, objectives, history, trial: history.length })
    expect(ask([done(0, [], 'pending')])).toBe('wait')
    const base = done(0, [], 'done')
    expect(ask([base, done(1, ['a'], 'pending'), done(2, ['b'], 'pending')])).toEqual({ without: ['c'], repeat: 0 })
    const round = [base, done(1, ['a'], 'done'), done(2, ['b'], 'pending'), done(3, ['c'], 'done')]
    expect(ask(round)).toBe('wait')
  })

  it('never leaves out a component whose trial failed', () => {
    const ablator = builtinAblators.get('greedy')?.create({ components, repeats: 1, objectives, options: {}, seed: 0 })
    const history = [[], ['a'], ['b'], ['c']].map((without, trial): AblationObservation => {
      const state = without[0] === 'a' ? 'failed' : 'done'
      return { trial, without, repeat: 0, state, metrics: state === 'done' ? { value: 1 } : {}, step: null }
    })
    expect(ablator?.({ components, repeats: 1, objectives, history, trial: 4 })).toEqual({
      without: ['b', 'a'],
      repeat: 0,
    })
    expect(ablator?.({ components, repeats: 1, objectives, history: history.slice(0, 4), trial: 4 })).toMatchObject({
      without: expect.arrayContaining(['b']) as unknown,
    })
  })
})
