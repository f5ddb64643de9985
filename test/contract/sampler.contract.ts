/**
 * What every sampler must keep, as a suite for its author: `samplerContract(plugin, { describe, it })` with the functions of any
 * test runner (vitest, jest, mocha, node:test). It needs nothing else; the spaces that it tries come from fixed seeds.
 */
import assert from 'node:assert/strict'
import type { Direction, Hparams, Observation, SearchSpace } from '../../protocol/index.ts'
import { createRandom, type Random } from '../../src/random/index.ts'
import type { Question, SamplerPlugin } from '../../src/samplers/index.ts'
import { faultIn, sample, validateSpace } from '../../src/space/index.ts'
import { frozen, type TestRunner } from './runner.ts'

export interface SamplerContractOptions {
  /** Options that `create` is given. Default: none. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Leave out of the spaces what the sampler does not take, or return undefined for no such space. Default: takes all. */
  readonly adapt?: (space: SearchSpace) => SearchSpace | undefined
  /** For samplers that take their time: so many trials in a search, in so many of the spaces. Default: 40, in 20. */
  readonly trials?: number
  readonly spaces?: number
  /** It is adaptive and may yet suggest one of finitely many points again although others were never tried. Default: false. */
  readonly repeats?: boolean
}

/** With conditions within conditions, and with a constraint. */
const relatedSpaces: readonly SearchSpace[] = [
  {
    kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
    rate: { type: 'double', low: 0.001, high: 1, log: true, step: 0.001, when: { parameter: 'kind', in: ['a', 'b'] } },
    depth: { type: 'integer', low: 1, high: 3, when: { parameter: 'kind', in: ['b'] } },
    width: { type: 'integer', low: 1, high: 9, when: { parameter: 'depth', in: [2, 3] } },
    fixed: { type: 'constant', value: 1, when: { parameter: 'kind', in: ['c'] } },
  },
  {
    low: { type: 'integer', low: 0, high: 20, where: [{ sum: { low: 1, high: -1 }, atMost: 0 }] },
    high: { type: 'integer', low: 0, high: 20 },
    count: { type: 'integer', low: 1, high: 8, where: [{ product: { count: 1, high: 1 }, atMost: 60 }] },
  },
]

/** Registers the suite. */
export function samplerContract(
  plugin: SamplerPlugin,
  runner: TestRunner,
  contract: SamplerContractOptions = {},
): void {
  const { describe, it } = runner
  const { options = {}, adapt = (space) => space, trials = 40, spaces: spacesTried = 20, repeats = false } = contract

  const spaces = Array.from({ length: spacesTried }, (_, index) => adapt(anySpace(createRandom('space', index))))
    .concat(relatedSpaces.map(adapt))
    .filter((space) => space !== undefined)
    .map((space) => frozen(validateSpace(space)))

  const objectives = (direction: Direction) => frozen([{ metric: 'value', direction }])
  const create = (space: SearchSpace, direction: Direction = 'minimize', seed = 1) =>
    plugin.create(frozen({ space, objectives: objectives(direction), trials, options, seed }))
  const question = (
    space: SearchSpace,
    history: readonly Observation[],
    trial: number,
    direction: Direction = 'minimize',
    seed = 1,
  ): Question => ({
    space,
    objectives: objectives(direction),
    history: frozen([...history]),
    trial,
    point: trial,
    random: createRandom(seed, 'suggest', trial),
  })
  const checked = (space: SearchSpace, hparams: Hparams): Hparams => {
    const fault = faultIn(space, hparams)
    assert.equal(fault, undefined, `${fault?.path} ${fault?.reason} in ${JSON.stringify(space)}`)
    return hparams
  }

  /** A search from its beginning to its end, with every kind of outcome in it, two trials under way at once. */
  const search = (space: SearchSpace, direction: Direction, seed = 1) => {
    const sampler = create(space, direction, seed)
    const history: Observation[] = []
    const suggested: Hparams[] = []
    for (let trial = 0; trial < trials; trial++) {
      const answer = sampler(question(space, history, trial, direction, seed))
      if (answer === 'exhausted') return { suggested, exhaustedAt: trial, history }
      suggested.push(checked(space, answer))
      history.push({ trial, hparams: answer, state: 'pending', metrics: {}, step: null })
      const ended = history[trial - 2]
      if (ended !== undefined) history[trial - 2] = outcome(ended)
    }
    return { suggested, exhaustedAt: undefined, history }
  }

  describe(`the sampler ${plugin.name}`, () => {
    it('has a name that can stand in a subject', () => {
      assert.match(plugin.name, /^[A-Za-z0-9_-]{1,128}$/)
    })

    for (const direction of ['minimize', 'maximize'] as const) {
      it(`suggests inside the space, whatever trials came to (${direction})`, () => {
        for (const space of spaces) search(space, direction)
      })
    }

    it('suggests the same again for the same seed and history', () => {
      for (const space of spaces) {
        assert.deepEqual(search(space, 'minimize', 7).suggested, search(space, 'minimize', 7).suggested)
      }
    })

    it('answers by what it is asked and not by what it was asked before', () => {
      for (const space of spaces) {
        const { history } = search(space, 'minimize')
        const used = create(space)
        used(question(space, [], 0))
        used(question(space, history, history.length))
        assert.deepEqual(
          used(question(space, history.slice(0, 5), 5)),
          create(space)(question(space, history.slice(0, 5), 5)),
        )
      }
    })

    it('does not repeat itself for all seeds', () => {
      const wide = adapt({ x: { type: 'double', low: 0, high: 1 }, n: { type: 'integer', low: 0, high: 1_000_000 } })
      if (wide === undefined) return
      const first = (seed: number) =>
        JSON.stringify(create(wide, 'minimize', seed)(question(wide, [], 0, 'minimize', seed)))
      const firsts = new Set([1, 2, 3, 4, 5].map(first))
      // A sampler that begins at a fixed point (a grid in sequence) says so by not looking at the seed at all.
      assert.ok(firsts.size === 5 || firsts.size === 1, `${firsts.size} different first suggestions of 5 seeds`)
    })

    it('does not repeat itself while there are points that were not tried', () => {
      // A sampler that does not look at results cannot know.
      if (repeats || !plugin.adaptive) return
      // 4 * 3 * 3 points, and the best of them is no secret: it would be tempting to go there again.
      const few = adapt({
        a: { type: 'integer', low: 1, high: 4 },
        b: { type: 'discrete', values: [1, 10, 100] },
        c: { type: 'integer', low: 0, high: 2 },
      })
      if (few === undefined) return
      const space = frozen(validateSpace(few))
      const sampler = create(space)
      const history: Observation[] = []
      while (history.length < 24) {
        const trial = history.length
        const hparams = sampler(question(space, history, trial))
        if (hparams === 'exhausted') break
        const value = Number(hparams['a']) + Number(hparams['b']) / 10
        history.push({ trial, hparams, state: 'done', metrics: { value }, step: null })
      }
      assert.equal(new Set(history.map(({ hparams }) => JSON.stringify(hparams))).size, history.length)
    })

    it('does not repeat itself where there is no end of points', () => {
      if (!plugin.adaptive) return
      // A narrow strip, whose corner is the best of it: what is brought back inside comes to lie there.
      const strip = adapt({
        a: { type: 'double', low: 0, high: 1 },
        b: { type: 'double', low: 0, high: 1, where: [{ sum: { a: 1, b: -1 }, atLeast: -0.01, atMost: 0.01 }] },
      })
      if (strip === undefined) return
      const space = frozen(validateSpace(strip))
      const sampler = create(space, 'maximize')
      const history: Observation[] = []
      while (history.length < 4 * trials) {
        const trial = history.length
        const hparams = sampler(question(space, history, trial, 'maximize'))
        if (hparams === 'exhausted') break
        const value = Number(hparams['a']) + Number(hparams['b'])
        history.push({ trial, hparams, state: 'done', metrics: { value }, step: null })
      }
      assert.equal(new Set(history.map(({ hparams }) => JSON.stringify(hparams))).size, history.length)
    })

    it('takes a history in which everything failed, was cancelled, or is not finite', () => {
      for (const space of spaces) {
        const history = Array.from({ length: trials }, (_, trial): Observation => {
          const hparams = sample(space, createRandom('failed', trial))
          const state = trial % 3 === 0 ? 'failed' : trial % 3 === 1 ? 'cancelled' : 'done'
          return { trial, hparams, state, metrics: state === 'done' ? { value: null } : {}, step: null }
        })
        const answer = create(space)(question(space, history, trials))
        if (answer !== 'exhausted') checked(space, answer)
      }
    })

    it('takes a history of nothing but pending trials', () => {
      for (const space of spaces) {
        const history = Array.from({ length: trials }, (_, trial): Observation => {
          const hparams = sample(space, createRandom('pending', trial))
          return { trial, hparams, state: 'pending', metrics: {}, step: null }
        })
        const answer = create(space)(question(space, history, trials))
        if (answer !== 'exhausted') checked(space, answer)
      }
    })

    it('gives trials that run at once hparams that differ, where there is room', () => {
      const wide = adapt({ x: { type: 'double', low: 0, high: 1 }, n: { type: 'integer', low: 0, high: 1_000_000 } })
      if (wide === undefined) return
      const sampler = create(wide)
      const pending: Observation[] = []
      while (pending.length < 8) {
        const trial = pending.length
        const hparams = sampler(question(wide, pending, trial))
        if (hparams === 'exhausted') break
        pending.push({ trial, hparams, state: 'pending', metrics: {}, step: null })
      }
      assert.equal(new Set(pending.map(({ hparams }) => JSON.stringify(hparams))).size, pending.length)
    })

    it('stays exhausted once it is', () => {
      const small = adapt({ a: { type: 'integer', low: 1, high: 2 }, b: { type: 'categorical', choices: ['x', 'y'] } })
      if (small === undefined) return
      const { exhaustedAt, suggested, history } = search(small, 'minimize')
      if (exhaustedAt === undefined) return
      assert.equal(new Set(suggested.map((hparams) => JSON.stringify(hparams))).size, suggested.length)
      for (const later of [exhaustedAt, exhaustedAt + 1, exhaustedAt + 1000]) {
        assert.equal(create(small)(question(small, history, later)), 'exhausted')
      }
    })

    it('refuses an option that it does not have, with OPTIMIZER_UNFIT and the path', () => {
      const space: SearchSpace = { n: { type: 'integer', low: 1, high: 2 } }
      assert.throws(
        () =>
          plugin.create({
            space,
            objectives: objectives('minimize'),
            trials,
            options: { ...options, noSuchOption: 1 },
            seed: 1,
          }),
        (error: { code?: unknown; message: string }) =>
          error.code === 'OPTIMIZER_UNFIT' && error.message.includes('options.noSuchOption'),
      )
    })
  })
}

/** Every kind of end, by the trial's number. */
function outcome(pending: Observation): Observation {
  const numbers = Object.values(pending.hparams).filter((value) => typeof value === 'number')
  const value = numbers.reduce((sum, each) => sum + Math.sin(each), 0)
  const step = pending.trial
  switch (pending.trial % 5) {
    case 1:
      return { ...pending, state: 'failed' }
    case 2:
      return { ...pending, state: 'done', metrics: { value: null }, step }
    case 3:
      return { ...pending, state: 'pruned', metrics: { value }, step: 1 }
    default:
      return { ...pending, state: 'done', metrics: { value, other: 1 }, step }
  }
}

/** A space of up to five parameters of every type, law and size. */
function anySpace(random: Random): SearchSpace {
  const space: SearchSpace = {}
  const count = random.integer(6)
  for (let index = 0; index < count; index++) space[`p${index}`] = anyParameter(random)
  return space
}

function anyParameter(random: Random): SearchSpace[string] {
  const log = random.integer(2) === 1
  const low = log ? 1 + random.integer(100) : random.integer(2000) - 1000
  const high = low + random.integer(1000)
  switch (random.integer(7)) {
    case 0:
      return { type: 'double', low: low / 1000, high: high / 1000, log }
    case 1:
      return { type: 'double', low: low / 10, high: (low + 9) / 10, log, step: 0.3 }
    case 2:
      return { type: 'integer', low, high, log }
    case 3:
      return { type: 'integer', low, high: high + 7, log, step: 7 }
    case 4:
      return { type: 'discrete', values: [3, 1, 2.5].slice(random.integer(3)) }
    case 5:
      return { type: 'categorical', choices: ['a', 'b', 1, true, null].slice(random.integer(5)) }
    default:
      return { type: 'constant', value: [1, 'fixed'] }
  }
}
