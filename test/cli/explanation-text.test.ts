/** What `maggy show` says of a search, from its log. */
import { describe, expect, it } from 'vitest'
import type { LogEvent, Observation, OptimizationContext } from '../../protocol/index.ts'
import { explanationLines, toldBy } from '../../src/cli/explanation-text.ts'
import { suggestedSpace } from '../../src/cli/suggested-space.ts'
import { Reading } from '../../src/history/index.ts'
import { explain } from '../../src/importance/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { space } from '../../src/space/index.ts'
import { summarize } from '../../src/store/index.ts'
import { accepted, assigned, ended } from '../store/events.ts'

const numbers = { x: space.double(0, 1), y: space.double(0, 1) }
const point = (index: number) => {
  const random = createRandom('explanation text', index)
  return { hparams: { x: random.uniform(), y: random.uniform() }, loss: random.normal() }
}

type Changes = Partial<OptimizationContext> & { readonly parallel?: number }

function begun({ parallel, ...changes }: Changes): LogEvent {
  const event = accepted({ objectives: [{ metric: 'loss', direction: 'minimize' }] })
  if (event.type !== 'experiment.accepted') return event
  const { context } = event.submission
  const auto = { name: 'auto', options: {} }
  Object.assign(context, { kind: 'optimization', optimizer: auto, space: numbers, seed: 0 }, changes)
  if (parallel !== undefined) context.policy.parallel = parallel
  return event
}

/** A search whose configurations come to noise, the same in each repeat. */
function reading(count: number, changes: Changes): Reading {
  const { repeats = 1 } = changes
  const read = new Reading('e')
  read.apply(begun(changes))
  for (let configuration = 0; configuration < count; configuration++) {
    const { hparams, loss } = point(configuration)
    const trial = configuration * repeats
    read.apply({ type: 'trial.suggested', at: 1, trial, hparams, seed: 1, ...(repeats === 1 ? {} : { repeats }) })
    for (let repeat = 0; repeat < repeats; repeat++) {
      read.apply(assigned(trial + repeat))
      read.apply(ended(trial + repeat, { kind: 'done', metrics: { loss: loss + 1e-3 * repeat } }))
    }
  }
  return read
}

const told = (count: number, changes: Changes) => {
  const { history } = reading(count, changes)
  return history === null ? [] : toldBy(history)
}

describe("auto's changes of mind", () => {
  it('are told as they follow from the trials', () => {
    expect(told(25, { trials: 30 })).toEqual([
      expect.stringMatching(/^auto changed its mind after 20 trials: cmaes has/),
    ])
    expect(told(25, { trials: 30, optimizer: { name: 'gp', options: {} } })).toEqual([])
  })

  it('are none where all trials ran at once, and where no trial came after them', () => {
    expect(told(30, { trials: 30, parallel: 30 })).toEqual([])
    expect(told(20, { trials: 20 })).toEqual([])
  })

  it('are counted in configurations where each is tried several times, for so the optimizer is told of them', () => {
    expect(told(7, { trials: 30, repeats: 3 })).toEqual([])
    expect(told(25, { trials: 30, repeats: 3 })).toEqual([expect.stringContaining('after 20 trials: cmaes has')])
    // 900 trials, but 300 configurations: few enough for a model.
    expect(told(25, { trials: 300, repeats: 3 })).toHaveLength(1)
  })

  it('rest on the trials of earlier experiments too', () => {
    const warmStart = Array.from({ length: 20 }, (_, index) => {
      const { hparams, loss } = point(100 + index)
      return { hparams, metrics: { loss } }
    })
    expect(told(1, { trials: 10 })).toEqual([])
    const setting = { space: numbers, objectives: [{ metric: 'loss', direction: 'minimize' as const }], seed: 0 }
    const before = warmStart.map((known, index): Observation => ({
      trial: index - 20,
      ...known,
      state: 'done',
      step: null,
    }))
    const own: Observation = { trial: 0, hparams: point(0).hparams, state: 'done', metrics: { loss: 0 }, step: null }
    const said = builtinSamplers.get('auto')?.told?.({ ...setting, trials: 10, options: {} }, [...before, own])
    expect(said).toHaveLength(1)
    expect(told(1, { trials: 10, warmStart })).toEqual(said)
  })
})

describe('the lines on what was learned', () => {
  it('speak of configurations where each is tried several times, and of no gain where there is none', () => {
    const result = summarize(reading(25, { trials: 30, repeats: 3 }))
    expect(result.configurations).toHaveLength(25)
    const lines = explanationLines(result, explain(result), []).join('\n')
    expect(lines).toContain('of the differences between configurations by')
    expect(lines).toContain('20 more configurations are ')
    expect(lines).not.toContain('repeats')
  })

  it('name the budget by whose trials a search with budgets is judged', () => {
    const read = new Reading('e')
    read.apply(begun({ trials: 26, optimizer: { name: 'asha', options: {} } }))
    for (let trial = 0; trial < 26; trial++) {
      const { hparams, loss } = point(trial % 13)
      const fidelity = trial < 13 ? { budget: 1, from: null } : { budget: 2, from: trial - 13 }
      read.apply({ type: 'trial.suggested', at: 1, trial, hparams, fidelity, seed: 1 })
      read.apply(assigned(trial))
      read.apply(ended(trial, { kind: 'done', metrics: { loss } }))
    }
    const result = summarize(read)
    const learned = explain(result)
    expect(learned).toMatchObject({ repeats: 0, judged: { budget: 2, trials: 13 } })
    expect(explanationLines(result, learned, [])).toContain(
      'budget  what matters is judged by the 13 trials of budget 2: other budgets are not comparable',
    )
    expect(() => suggestedSpace(result)).toThrow('e has 13 trials with a value that can be compared')
  })
})

describe('the space that is suggested', () => {
  it('takes 16 trials with a value, and a search', () => {
    const few = summarize(reading(15, { trials: 30 }))
    expect(() => suggestedSpace(few)).toThrow(
      'e has 15 trials with a value that can be compared; to suggest a space takes 16',
    )
    expect(Object.keys(suggestedSpace(summarize(reading(16, { trials: 30 }))))).toEqual(['x', 'y'])
    expect(() => suggestedSpace({ ...few, space: {} })).toThrow('--suggest-space: is for searches; e is a training')
  })

  it('is not suggested by repeats of a few configurations', () => {
    expect(() => suggestedSpace(summarize(reading(6, { trials: 30, repeats: 3 })))).toThrow('e has 6 trials')
  })
})
