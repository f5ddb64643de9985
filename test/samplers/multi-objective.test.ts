import { describe, expect, it } from 'vitest'
import type { Objective, Observation, SearchSpace } from '../../protocol/index.ts'
import { hypervolume } from '../../src/pareto/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers, type Question, type SamplerPlugin } from '../../src/samplers/index.ts'
import { motpeSampler } from '../../src/samplers/motpe.ts'

const space: SearchSpace = Object.fromEntries(
  Array.from({ length: 5 }, (_, index) => [`x${index}`, { type: 'double' as const, low: 0, high: 1 }]),
)

/** ZDT1 (Zitzler, Deb, Thiele, 2000) in 5 dimensions; its front is f2 = 1 - sqrt(f1). */
function zdt1(hparams: Observation['hparams']): { f1: number; f2: number } {
  const [f1 = 0, ...rest] = Object.values(hparams).map(Number)
  const g = 1 + (9 / rest.length) * rest.reduce((sum, each) => sum + each, 0)
  return { f1, f2: g * (1 - Math.sqrt(f1 / g)) }
}

/** The hypervolume below (1.1, 6): the reference for ZDT1 with room above. */
function covered(name: string, turned: boolean, seed: number, trials = 300): number {
  const sign = turned ? -1 : 1
  const direction = turned ? ('maximize' as const) : ('minimize' as const)
  const objectives: Objective[] = [
    { metric: 'f1', direction },
    { metric: 'f2', direction },
  ]
  const options = name === 'nsga2' ? { population: 20 } : {}
  const sampler = builtinSamplers.get(name)?.create({ space, objectives, trials, options, seed })
  const history: Observation[] = []
  for (let trial = 0; trial < trials; trial++) {
    const random = createRandom(seed, 'suggest', trial)
    const hparams = sampler?.({ space, objectives, history, trial, random })
    if (hparams === undefined || hparams === 'exhausted') throw new Error('nothing suggested')
    const { f1, f2 } = zdt1(hparams)
    history.push({ trial, hparams, state: 'done', metrics: { f1: sign * f1, f2: sign * f2 }, step: null })
  }
  const reached = history.map(({ metrics }) => [sign * Number(metrics['f1']), sign * Number(metrics['f2'])])
  return hypervolume(reached, [1.1, 6])
}

describe('NSGA-II', () => {
  it('covers more of ZDT1 than chance does, whichever way its objectives are turned', () => {
    for (const seed of [1, 2, 3]) {
      const chance = covered('random', false, seed)
      const found = covered('nsga2', false, seed)
      expect(found).toBeGreaterThan(chance + 0.4)
      expect(covered('nsga2', true, seed)).toBeCloseTo(found, 10)
    }
  })
})

describe('multi-objective TPE', () => {
  it('asks a sampler for one objective, with the place by front and volume as what is minimized', () => {
    let asked: Question | undefined
    const spy: SamplerPlugin = {
      name: 'spy',
      adaptive: true,
      create: () => (question) => {
        asked = question
        return { x0: 0 }
      },
    }
    const plugin = motpeSampler(() => new Map([['spy', spy]]))
    const objectives: Objective[] = [
      { metric: 'a', direction: 'minimize' },
      { metric: 'b', direction: 'maximize' },
    ]
    const options = { sampler: { name: 'spy' } }
    const results = [
      { a: 2, b: 0 },
      { a: 1, b: 1 },
      { a: 0, b: 0 },
      { a: null, b: 9 },
    ]
    const history = results.map((metrics, trial): Observation => {
      return { trial, hparams: {}, state: 'done', metrics, step: null }
    })
    history.push({ trial: 4, hparams: {}, state: 'pending', metrics: {}, step: null })
    const sampler = plugin.create({ space, objectives, trials: 9, options, seed: 1 })
    expect(sampler({ space, objectives, history, trial: 5, random: createRandom(1) })).toEqual({ x0: 0 })
    expect(asked?.objectives).toEqual([{ metric: 'place', direction: 'minimize' }])
    expect(asked?.history.map(({ metrics }) => metrics['place'])).toEqual([2, 0, 1, null, null])
  })
})

describe('auto', () => {
  it('comes in 60 trials nearer to the front of ZDT1 than chance does in 300, whichever way its objectives are turned', () => {
    expect(covered('auto', false, 1, 60)).toBeGreaterThan(covered('random', false, 1) + 0.2)
    expect(covered('auto', true, 1, 60)).toBeCloseTo(covered('auto', false, 1, 60), 10)
  })
})
