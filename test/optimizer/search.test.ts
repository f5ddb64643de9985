import { describe, expect, it } from 'vitest'
import { createSearch } from '../../src/optimizer/index.ts'
import { space, type Space } from '../../src/space/index.ts'

const line = { x: space.double(-5, 5) }

describe('a search without a bus', () => {
  for (const direction of ['minimize', 'maximize'] as const) {
    it(`comes closer than chance would (${direction})`, async () => {
      const search = createSearch({ space: line, sampler: 'tpe', direction, seed: 3 })
      const sign = direction === 'minimize' ? 1 : -1
      for (let trial = 0; trial < 60; trial++) {
        const suggestion = await search.ask()
        if (suggestion === undefined) throw new Error('nothing was suggested')
        search.tell(suggestion.id, sign * (suggestion.hparams.x - 2) ** 2)
      }
      expect(sign * (search.best?.value ?? NaN)).toBeLessThan(0.01)
    })
  }

  it('suggests what is enqueued first, counts what is known from before, and gives ids once', async () => {
    const history = [{ hparams: { x: 4 }, state: 'done' as const, metrics: { value: 0 }, step: null }]
    const search = createSearch({ space: line, direction: 'minimize', enqueue: [{ x: 1 }, { x: 1 }], history })
    const [first, second, third] = [await search.ask(), await search.ask(), await search.ask()]
    expect([first?.hparams, second?.hparams]).toEqual([{ x: 1 }, { x: 1 }])
    expect(new Set([first?.id, second?.id, third?.id]).size).toBe(3)
  })

  it('takes failures and what is not a number, and goes on', async () => {
    const search = createSearch({ space: line, sampler: 'gp', direction: 'minimize' })
    for (let trial = 0; trial < 12; trial++) {
      const { id } = (await search.ask()) ?? { id: -1 }
      search.tell(id, trial % 3 === 0 ? { state: 'failed' } : trial % 3 === 1 ? Number.NaN : trial)
    }
    expect(search.best?.value).toBe(2)
  })

  it('says what auto chose, and why', () => {
    const { notes } = createSearch({ space: line, direction: 'minimize', trials: 50 })
    expect(notes).toEqual([
      'auto chose gp, and cmaes for every third trial: 50 trials in 1 parameters are few; from trial 30 on most trials are near the best one',
    ])
  })

  it('says how little the constraints leave, and whether that is counted or estimated', () => {
    const notes = (a: Space[string], b: Space[string]) =>
      createSearch({ space: { a, b }, sampler: 'random', direction: 'minimize' }).notes
    const where = [{ sum: { a: 1, b: 1 }, atMost: 4 }]
    expect(notes(space.integer(0, 99, { where }), space.integer(0, 99))).toEqual([
      'the constraints leave 15 of 10,000 points (counted)',
    ])
    expect(notes(space.double(0, 99, { where }), space.double(0, 99))).toEqual([
      expect.stringMatching(/^the constraints leave about 0\.0\d+ % of all points \(estimated: \d+ of 100,000 points/),
    ])
    expect(notes(space.integer(0, 2, { where }), space.integer(0, 2))).toEqual([])
  })

  it('refuses an id that it never suggested, a sampler that is not there and hparams outside the space', () => {
    const search = createSearch({ space: line, direction: 'minimize' })
    expect(() => search.tell(7, 1)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => createSearch({ space: line, direction: 'minimize', sampler: 'no' })).toThrow(/there are auto, random/)
    expect(() => createSearch({ space: line, direction: 'minimize', enqueue: [{ x: 9 }] })).toThrow(
      /enqueue\[0\]\.x is 9/,
    )
  })

  it.each([
    [{ sampelr: 'tpe' }, 'sampelr: is unknown; did you mean sampler? there are space, sampler, direction'],
    [{ metric: 'loss' }, 'metric: is unknown; there are space, sampler'],
    [{ direction: 'max' }, "direction: is \"max\"; it is 'minimize' or 'maximize'"],
    [{ objectives: [] }, 'direction: stands beside objectives'],
    [{ direction: undefined, objectives: [{ metric: 'a' }] }, 'objectives: is not a list of { metric, direction'],
    [{ seed: 0.5 }, 'seed: is 0.5, not a whole number of at least 0'],
    [{ trials: 0 }, 'trials: is 0, not a whole number of at least 1'],
    [{ trials: 1, enqueue: [{ x: 1 }, { x: 2 }] }, 'enqueue: has 2 entries, more than there are trials, which are 1'],
    [{ enqueue: { x: 1 } }, 'enqueue: is {"x":1}, not a list of hparams'],
  ])('refuses %j: %s', (change, words) => {
    expect(() => createSearch({ space: line, direction: 'minimize', ...change } as never)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(words) as string }),
    )
  })

  it('says of a scheduler that it needs an experiment, and what there is here', () => {
    for (const sampler of ['asha', 'hyperband', 'bohb', 'pbt']) {
      expect(() => createSearch({ space: line, direction: 'minimize', sampler })).toThrow(
        expect.objectContaining({
          code: 'OPTION_INVALID',
          message: expect.stringMatching(
            `is ${sampler}, which says how far .* as the optimizer of an experiment; here there are auto, random`,
          ) as string,
        }),
      )
    }
  })

  it('says which sampler takes what another cannot', () => {
    const letters = { c: space.categorical(['a', 'b']) }
    expect(() => createSearch({ space: letters, direction: 'minimize', sampler: 'cmaes' })).toThrow(/`tpe` takes/)
  })

  it('has no best that breaks a constraint, and wants the number that one needs', async () => {
    const search = createSearch({ space: line, direction: 'maximize', constraints: ['memory <= 2'] })
    const ids: number[] = []
    for (let count = 0; count < 3; count++) ids.push((await search.ask())?.id ?? -1)
    const [first = -1, second = -1, third = -1] = ids
    expect(() => search.tell(first, 5)).toThrow(
      'lacks memory, which the constraint memory <= 2 needs: tell({ "value": …, "memory": … })',
    )
    search.tell(first, { value: 5, memory: 3 })
    expect(search.best).toBeUndefined()
    search.tell(second, { value: 4, memory: 2 })
    search.tell(third, { value: 6, memory: Number.NaN })
    expect(search.best).toMatchObject({ id: second, value: 4 })
    expect(() => createSearch({ space: line, direction: 'maximize', constraints: ['memory < 2'] })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})
