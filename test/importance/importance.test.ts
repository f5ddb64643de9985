import { describe, expect, it } from 'vitest'
import type { SearchSpace } from '../../protocol/index.ts'
import { importanceOf } from '../../src/importance/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { sample } from '../../src/space/index.ts'

const space: SearchSpace = {
  lr: { type: 'double', low: 1e-5, high: 1, log: true },
  units: { type: 'integer', low: 1, high: 100 },
  kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
  fixed: { type: 'constant', value: 1 },
}
type Hparams = ReturnType<typeof sample>

const trials = (loss: (hparams: Hparams) => number, count = 300) =>
  Array.from({ length: count }, (_, trial) => {
    const hparams = sample(space, createRandom('importance', trial))
    return { hparams, metrics: { loss: loss(hparams) } }
  })
const minimize = { metric: 'loss', direction: 'minimize' } as const

describe('the importance of hyperparameters', () => {
  it('is 1 in all, 0 for a constant, and goes to what decides, in both directions', () => {
    const byRate = (hparams: Hparams) => (Math.log10(Number(hparams['lr'])) + 2) ** 2 + 0.001 * Number(hparams['units'])
    const shares = importanceOf(space, trials(byRate), minimize) ?? {}
    expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1)
    expect(shares['fixed']).toBe(0)
    expect(shares['lr']).toBeGreaterThan(0.8)
    const turned = trials((hparams) => -byRate(hparams))
    expect(importanceOf(space, turned, { metric: 'loss', direction: 'maximize' })).toEqual(shares)
    const byKind = importanceOf(
      space,
      trials(({ kind }) => (kind === 'b' ? 0 : 5)),
      minimize,
    )
    expect(byKind?.['kind']).toBeGreaterThan(0.9)
  })

  it('of a choice is the Pearson divergence of its counts', () => {
    // By hand: 20 trials, half a and half b; the two best are both a. Counts with one trial spread over both choices:
    // p_all = (10.5, 10.5)/21, p_best = (2.5, 0.5)/3, so sum p_all (p_best/p_all - 1)^2 = 0.5 (4/9) + 0.5 (4/9) = 4/9.
    const small: SearchSpace = {
      one: { type: 'categorical', choices: ['a', 'b'] },
      other: { type: 'categorical', choices: ['a', 'b'] },
    }
    const two = Array.from({ length: 20 }, (_, trial) => ({
      hparams: { one: trial % 2 === 0 ? 'a' : 'b', other: trial < 1 || trial > 10 ? 'a' : 'b' },
      metrics: { loss: trial % 2 === 0 ? trial : trial + 100 },
    }))
    // other: p_all = (10.5, 10.5)/21; the best are trials 0 (a) and 2 (b), so its share is 0.
    expect(importanceOf(small, two, minimize)).toEqual({ one: 1, other: 0 })
  })

  it('is not told of too few trials, nor of trials that came to nothing', () => {
    expect(
      importanceOf(
        space,
        trials(() => 1, 9),
        minimize,
      ),
    ).toBeUndefined()
    expect(
      importanceOf(
        space,
        trials(() => NaN),
        minimize,
      ),
    ).toBeUndefined()
  })
})
