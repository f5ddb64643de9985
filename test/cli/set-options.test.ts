import { describe, expect, it } from 'vitest'
import type { Hparams } from '../../protocol/index.ts'
import { study } from '../../src/ablation/index.ts'
import { ablation, optimization } from '../../src/experiment/index.ts'
import { space } from '../../src/space/index.ts'
import { explorationHparams, overrideContext, parseSettings } from '../../src/cli/set-options.ts'

const tune = optimization({
  space: { lr: space.double(0.1, 1), units: space.integer(1, 8) },
  hparams: { epochs: 2 },
  trials: 20,
  metric: 'accuracy',
  direction: 'maximize',
})
const set = (...given: string[]) => overrideContext(tune, parseSettings(given), { batch: 32 }).context

/** The same, of an optimization. */
const setTune = (...given: string[]) => {
  const context = set(...given)
  if (context.kind !== 'optimization') throw new Error(context.kind)
  return context
}

describe('--set with a context', () => {
  it('changes nothing when nothing is set', () => {
    expect(overrideContext(tune, parseSettings([]), {})).toBe(tune)
  })

  it('changes options and policy, and leaves the rest as it was', () => {
    expect(set('trials=5', 'seed=3', 'parallel=2', 'maxFailed=1', 'optimizer=grid')).toEqual({
      ...tune.context,
      trials: 5,
      seed: 3,
      optimizer: { name: 'grid', options: {} },
      policy: { ...tune.context.policy, parallel: 2, maxFailed: 1 },
    })
  })

  it('takes every option of the policy, be it one that the context says nothing of', () => {
    const given = ['priority=5', 'share=2', 'retry={"on":"throw","times":2}', 'resources={"cores":1}']
    const policy = { priority: 5, share: 2, retry: { on: 'throw', times: 2 }, resources: { cores: 1 } }
    expect(set(...given)).toEqual({ ...tune.context, policy: { ...tune.context.policy, ...policy } })
    const ablate = ablation({ study: study().features('age'), metric: 'accuracy', direction: 'maximize' })
    expect(overrideContext(ablate, parseSettings(given), {}).context).toMatchObject({ policy })
  })

  it('sets when the search has had enough, where the context says nothing of it, and in its place', () => {
    expect(setTune('stop={"target":0.9}').stop).toEqual({ target: 0.9 })
    const stopping = overrideContext(tune, parseSettings(['stop={"afterMs":5000,"withoutImprovement":3}']), {})
    const { context } = overrideContext(stopping, parseSettings(['stop={"target":0.9}']), {})
    expect(context).toEqual({ ...tune.context, stop: { target: 0.9 } })
    expect(overrideContext(stopping, parseSettings(['trials=5']), {}).context).toMatchObject({
      trials: 5,
      stop: { afterMs: 5000, withoutImprovement: 3 },
    })
    expect(() => set('stop={"at":0.9}')).toThrow('stop.at is unknown; there are afterMs, target, withoutImprovement')
    expect(() => set('stop={"target":"best"}')).toThrow('stop.target is "best", not a finite number')
    expect(() => set('stop=0.9')).toThrow(/stop is 0.9/)
  })

  it('gives an hparam a fixed value, be it searched, given, or a default', () => {
    const { hparams, space: left } = setTune('hparams.units=4', 'hparams.epochs=1', 'hparams.batch=8')
    expect(hparams).toEqual({ epochs: 1, units: 4, batch: 8 })
    expect(Object.keys(left)).toEqual(['lr'])
  })

  it('keeps what is enqueued, less what is fixed now, and what was found of a warm start', () => {
    const trials = [
      { hparams: { lr: 0.5, units: 2 }, metrics: { accuracy: 1 } },
      { hparams: {}, metrics: {} },
    ]
    const given = optimization({
      space: { lr: space.double(0.1, 1), units: space.integer(1, 8) },
      trials: 5,
      metric: 'accuracy',
      direction: 'maximize',
      enqueue: [{ lr: 0.3, units: 2 }, { units: 1 }],
      warmStart: { trials },
    })
    const { context } = overrideContext(given, parseSettings(['lr=0.2']), {})
    expect(context).toMatchObject({
      hparams: { lr: 0.2 },
      enqueue: [{ units: 2 }, { units: 1 }],
      warmStart: [{ hparams: { units: 2 } }],
      notes: [expect.stringMatching(/^warmStart: 1 of 2 trials are of use; 1 not in this space/)],
    })
  })

  it('takes a name without more ado for an hparam, where no option is called so', () => {
    const { hparams, space: left } = setTune('lr=0.2', 'epochs=1')
    expect(hparams).toEqual({ epochs: 1, lr: 0.2 })
    expect(Object.keys(left)).toEqual(['units'])
  })

  it('asks which is meant where an option and an hparam have one name', () => {
    const both = (text: string) => overrideContext(tune, parseSettings([text]), { seed: 1 }).context
    expect(() => both('seed=2')).toThrow(
      '--set seed: is an option of the context and an hparam: write context.seed or hparams.seed',
    )
    expect(both('context.seed=2')).toMatchObject({ seed: 2, hparams: { epochs: 2 } })
    expect(both('hparams.seed=2')).toMatchObject({ seed: 0, hparams: { epochs: 2, seed: 2 } })
  })

  it.each(['colour=5', 'hparams.colour=3', 'space={}'])('refuses %s and lists what there is', (text) => {
    expect(() => set(text)).toThrow(/is unknown; there are optimizer, pruner, trials.*lr, units, epochs, batch/)
  })

  it.each([
    ['trails=5', 'trials'],
    ['unit=3', 'units'],
    ['MAXFAILED=1', 'maxFailed'],
  ])('refuses %s and says that %s may have been meant', (text, meant) => {
    expect(() => set(text)).toThrow(`is unknown; did you mean ${meant}? there are optimizer`)
  })

  it.each([
    ['lr=5', 'is 5, outside of 0.1 to 1'],
    ['lr=fast', 'is "fast", not a finite number'],
    ['lr=1e999', 'is 1e999, not a finite number'],
    ['units=2.5', 'is 2.5, not a whole number'],
    ['epochs=all', 'is all, which is text, not a number'],
    ['batch={"a":1}', 'is {"a":1}, not a finite number, text, true, false, null, or a list of these'],
  ])('refuses %s: the hparam %s', (text, reason) => {
    expect(() => set(text)).toThrow(reason)
  })

  it('takes text that looks like a number for text, where text is wanted', () => {
    const named = optimization({
      space: { kind: space.categorical(['1', '2']), lr: space.double(0, 1) },
      hparams: { tag: 'a' },
      trials: 2,
      direction: 'minimize',
    })
    expect(overrideContext(named, parseSettings(['kind=1', 'tag=7']), {}).context.hparams).toEqual({
      kind: '1',
      tag: '7',
    })
  })

  it('leaves a parameter that others depend on in the space, with the one value', () => {
    const dependent = optimization({
      space: {
        optimizer: space.categorical(['sgd', 'adam']),
        momentum: space.double(0, 1, { when: { parameter: 'optimizer', in: ['sgd'] } }),
      },
      trials: 2,
      direction: 'minimize',
    })
    const { context } = overrideContext(dependent, parseSettings(['hparams.optimizer=sgd']), {})
    expect(context).toMatchObject({
      space: { optimizer: { type: 'constant', value: 'sgd' }, momentum: { type: 'double' } },
    })
  })

  it('knows names that every object has only where they are given', () => {
    for (const name of ['constructor', 'hasOwnProperty', '__proto__', 'toString']) {
      expect(() => set(`${name}=1`)).toThrow('is unknown')
      expect(() => set(`hparams.${name}=1`)).toThrow('is unknown')
    }
    const settings = parseSettings(['toString=3', 'constructor=4'])
    const { hparams } = overrideContext(tune, settings, JSON.parse('{"toString":1,"constructor":2}') as Hparams).context
    expect(Object.entries(hparams)).toEqual([
      ['epochs', 2],
      ['toString', 3],
      ['constructor', 4],
    ])
  })

  it('refuses what the context would refuse, with the same words', () => {
    expect(() => set('trials=0')).toThrow('trials is 0, not a whole number of at least 1')
    expect(() => set('seed=many')).toThrow('seed is "many", not a whole number of at least 0')
  })

  it('refuses what is not key=value', () => {
    expect(() => parseSettings(['trials'])).toThrow('--set trials: is not key=value')
  })
})

describe('--set with an exploration', () => {
  const experiment = { defaults: { lr: 0.1, units: 2, epochs: 1 }, contexts: { tune } }

  it('gives hparams as numbers, booleans, lists and text', () => {
    const defaults = { lr: 0.1, shape: [1], bias: true, name: 'a', extra: null }
    const settings = parseSettings([
      'lr=0.5',
      'shape=[1,2]',
      'bias=false',
      'hparams.name=b',
      'extra=all',
      'units=2',
      'epochs=3',
    ])
    const { hparams } = explorationHparams({ ...experiment, defaults }, settings)
    expect(hparams).toEqual({ lr: 0.5, shape: [1, 2], bias: false, name: 'b', extra: 'all', units: 2, epochs: 3 })
  })

  it.each([
    ['lr=fast', 'is "fast", not a finite number'],
    ['lr=7', 'is 7, outside of 0.1 to 1'],
    ['units=[1,2]', 'is [1,2], not a finite number'],
    ['epochs=true', 'is true, which is a boolean, not a number'],
    ['seed=-1', 'is -1, not a whole number of at least 0'],
    ['epoch=3', 'is unknown; did you mean epochs? there are seed, lr, units, epochs'],
  ])('refuses %s, which %s', (text, reason) => {
    expect(() => explorationHparams(experiment, parseSettings([text]))).toThrow(reason)
  })

  it('refuses a name that the experiment does not know, and lists those that it does', () => {
    expect(() => explorationHparams(experiment, parseSettings(['rate=1']))).toThrow(
      '--set rate: is unknown; there are seed, lr, units, epochs',
    )
  })

  it('asks for an hparam that nothing gives a value', () => {
    expect(() => explorationHparams({ ...experiment, defaults: { lr: 1 } }, new Map())).toThrow(
      '--set: is needed for units, epochs',
    )
  })
})
