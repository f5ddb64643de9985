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

  const several = [
    { metric: 'loss', direction: 'minimize' as const },
    { metric: 'size', direction: 'minimize' as const },
  ]

  it.each([
    [{ loss: 1 }, 'told: lacks value: tell(id, { "value": … })'],
    [{}, 'told: lacks value: tell(id, { "value": … })'],
    [{ value: '1' }, 'told.value: is "1", not a number; where there is none, tell NaN'],
    [{ value: 1, memory: null }, 'told.memory: is null, not a number'],
    [
      '0.5',
      'told: is "0.5", neither a number nor numbers by name: tell(id, { "value": … }), or tell(id, { "state": "failed" })',
    ],
    [true, 'told: is true, neither'],
    [[1], 'told: is [1], neither'],
    [1n, 'told: is 1, neither'],
    [null, 'told: is null, neither'],
    [undefined, 'told: is undefined, neither'],
    [{ state: 'finished', value: 1 }, 'told.state: is "finished"; there are failed, cancelled, pruned'],
    [{ state: 'done', value: 1 }, 'of a trial that is done, the numbers alone are told: tell(id, { "value": … })'],
    [{ state: 'pruned' }, 'told: lacks value, the last that was reported'],
    [{ state: 'pruned', value: '1' }, 'told.value: is "1", not a number'],
    [{ state: 'pruned', value: 1, step: 0.5 }, 'told.step: is 0.5, not a whole number from 0 on'],
    [{ state: 'failed', why: 'memory' }, 'told.why: is unknown; there are state, value, step'],
  ])('refuses to be told %o', async (told, words) => {
    const search = createSearch({ space: line, direction: 'minimize' })
    const { id } = (await search.ask()) ?? { id: -1 }
    expect(() => search.tell(id, told as never)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(words) as string }),
    )
    search.tell(id, 1)
    expect(search.best?.value).toBe(1)
  })

  it('wants all of several objectives, and takes a metric that is called state', async () => {
    const search = createSearch({ space: line, objectives: several })
    const { id } = (await search.ask()) ?? { id: -1 }
    const needed = 'tell(id, { "loss": …, "size": … })'
    expect(() => search.tell(id, 0.5)).toThrow(`told: is 0.5, one number for 2 objectives: ${needed}`)
    expect(() => search.tell(id, { loss: 1 })).toThrow(`told: lacks size: ${needed}`)
    search.tell(id, { loss: 1, size: 2, state: 3 })
    expect(search.best?.value).toBe(1)
  })

  it.each([
    [[null], 'history[0]: is null, not { hparams, state, metrics: { "value": … }, step }'],
    [[{ hparams: { x: 1 }, value: 1 }], 'history[0]: lacks metrics'],
    [[{ hparams: { x: 1 }, metrics: { loss: 1 } }], 'history[0].metrics: lacks value: it is { "value": … }'],
    [[{ hparams: { x: 1 }, metrics: { value: '1' } }], 'history[0].metrics.value: is "1", neither a number nor null'],
    [[{ hparams: { x: 1 }, metrics: [1] }], 'history[0].metrics: is [1], not numbers by name'],
    [
      [{ hparams: { x: 1 }, metrics: { value: 1 }, state: 'finished' }],
      'history[0].state: is "finished"; there are done,',
    ],
    [[{ hparams: { x: 1 }, metrics: { value: 1 }, step: '3' }], 'history[0].step: is "3", neither a whole number'],
    [[{ metrics: { value: 1 } }], 'history[0].hparams: is undefined, not hparams by name'],
    [{ x: 1 }, 'history: is {"x":1}, not a list'],
  ])('refuses the history %j', (history, words) => {
    expect(() => createSearch({ space: line, direction: 'minimize', history } as never)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(words) as string }),
    )
  })

  it('takes a history of trials that failed, or came to no number', () => {
    const history = [
      { hparams: { x: 1 }, metrics: {}, state: 'failed' as const },
      { hparams: { x: 2 }, metrics: { value: Number.NaN } },
      { hparams: { x: 3 }, metrics: { value: null }, state: 'done' as const, step: 7 },
    ]
    expect(createSearch({ space: line, direction: 'minimize', sampler: 'random', history }).notes).toEqual([])
  })

  it('leaves out known trials without the number that a constraint needs, and does not search where nothing is allowed', async () => {
    const history = Array.from({ length: 20 }, (_, index) => {
      const x = 0.6 + index * 0.02
      return { hparams: { x }, metrics: index === 0 ? { value: x, memory: x } : { value: x } }
    })
    const search = createSearch({
      space: { x: space.double(0, 1) },
      sampler: 'tpe',
      direction: 'maximize',
      constraints: ['memory <= 0.5'],
      history,
    })
    expect(search.notes).toEqual([
      'history: 1 of 20 trials are of use; 19 without "memory" (first: history[1].metrics)',
    ])
    let allowed = 0
    for (let count = 0; count < 30; count++) {
      const { id, hparams } = (await search.ask()) ?? { id: -1, hparams: { x: NaN } }
      if (hparams.x <= 0.5) allowed++
      search.tell(id, { value: hparams.x, memory: hparams.x })
    }
    expect(allowed).toBeGreaterThan(15)
  })

  it('counts what it was told last', async () => {
    const search = createSearch({ space: line, direction: 'minimize' })
    const ids: number[] = []
    for (let count = 0; count < 3; count++) ids.push((await search.ask())?.id ?? -1)
    const [first = -1, second = -1, third = -1] = ids
    search.tell(first, 1)
    search.tell(second, 3)
    search.tell(third, 4)
    search.tell(first, 5)
    expect(search.best).toMatchObject({ id: second, value: 3 })
    search.tell(second, { state: 'failed' })
    expect(search.best).toMatchObject({ id: third, value: 4 })
    search.tell(second, 2)
    expect(search.best).toMatchObject({ id: second, value: 2 })
    for (const id of ids) search.tell(id, { state: 'failed' })
    expect(search.best).toBeUndefined()
  })

  it('hands out hparams that are copies', async () => {
    const search = createSearch({ space: line, sampler: 'random', direction: 'minimize', enqueue: [{ x: 3 }] })
    const { id, hparams } = (await search.ask()) ?? { id: -1, hparams: { x: NaN } }
    hparams.x = 55
    search.tell(id, 1)
    expect(search.best?.hparams).toEqual({ x: 3 })
    if (search.best !== undefined) search.best.hparams.x = 55
    expect(search.best?.hparams).toEqual({ x: 3 })
  })

  it('answers any number of questions that are asked at once', async () => {
    const search = createSearch({ space: line, sampler: 'random', direction: 'minimize' })
    const suggestions = await Promise.all(Array.from({ length: 600 }, () => search.ask()))
    expect(suggestions.map((suggestion) => suggestion?.id)).toEqual(Array.from({ length: 600 }, (_, id) => id))
  })

  it('goes on after a question that its sampler could not answer', async () => {
    let asked = 0
    const create = () => () => {
      if (asked++ === 0) throw new Error('not now')
      return { x: 1 }
    }
    const sampler = { name: 'mine', adaptive: false, create }
    const search = createSearch({ space: line, sampler, direction: 'minimize' })
    await expect(search.ask()).rejects.toMatchObject({ code: 'OPTIMIZER_MISBEHAVED' })
    expect(await search.ask()).toEqual({ id: 0, hparams: { x: 1 } })
  })

  it('suggests a cancelled point of a grid again, also when it was asked beyond the end', async () => {
    const search = createSearch({ space: { n: space.integer(1, 2) }, sampler: 'grid', direction: 'minimize' })
    expect(await search.ask()).toEqual({ id: 0, hparams: { n: 1 } })
    await search.ask()
    expect([await search.ask(), await search.ask()]).toEqual([undefined, undefined])
    search.tell(0, { state: 'cancelled' })
    expect(await search.ask()).toEqual({ id: 2, hparams: { n: 1 } })
    expect(await search.ask()).toBeUndefined()
  })

  it('refuses an empty space', () => {
    expect(() => createSearch({ space: {}, direction: 'minimize' })).toThrow(
      expect.objectContaining({
        code: 'SPACE_INVALID',
        message: expect.stringContaining('space is empty: there is nothing to search for') as string,
      }),
    )
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
      'lacks memory, which the constraint memory <= 2 needs: tell(id, { "value": …, "memory": … })',
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
