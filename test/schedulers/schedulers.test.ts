import { describe, expect, it } from 'vitest'
import { codeOf, type Observation, type SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import type { SamplerPlugin } from '../../src/samplers/index.ts'
import { bohbScheduler } from '../../src/schedulers/hyperband.ts'
import { bracketsOf, builtinSchedulers, type Proposal } from '../../src/schedulers/index.ts'

const space: SearchSpace = { x: { type: 'double', low: 0, high: 1 } }

function scheduler(name: string, options: Record<string, unknown>, direction: 'minimize' | 'maximize', trials = 100) {
  const objectives = [{ metric: 'value', direction }]
  const plugin = builtinSchedulers.get(name)
  if (plugin === undefined) throw new Error(name)
  const ask = plugin.create({ space, objectives, trials, options, seed: 1 })
  const history: Observation[] = []
  return {
    history,
    suggest(): Proposal | 'wait' | 'exhausted' {
      const trial = history.length
      const answer = ask({ space, objectives, history: [...history], trial, random: createRandom(1, 'suggest', trial) })
      if (typeof answer !== 'string') history.push({ trial, ...answer, state: 'pending', metrics: {}, step: null })
      return answer
    },
    end(trial: number, value: number | null, state: Observation['state'] = 'done') {
      history[trial] = { ...(history[trial] as Observation), state, metrics: { value } }
    },
  }
}

describe('ASHA', () => {
  it('promotes the best not yet promoted of the top floor(n / reductionFactor), in both directions', () => {
    for (const direction of ['minimize', 'maximize'] as const) {
      const sign = direction === 'minimize' ? 1 : -1
      const asha = scheduler('asha', { reductionFactor: 2, minBudget: 1, maxBudget: 4 }, direction)
      for (let trial = 0; trial < 4; trial++)
        expect(asha.suggest()).toMatchObject({ fidelity: { budget: 1, from: null } })
      asha.end(0, sign * 3)
      expect(asha.suggest()).toMatchObject({ fidelity: { budget: 1, from: null } }) // 4: floor(1 / 2) = 0
      asha.end(1, sign * 1)
      expect(asha.suggest()).toMatchObject({ fidelity: { budget: 2, from: 1 } }) // 5
      expect(asha.suggest()).toMatchObject({ fidelity: { budget: 1, from: null } }) // 6
      asha.end(2, sign * 0.5)
      asha.end(3, sign * 2)
      expect(asha.suggest()).toMatchObject({ fidelity: { budget: 2, from: 2 } }) // 7
      asha.end(5, sign * 1)
      asha.end(7, sign * 0.9)
      expect(asha.suggest()).toMatchObject({ fidelity: { budget: 4, from: 7 } }) // the higher rung comes first
      expect(asha.history[8]?.hparams).toEqual(asha.history[2]?.hparams)
    }
  })

  it('counts failed, pruned and not finite trials among those that ended, and never promotes them', () => {
    const asha = scheduler('asha', { reductionFactor: 2 }, 'minimize')
    for (let trial = 0; trial < 6; trial++) asha.suggest()
    asha.end(0, null)
    asha.end(1, -9, 'pruned')
    asha.end(2, null, 'failed')
    expect(asha.suggest()).toMatchObject({ fidelity: { from: null } })
    asha.end(3, 5)
    expect(asha.suggest()).toMatchObject({ fidelity: { from: 3, budget: 2 } })
  })
})

describe('the largest budget', () => {
  const budgetsOf = (name: string, options: Record<string, unknown>) => {
    const one = scheduler(name, options, 'minimize', 40)
    for (let trial = 0; trial < 400; trial++) {
      if (typeof one.suggest() === 'string') break
      one.end(trial, trial)
    }
    return [...new Set(one.history.map(({ fidelity }) => fidelity?.budget ?? 0))].toSorted((a, b) => a - b)
  }

  it.each([
    ['asha', { maxBudget: 27 }, [1, 2, 4, 8, 16, 27]],
    ['asha', { maxBudget: 17 }, [1, 2, 4, 8, 17]],
    ['asha', { maxBudget: 4.8, minBudget: 0.6 }, [0.6, 1.2, 2.4, 4.8]],
    ['asha', { maxBudget: 27, reductionFactor: 3 }, [1, 3, 9, 27]],
    ['hyperband', { maxBudget: 10 }, [10 / 9, 10 / 3, 10]],
    ['bohb', { maxBudget: 10, sampler: 'random' }, [10 / 9, 10 / 3, 10]],
    ['pbt', { maxBudget: 7, interval: 3, population: 2 }, [3, 6, 7]],
    ['pbt', { maxBudget: 2, interval: 3, population: 2 }, [2]],
  ])('%s with %j comes to it', (name, options, budgets) => {
    expect(budgetsOf(name, options)).toEqual(budgets.map((budget) => expect.closeTo(budget, 9) as number))
  })
})

describe('Hyperband', () => {
  it('has for (1, 9, 3) the brackets [9,3,1]@[1,3,9], [3,1]@[3,9], [3]@[9]', () => {
    expect(bracketsOf(1, 9, 3)).toEqual([
      { trials: [9, 3, 1], budgets: [1, 3, 9] },
      { trials: [3, 1], budgets: [3, 9] },
      { trials: [3], budgets: [9] },
    ])
  })

  for (const [name, options] of [
    ['hyperband', {}],
    ['bohb', { sampler: 'random' }],
  ] as const) {
    for (const parallel of [1, 4, 30]) {
      it(`runs exactly these trials in one iteration, ${parallel} at once (${name})`, () => {
        const band = scheduler(
          name,
          { minBudget: 1, maxBudget: 9, reductionFactor: 3, iterations: 1, ...options },
          'maximize',
        )
        for (;;) {
          const pending = band.history.filter(({ state }) => state === 'pending')
          const answer = pending.length < parallel ? band.suggest() : 'full'
          if (answer === 'exhausted') break
          const [first] = pending
          if (typeof answer === 'string' && first !== undefined) band.end(first.trial, Number(first.hparams['x']))
        }
        const at = (group: number, budget: number) =>
          band.history.filter(({ fidelity }) => fidelity?.group === group && fidelity.budget === budget).length
        expect([at(0, 1), at(0, 3), at(0, 9)]).toEqual([9, 3, 1])
        expect([at(1, 1), at(1, 3), at(1, 9)]).toEqual([0, 3, 1])
        expect([at(2, 1), at(2, 3), at(2, 9)]).toEqual([0, 0, 3])
        expect(band.history).toHaveLength(20)
      })
    }
  }
})

describe('BOHB', () => {
  it('comes closer to the best point than chance, by a model of what earlier trials came to (TPE)', () => {
    for (const direction of ['minimize', 'maximize'] as const) {
      const sign = direction === 'minimize' ? 1 : -1
      const bohb = scheduler('bohb', { maxBudget: 9, randomFraction: 0 }, direction, 100)
      for (let trial = 0; trial < 100; trial++) {
        expect(bohb.suggest()).toMatchObject({ fidelity: { budget: expect.any(Number) as number } })
        bohb.end(trial, sign * (Number(bohb.history[trial]?.hparams['x']) - 0.3) ** 2)
      }
      const late = bohb.history.slice(50).filter(({ fidelity }) => fidelity?.from === null)
      const distances = late.map(({ hparams }) => Math.abs(Number(hparams['x']) - 0.3))
      // By chance it would be 0.29 on average; what is asked for is half of it.
      expect(distances.reduce((sum, each) => sum + each, 0) / distances.length).toBeLessThan(0.15)
    }
  })

  it('models the largest budget that has enough results, and counts what is under way at any', () => {
    const asked: Observation[][] = []
    const spy: SamplerPlugin = {
      name: 'spy',
      adaptive: true,
      create: () => (question) => {
        asked.push([...question.history])
        return { x: 0.5 }
      },
    }
    const options = { maxBudget: 9, randomFraction: 0, sampler: 'spy' }
    const objectives = [{ metric: 'value', direction: 'minimize' as const }]
    const bohb = bohbScheduler(new Map([['spy', spy]])).create({ space, objectives, trials: 99, options, seed: 1 })
    const at = (budget: number, count: number, state: Observation['state'] = 'done') =>
      Array.from({ length: count }, () => ({ budget, state }))
    const show = (given: readonly { budget: number; state: Observation['state'] }[]) => {
      const history = given.map(({ budget, state }, trial): Observation => ({
        trial,
        hparams: { x: 0.5 },
        fidelity: { budget, from: null },
        state,
        metrics: { value: trial },
        step: null,
      }))
      bohb({ space, objectives, history, trial: history.length, random: createRandom(1) })
      return asked.pop()?.map(({ fidelity, state }) => `${fidelity?.budget}${state}`)
    }
    // One parameter: three results are enough.
    expect(show([...at(1, 2), ...at(9, 1, 'pending')])).toEqual(['9pending'])
    expect(show([...at(1, 3), ...at(3, 2)])).toEqual(['1done', '1done', '1done'])
    expect(show([...at(1, 5), ...at(3, 3), ...at(1, 1, 'pending')])).toEqual(['3done', '3done', '3done', '1pending'])
  })
})

describe('population-based training', () => {
  it('lets the good go on from their own checkpoint, and the worst from one of the best, perturbed', () => {
    const pbt = scheduler('pbt', { population: 4, interval: 2, quantile: 0.25, resample: 0 }, 'maximize', 12)
    for (let member = 0; member < 4; member++) {
      expect(pbt.suggest()).toMatchObject({ fidelity: { budget: 2, from: null, group: member } })
    }
    expect(pbt.suggest()).toBe('wait')
    for (const [trial, value] of [0.9, 0.5, 0.6, 0.1].entries()) pbt.end(trial, value)
    expect(pbt.suggest()).toMatchObject({ fidelity: { budget: 4, from: 0, group: 0 } })
    expect(pbt.suggest()).toMatchObject({ fidelity: { budget: 4, from: 1, group: 1 } })
    expect(pbt.suggest()).toMatchObject({ fidelity: { budget: 4, from: 2, group: 2 } })
    expect(pbt.suggest()).toMatchObject({ fidelity: { budget: 4, from: 0, group: 3 } })
    const [good, exploring] = [pbt.history[0]?.hparams['x'], pbt.history[7]?.hparams['x']].map(Number)
    const near = [0.8, 1.2].map((factor) => Math.min(1, (good as number) * factor))
    expect(near).toContain(exploring)
    expect(pbt.history[4]?.hparams).toEqual(pbt.history[0]?.hparams)
  })

  it('replaces a member that failed, and ends when every member has gone its way', () => {
    const pbt = scheduler('pbt', { population: 2, maxBudget: 2 }, 'minimize', 50)
    pbt.suggest()
    pbt.suggest()
    pbt.end(0, null, 'failed')
    pbt.end(1, 1)
    expect(pbt.suggest()).toMatchObject({ fidelity: { from: 1, group: 0, budget: 2 } })
    expect(pbt.suggest()).toMatchObject({ fidelity: { from: 1, group: 1, budget: 2 } })
    expect(pbt.suggest()).toBe('wait')
    pbt.end(2, 1)
    pbt.end(3, 1)
    expect(pbt.suggest()).toBe('exhausted')
  })
})

describe('a scheduler', () => {
  it('refuses budgets that make no sense, and says who needs none', () => {
    const refusal = (name: string, options: Record<string, unknown>) => {
      try {
        scheduler(name, options, 'minimize')
      } catch (error) {
        return [codeOf(error), (error as Error).message]
      }
      return []
    }
    expect(refusal('hyperband', {})).toEqual([
      'OPTIMIZER_UNFIT',
      expect.stringContaining('options.maxBudget is missing'),
    ])
    expect(refusal('asha', { maxBudget: 1 })).toEqual([
      'OPTIMIZER_UNFIT',
      expect.stringContaining('random or tpe need no'),
    ])
    expect(refusal('pbt', { population: 1 })).toEqual([
      'OPTIMIZER_UNFIT',
      expect.stringContaining('options.population'),
    ])
    expect(refusal('bohb', { maxBudget: 9, sampler: 'nobody' })).toEqual([
      'OPTIMIZER_UNFIT',
      expect.stringContaining('options.sampler is "nobody"'),
    ])
  })
})
