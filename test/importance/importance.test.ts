import { describe, expect, it } from 'vitest'
import type { Observation, SearchSpace } from '../../protocol/index.ts'
import { explain, importanceOf } from '../../src/importance/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { sample, validateSpace } from '../../src/space/index.ts'

const space: SearchSpace = {
  lr: { type: 'double', low: 1e-5, high: 1, log: true },
  units: { type: 'integer', low: 1, high: 100 },
  kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
  fixed: { type: 'constant', value: 1 },
}
type Hparams = ReturnType<typeof sample>

const drawn = (given: SearchSpace, loss: (hparams: Hparams) => number, count: number) =>
  Array.from({ length: count }, (_, trial) => {
    const hparams = sample(given, createRandom('importance', trial))
    return { hparams, metrics: { loss: loss(hparams) } }
  })
const trials = (loss: (hparams: Hparams) => number, count = 300) => drawn(space, loss, count)
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

  it('counts a parameter by the part of the trials in which its condition holds, and points that keep constraints', () => {
    const branch: SearchSpace = {
      kind: { type: 'categorical', choices: ['a', 'b'] },
      depth: { type: 'double', low: 0, high: 1, when: { parameter: 'kind', in: ['b'] } },
    }
    const shares =
      importanceOf(
        branch,
        drawn(branch, ({ depth = 0.5 }) => Number(depth), 100),
        minimize,
      ) ?? {}
    // Var of depth where it is: 1/12, in half of the points; between the kinds there is no difference but by it. Alone kind is for 0, depth
    // for 1/48, both for 1/48 more: by halves kind has 1/4.
    expect(Math.abs((shares['depth'] ?? 0) - 0.75)).toBeLessThan(0.1)
    expect(Math.abs((shares['kind'] ?? 0) - 0.25)).toBeLessThan(0.1)
    const bounded = validateSpace({
      a: { type: 'double', low: 0, high: 1, where: [{ sum: { a: 1, b: 1 }, atMost: 1 }] },
      b: { type: 'double', low: 0, high: 1 },
    })
    expect(
      importanceOf(
        bounded,
        drawn(bounded, ({ a }) => Number(a), 60),
        minimize,
      )?.['a'],
    ).toBeGreaterThan(0.95)
  })

  it('is told of losses at the end of the doubles, too', () => {
    const byRate = trials(({ lr }) => (Math.log10(Number(lr)) + 2.5) * 6e307, 60)
    expect(importanceOf(space, byRate, minimize)?.['lr']).toBeGreaterThan(0.9)
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

/** Shares of the variance over the space, in closed form; of what two do together each has a half. */
const double = (low: number, high: number, log = false) => ({ type: 'double' as const, low, high, log })
const units = (...names: string[]) => Object.fromEntries(names.map((name) => [name, double(0, 1)]))
const known: readonly [string, SearchSpace, (hparams: Hparams) => number, Readonly<Record<string, number>>][] = [
  ['10 a + b', units('a', 'b'), ({ a, b }) => 10 * Number(a) + Number(b), { a: 100 / 101, b: 1 / 101 }],
  ['a b', units('a', 'b'), ({ a, b }) => Number(a) * Number(b), { a: 0.5, b: 0.5 }],
  ['one of six', units('a', 'b', 'c', 'd', 'e', 'f'), ({ c }) => (Number(c) - 0.3) ** 2, { a: 0, c: 1, f: 0 }],
  [
    // Variances: 1/4 by kind, 1/12 by x.
    'a choice',
    { kind: { type: 'categorical', choices: ['p', 'q'] }, ...units('x', 'y') },
    ({ kind, x }) => Number(kind === 'q') + Number(x),
    { kind: 0.75, x: 0.25, y: 0 },
  ],
  [
    // Of (u + 3)^2, u from -6 to 0: 4/45 of 3^4; of m: 1/12.
    'a rate in log space',
    { rate: double(1e-6, 1, true), ...units('m') },
    ({ rate, m }) => (Math.log10(Number(rate)) + 3) ** 2 + Number(m),
    { rate: 7.2 / (7.2 + 1 / 12), m: 1 / 12 / (7.2 + 1 / 12) },
  ],
]

describe('what matters in the whole space', () => {
  const searchedBy = (name: string, given: SearchSpace, loss: (hparams: Hparams) => number, count: number) => {
    const objectives = [minimize]
    const sampler = builtinSamplers.get(name)?.create({ space: given, objectives, trials: count, options: {}, seed: 1 })
    const history: Observation[] = []
    for (let trial = 0; trial < count; trial++) {
      const random = createRandom(1, 'suggest', trial)
      const hparams = sampler?.({ space: given, objectives, history, trial, random })
      if (hparams === undefined || hparams === 'exhausted') throw new Error('nothing is suggested')
      history.push({ trial, hparams, state: 'done', metrics: { loss: loss(hparams) }, step: null })
    }
    return explain({ space: given, objectives, trials: history }).importance['loss'] ?? {}
  }

  it.each(known)('lies in the intervals, wherever a sampler looked: %s', (_, given, loss, truth) => {
    for (const name of ['random', 'tpe', 'gp', 'auto']) {
      const shares = searchedBy(name, given, loss, 50)
      for (const [parameter, share] of Object.entries(truth)) {
        const { low, high } = shares[parameter] ?? { low: NaN, high: NaN }
        // The integration is as exact as a hundredth.
        expect(share).toBeGreaterThan(low - 0.01)
        expect(share).toBeLessThan(high + 0.01)
        expect(high - low).toBeLessThan(0.15)
      }
    }
  })

  it('is not sure of what hides in noise', () => {
    const by = ({ a }: Hparams) => 0.3 * Number(a) + createRandom('hidden', Number(a)).normal()
    const { low = 1, high = 0 } = searchedBy('random', units('a', 'b', 'c'), by, 30)['a'] ?? {}
    expect(high - low).toBeGreaterThan(0.3)
  })
})
