/** The space for the next search: a space like any other, whatever the one that was searched. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Hparams, Parameter, SearchSpace } from '../../protocol/index.ts'
import { spaceText } from '../../src/cli/suggested-space.ts'
import { nextSpace } from '../../src/importance/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { contains, countOf, indexOf, sample, space, validateSpace, valueAt } from '../../src/space/index.ts'
import { takenSpace } from '../support/odd-spaces.ts'

const searched: SearchSpace = {
  rate: space.double(1e-5, 1, { log: true }),
  units: space.integer(1, 64),
  dropout: space.double(0, 0.5),
  kind: space.categorical(['a', 'b', 'c']),
}
const trials = (count: number, loss: (hparams: Hparams) => number) =>
  Array.from({ length: count }, (_, trial) => {
    const hparams = sample(searched, createRandom('explained', trial))
    return { hparams, metrics: { loss: loss(hparams) } }
  })
const byRate = ({ rate }: Hparams) => (Math.log10(Number(rate)) + 2) ** 2
const times = (count: number, hparams: Hparams) => Array.from({ length: count }, () => hparams)

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
    expect((high['rate'] as { high: number }).high).toBe(1)
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

  it('lets a parameter be active only where its parent still has such a value, and leaves it out where it has none', () => {
    const nextOf = (parent: Parameter, when: number | string, values: readonly (number | string)[]) => {
      const child = space.double(0, 1, { when: { parameter: 'parent', in: values as (string | number)[] } })
      const below = space.integer(1, 9, { when: { parameter: 'child', in: [2] } })
      const given = validateSpace({ below, parent, child: { ...space.integer(1, 3), when: child.when } })
      const off = values.includes(when) ? { parent: when, child: 1 } : { parent: when }
      const on = { parent: values[0] as number | string, child: 2, below: 5 }
      return validateSpace(nextSpace(given, [...times(10, off), ...times(10, on)]))
    }
    const kinds = space.categorical(['sgd', 'adam'])
    expect(nextOf(kinds, 'adam', ['sgd'])).toEqual({ parent: { ...kinds, choices: ['adam'] } })
    expect(nextOf(kinds, 'adam', ['sgd', 'adam'])).toMatchObject({ child: { when: { in: ['adam'] } } })
    expect(nextOf(space.integer(1, 9), 2, [8, 2])).toMatchObject({ child: { when: { in: [2] } } })
    expect(Object.keys(nextOf(space.integer(1, 9), 2, [8]))).toEqual(['parent'])
    expect(Object.keys(nextOf(space.discrete([1, 2, 4, 8, 16]), 1, [16]))).toEqual(['parent'])
  })

  it('keeps the constraints of a parameter that it leaves out, but those that name it', () => {
    const given = validateSpace({
      kind: space.categorical(['sgd', 'adam']),
      a: space.integer(0, 9),
      moment: space.double(0, 1, {
        when: { parameter: 'kind', in: ['sgd'] },
        where: [
          { sum: { a: 1, moment: 1 }, atMost: 9 },
          { sum: { a: 1 }, atMost: 8 },
        ],
      }),
    })
    const ranked = [...times(10, { kind: 'adam', a: 8 }), ...times(10, { kind: 'sgd', a: 1, moment: 0.5 })]
    const next = nextSpace(given, ranked) ?? {}
    expect(Object.keys(next)).toEqual(['kind', 'a'])
    expect(next['a']?.where).toEqual([{ sum: { a: 1 }, atMost: 8 }])
  })

  it.each<[string, Parameter, number, object]>([
    ['the largest whole number', space.integer(0, 2 ** 53 - 1), 2 ** 53 - 1, { high: 2 ** 53 - 1 }],
    ['the least whole number', space.integer(1 - 2 ** 53, 0), 1 - 2 ** 53, { low: 1 - 2 ** 53 }],
    ['the largest double', space.double(0, 1.7e308), 1.7e308, { high: Number.MAX_VALUE }],
    ['all doubles', space.double(-8e307, 8e307), 8e307, { low: 6.4e307, high: 1.2e308 }],
    ['all magnitudes', space.double(1e-300, 1e300, { log: true }), 1e-300, { low: 9.99e-302, high: 1.01e-240 }],
    ['the least magnitude', space.double(1e-320, 2, { log: true }), 2, { high: 20.1 }],
    ['a share by its logarithm', space.double(0.1, 1, { log: true }), 1, { high: 1 }],
    ['a positive number', space.double(0.001, 0.1), 0.001, { low: 0.0005 }],
    ['a count', space.integer(16, 256), 16, { low: 1, high: 41 }],
    ['a count by its logarithm', space.integer(2, 4096, { log: true }), 2, { low: 1 }],
    ['multiples', space.integer(32, 512, { step: 32 }), 32, { low: 32, high: 96, step: 32 }],
    ['steps from an odd number', space.integer(3, 103, { step: 5 }), 3, { low: 3, high: 18, step: 5 }],
    ['decimal steps', space.double(0.1, 0.9, { step: 0.2 }), 0.9, { low: 0.7, high: 0.9, step: 0.2 }],
    ['steps that leave a rest', space.integer(0, 10, { step: 4 }), 8, { low: 4, high: 12 }],
    ['a narrow range of large numbers', space.double(1000, 1001), 1000.35, { low: 1000.25, high: 1000.45 }],
  ])('goes no farther than numbers do, and keeps the steps: %s', (_, parameter, best, expected) => {
    const next = nextSpace({ n: parameter }, times(20, { n: best })) ?? {}
    expect(next['n']).toMatchObject(expected)
    expect(validateSpace(next)).toEqual(next)
    expect(contains(next, { n: best })).toBe(true)
  })

  it('of any space is one that is not refused, and has the best points and the values on the old steps in it', () => {
    fc.assert(
      fc.property(takenSpace, fc.nat(), fc.integer({ min: 1, max: 20 }), (given, seed, different) => {
        const drawn = Array.from({ length: different }, (_, index) => sample(given, createRandom(seed, index)))
        const ranked = Array.from({ length: 20 }, (_, rank) => drawn[Math.floor((rank * different) / 20)] as Hparams)
        const next = nextSpace(given, ranked) ?? {}
        expect(validateSpace(next)).toEqual(next)
        for (const hparams of ranked.slice(0, 8)) expect(contains(next, hparams)).toBe(true)
        for (const [name, parameter] of Object.entries(next)) {
          const old = given[name] as Parameter
          if (countOf(old) > 1000 || (parameter.type !== 'integer' && parameter.type !== 'double')) continue
          for (let index = 0; index < countOf(old); index++) {
            const value = Number(valueAt(old, index))
            if (value < parameter.low || value > parameter.high) continue
            expect(indexOf(parameter, value)).toBeDefined()
          }
        }
      }),
      { numRuns: 150 },
    )
  })
})
