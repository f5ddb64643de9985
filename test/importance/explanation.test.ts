import { describe, expect, it } from 'vitest'
import type { Hparams, SearchSpace } from '../../protocol/index.ts'
import { spaceText } from '../../src/cli/explanation-text.ts'
import { explain, nextSpace } from '../../src/importance/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { sample, space, validateSpace } from '../../src/space/index.ts'

const searched: SearchSpace = {
  rate: space.double(1e-5, 1, { log: true }),
  units: space.integer(1, 64),
  dropout: space.double(0, 0.5),
  kind: space.categorical(['a', 'b', 'c']),
}
const objectives = [{ metric: 'loss', direction: 'minimize' as const }]
const trials = (count: number, loss: (hparams: Hparams, trial: number) => number) =>
  Array.from({ length: count }, (_, trial) => {
    const hparams = sample(searched, createRandom('explained', trial))
    return { state: 'done', hparams, metrics: { loss: loss(hparams, trial) } }
  })
const byRate = ({ rate }: Hparams) => (Math.log10(Number(rate)) + 2) ** 2

describe('the explanation of a search', () => {
  it('gives each share of importance an interval in which it lies, the narrower the more trials there are', () => {
    const widthAfter = (count: number) => {
      const shares = explain(searched, objectives, trials(count, byRate)).importance['loss'] ?? {}
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
    const few = explain(searched, objectives, trials(20, byRate)).prospect
    const many = explain(searched, objectives, trials(200, byRate)).prospect
    const { rate = 0, units = 0, dropout = 0 } = many?.lengths ?? {}
    expect(rate).toBeLessThan(Math.min(units, dropout))
    expect(many?.skill).toBeGreaterThan(0.9)
    expect(few?.gain).toBeGreaterThan(many?.gain ?? Infinity)
    const noise = explain(
      searched,
      objectives,
      trials(60, (_, trial) => createRandom('noise', trial).normal()),
    ).prospect
    expect(noise?.skill).toBeLessThan(0.3)
  })

  it('counts trials whose hparams were tried before, and says nothing of the rest where there are too few', () => {
    const [one] = trials(1, byRate)
    const again = Array.from({ length: 5 }, () => one).filter((each) => each !== undefined)
    expect(explain(searched, objectives, again)).toEqual({ importance: {}, repeats: 4 })
    expect(explain(searched, objectives, [])).toEqual({ importance: {}, repeats: 0 })
  })
})

describe('the space for the next search', () => {
  const nextFor = (loss: (hparams: Hparams) => number) => {
    const ranked = trials(120, loss)
      .toSorted((a, b) => a.metrics.loss - b.metrics.loss)
      .map(({ hparams }) => hparams)
    return nextSpace(searched, ranked) ?? {}
  }

  it('is narrower around the best trials, keeps what does not matter, and drops choices that are never good', () => {
    const next = nextFor((hparams) => byRate(hparams) + (hparams['kind'] === 'a' ? 0 : 100))
    expect(next['rate']).toMatchObject({ type: 'double', log: true })
    const { low, high } = next['rate'] as { low: number; high: number }
    expect(low).toBeGreaterThan(1e-5)
    expect(low).toBeLessThan(1e-2)
    expect(high).toBeGreaterThan(1e-2)
    expect(high).toBeLessThan(1)
    expect(next['kind']).toMatchObject({ choices: ['a'] })
    expect(validateSpace(next)).toEqual(next)
  })

  it('goes beyond an edge at which the best trials lie, but not below 0 and not above 1 for a share', () => {
    const high = nextFor(
      ({ units, dropout, rate }) => -Number(units) + 50 * Number(dropout) - 20 * Math.log10(Number(rate)),
    )
    expect((high['units'] as { high: number }).high).toBeGreaterThan(64)
    expect((high['rate'] as { high: number }).high).toBeGreaterThan(1)
    expect((high['dropout'] as { low: number }).low).toBe(0)
    expect(validateSpace(high)).toEqual(high)
  })

  it('is written as code that makes the same space', () => {
    const next = nextFor(byRate)
    // eslint-disable-next-line typescript/no-implied-eval -- the text is what a user would paste
    const made = new Function('space', `return ${spaceText(next, searched)}`)(space) as unknown
    expect(made).toEqual(next)
  })

  it('is not suggested after a handful of trials', () => {
    expect(
      nextSpace(
        searched,
        trials(10, byRate).map(({ hparams }) => hparams),
      ),
    ).toBeUndefined()
  })
})
