import { describe, expect, it } from 'vitest'
import { optimization } from '../../src/experiment/index.ts'
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

  it.each(['trails=5', 'hparams.unit=3', 'space={}'])('refuses %s and lists what there is', (text) => {
    expect(() => set(text)).toThrow(/is unknown; there are optimizer, pruner, trials.*hparams\.lr, hparams\.units/)
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
    const { hparams } = explorationHparams(experiment, parseSettings(['lr=0.5', 'units=[1,2]', 'epochs=all']))
    expect(hparams).toEqual({ lr: 0.5, units: [1, 2], epochs: 'all' })
  })

  it('refuses a name that the experiment does not know, and lists those that it does', () => {
    expect(() => explorationHparams(experiment, parseSettings(['rate=1']))).toThrow(
      '--set rate: is unknown; there are lr, units, epochs, seed',
    )
  })

  it('asks for an hparam that nothing gives a value', () => {
    expect(() => explorationHparams({ ...experiment, defaults: { lr: 1 } }, new Map())).toThrow(
      '--set: is needed for units, epochs',
    )
  })
})
