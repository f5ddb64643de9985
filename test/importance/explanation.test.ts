import { describe, expect, it } from 'vitest'
import type { Hparams, SearchSpace } from '../../protocol/index.ts'
import { explain, importances } from '../../src/importance/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { enumerate, sample, space, validateSpace } from '../../src/space/index.ts'

const searched: SearchSpace = {
  rate: space.double(1e-5, 1, { log: true }),
  units: space.integer(1, 64),
  dropout: space.double(0, 0.5),
  kind: space.categorical(['a', 'b', 'c']),
}
const objectives = [{ metric: 'loss', direction: 'minimize' as const }]
const explained = (trials: Parameters<typeof explain>[0]['trials']) => explain({ space: searched, objectives, trials })
const trials = (count: number, loss: (hparams: Hparams, trial: number) => number) =>
  Array.from({ length: count }, (_, trial) => {
    const hparams = sample(searched, createRandom('explained', trial))
    return { state: 'done', hparams, metrics: { loss: loss(hparams, trial) } }
  })
const byRate = ({ rate }: Hparams) => (Math.log10(Number(rate)) + 2) ** 2

describe('the explanation of a search', () => {
  it('gives each share of importance an interval in which it lies, the narrower the more trials there are', () => {
    const widthAfter = (count: number) => {
      const shares = explained(trials(count, byRate)).importance['loss'] ?? {}
      for (const { share, low, high } of Object.values(shares)) {
        expect(share).toBeGreaterThanOrEqual(low)
        expect(share).toBeLessThanOrEqual(high)
      }
      const { low = 0, high = 1 } = shares['rate'] ?? {}
      return high - low
    }
    expect(widthAfter(300)).toBeLessThan(widthAfter(30))
  })

  it('sees along which parameter values change, how much it foretells, and what more trials would gain', () => {
    const few = explained(trials(20, byRate)).prospect
    const many = explained(trials(200, byRate)).prospect
    const { rate = 0, units = 0, dropout = 0 } = many?.lengths ?? {}
    expect(rate).toBeLessThan(Math.min(units, dropout))
    expect(many?.skill).toBeGreaterThan(0.9)
    expect(few?.gain).toBeGreaterThan(many?.gain ?? Infinity)
    const noise = explained(trials(60, (_, trial) => createRandom('noise', trial).normal())).prospect
    expect(noise?.skill).toBeLessThan(0.3)
  })

  it('counts trials whose hparams were tried before, and says nothing of the rest where there are too few', () => {
    const [one] = trials(1, byRate)
    const again = Array.from({ length: 5 }, () => one).filter((each) => each !== undefined)
    expect(explained(again)).toEqual({ importance: {}, repeats: 4 })
    expect(explained([])).toEqual({ importance: {}, repeats: 0 })
    const kinds = [null, 'none', 'null', '']
    const odd = { kind: space.categorical(kinds) }
    const each = kinds.map((kind) => ({ state: 'done', hparams: { kind, fixed: 1 }, metrics: { loss: 1 } }))
    expect(explain({ space: odd, objectives, trials: each }).repeats).toBe(0)
  })

  it('takes a configuration that was tried several times for one, so that its repeats do not foretell one another', () => {
    const noise = trials(40, (_, trial) => createRandom('by point', trial).normal())
    const repeats = noise.flatMap(({ hparams, metrics: { loss }, state }, configuration) =>
      [0, 1, 2].map((repeat) => ({ state, hparams, repeat, configuration, metrics: { loss: loss + 0.01 * repeat } })),
    )
    const learned = explain({ space: searched, objectives, trials: repeats, configurations: noise })
    expect(learned).toEqual(explained(noise))
    expect(learned.prospect?.skill).toBeLessThan(0.3)
    // The same points, chosen again by the search itself.
    expect(explained(repeats.map((trial) => ({ ...trial, repeat: 0 }))).prospect?.skill).toBeLessThan(0.3)
  })

  it('goes by the trials of one budget, and takes one that continues another for no repeat of it', () => {
    const begun = trials(60, byRate).map((trial) => ({ ...trial, hparams: { ...trial.hparams, budget: 1 } }))
    const promoted = (budget: number, count: number) =>
      begun.slice(0, count).map(({ hparams, metrics: { loss } }, from) => ({
        state: 'done',
        hparams: { ...hparams, budget },
        metrics: { loss: loss - 50 * budget },
        from,
      }))
    const [second, third] = [promoted(2, 20), promoted(4, 5)]
    const { judged, ...learned } = explained([...begun, ...second, ...third])
    expect(judged).toEqual({ budget: 2, trials: 20 })
    expect(learned).toEqual({ ...explained(second), repeats: 0 })
    const { importance } = explained([...begun, ...second])
    expect(
      importances({ space: searched, objectives, trials: [...begun, ...second, ...third] })['loss']?.['rate'],
    ).toBe(importance['loss']?.['rate']?.share)
    // None has enough: the one that most have come to. A budget that all have says nothing.
    expect(explained([...begun.slice(0, 9), ...third]).judged).toEqual({ budget: 1, trials: 9 })
    expect(explained(begun).judged).toBeUndefined()
  })
})

describe('what more trials are expected to gain', () => {
  const gainOf = (given: SearchSpace, points: readonly Hparams[], loss: (hparams: Hparams) => number) => {
    const done = points.map((hparams) => ({ state: 'done', hparams, metrics: { loss: loss(hparams) } }))
    return explain({ space: given, objectives, trials: done }).prospect?.gain
  }
  const sampled = (given: SearchSpace, count: number) =>
    Array.from({ length: count }, (_, index) => sample(given, createRandom('gain', index)))
  const all = (given: SearchSpace) => {
    const grid = enumerate(given)
    return Array.from({ length: grid?.size ?? 0 }, (_, index) => grid?.at(index) as Hparams)
  }
  const dip = ({ x }: Hparams) => (Number(x) - 0.3) ** 2

  it('is looked for at points of the space alone: there is nothing between two choices', () => {
    const x = space.double(0, 1)
    const given = { x, kind: space.categorical(['a', 'b', 'c', 'd', 'e']) }
    const near = Array.from({ length: 30 }, (_, index) => ({ x: 0.3 + 0.002 * (index - 15), kind: 'a' }))
    const byKind = (hparams: Hparams) => dip(hparams) + 0.2 * 'abcde'.indexOf(String(hparams['kind']))
    expect(gainOf(given, [...sampled(given, 40), ...near], byKind)).toBeLessThan(1e-3)
  })

  it('is 0 where no point is left', () => {
    const listed = { a: space.integer(1, 4), b: space.categorical(['u', 'v', 'w', 'x', 'y']) }
    const byBoth = ({ a, b }: Hparams) => (Number(a) - 2) ** 2 + ('uvwxy'.indexOf(String(b)) - 3) ** 2
    expect(gainOf(listed, all(listed), byBoth)).toBe(0)
    expect(
      gainOf(
        listed,
        all(listed).filter(({ a }) => a !== 2),
        byBoth,
      ),
    ).toBeGreaterThan(0.1)
    // Failed trials leave no point either, though they have no value.
    const failed = all(listed).filter(({ a }) => a === 2)
    const done = all(listed).filter(({ a }) => a !== 2)
    const told = [...done, ...failed].map((hparams) =>
      hparams['a'] === 2
        ? { state: 'failed', hparams, metrics: {} }
        : { state: 'done', hparams, metrics: { loss: byBoth(hparams) } },
    )
    expect(explain({ space: listed, objectives, trials: told }).prospect?.gain).toBe(0)
  })

  it('leaves out a point that was tried, also where others have no end, and points that break a constraint', () => {
    const branch = {
      kind: space.categorical(['a', 'b']),
      x: space.double(0, 1, { when: { parameter: 'kind', in: ['b'] } }),
    }
    const lone = (hparams: Hparams) => (hparams['kind'] === 'a' ? 0 : 1 + dip(hparams))
    expect(gainOf(branch, [...sampled(branch, 40), { kind: 'a' }], lone)).toBeLessThan(0.01)
    const bounded = validateSpace({
      a: space.integer(1, 9),
      b: space.integer(1, 9, { where: [{ sum: { a: 1, b: 1 }, atMost: 8 }] }),
    })
    expect(gainOf(bounded, all(bounded), ({ a, b }) => -Number(a) - Number(b))).toBe(0)
    // Between two of its points lie others that break it, and would be much better.
    const hollow = validateSpace({
      a: space.double(0, 1),
      b: space.double(0, 1, { where: [{ product: { a: 1, b: 1 }, atMost: 0.05 }] }),
    })
    expect(gainOf(hollow, sampled(hollow, 60), ({ a, b }) => -Number(a) * Number(b))).toBeLessThan(0.005)
  })
})
