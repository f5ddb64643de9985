import { expect, it } from 'vitest'
import { study } from '../../src/ablation/index.ts'
import { ablation, fromBest } from '../../src/experiment/index.ts'

const options = { study: study().features('age'), metric: 'accuracy', direction: 'maximize' as const }

it('fills in what is not said: LOCO, one repeat, nobody who stops trials early', () => {
  expect(ablation(options).context).toMatchObject({
    kind: 'ablation',
    ablator: { name: 'loco', options: {} },
    repeats: 1,
    pruner: null,
    components: [],
    seed: 0,
    policy: { maxAttempts: 3, maxFailed: null },
  })
})

it('takes an ablator with its options, and the JSON form of a study', () => {
  const given = ablation({ ...options, study: options.study.study, ablator: { name: 'greedy', tolerance: 0.1 } })
  expect(given.context).toMatchObject({ ablator: { name: 'greedy', options: { tolerance: 0.1 } } })
})

it.each([
  [{ repeats: 0 }, 'repeats is 0, not a whole number of at least 1'],
  [{ repeat: 3 }, 'repeat is unknown; there are ablator, study, hparams, repeats'],
  [{ direction: 'up' }, "direction is \"up\"; it is 'minimize' or 'maximize'"],
  [{ study: study() }, 'names nothing to leave out'],
  [{ study: undefined }, 'study.'],
  [{ ablator: { name: 'loco', depth: 2 } }, 'options.depth is unknown; loco has no options'],
  [{ ablator: { name: 'greedy', tolerance: -1 } }, 'options.tolerance is -1, not a number of at least 0'],
  [{ hparams: { lr: NaN } }, 'hparams.lr'],
])('names the fault in %o', (change, message) => {
  expect(() => ablation({ ...options, ...change } as typeof options)).toThrow(message)
})

it('starts from the best of an optimization, and says so when there is none', () => {
  const best = { hparams: { lr: 0.1 } }
  expect(ablation({ ...options, hparams: fromBest({ experiment: 'e', best }) }).context.hparams).toEqual({ lr: 0.1 })
  expect(() => fromBest({ experiment: 'e7', best: null })).toThrow('the best trial of e7, which has none')
})
