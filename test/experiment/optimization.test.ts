import { describe, expect, test } from 'vitest'
import { check, codeOf, OptimizationContext } from '../../protocol/index.ts'
import { optimization, type ParameterOf } from '../../src/experiment/index.ts'

const lr: ParameterOf<number> = { type: 'double', low: 0, high: 1 }
const good = { space: { lr }, trials: 3, metric: 'loss', direction: 'minimize' as const }

describe('optimization', () => {
  test('fills in the defaults, in the form that travels', () => {
    const { context } = optimization(good)
    expect(context).toEqual({
      kind: 'optimization',
      optimizer: { name: 'auto', options: {} },
      pruner: null,
      space: { lr: { type: 'double', low: 0, high: 1 } },
      trials: 3,
      objectives: [{ metric: 'loss', direction: 'minimize' }],
      hparams: {},
      seed: 0,
      policy: { trialTimeoutMs: null, graceMs: 5000, maxAttempts: 3, maxFailed: null, parallel: null, labels: {} },
    })
    expect(() => check(OptimizationContext, context, 'context')).not.toThrow()
  })

  test('keeps what is given', () => {
    const { context } = optimization({
      space: { lr },
      trials: 3,
      objectives: [
        { metric: 'loss', direction: 'minimize' },
        { metric: 'accuracy', direction: 'maximize' },
      ],
      optimizer: { name: 'tpe', gamma: 0.15 },
      pruner: 'median',
      hparams: { epochs: 2 },
      seed: 7,
      trialTimeoutMs: 1000,
      graceMs: 0,
      maxAttempts: 1,
      maxFailed: 2,
      parallel: 4,
      labels: { gpu: 'yes' },
    })
    expect(context).toMatchObject({
      optimizer: { name: 'tpe', options: { gamma: 0.15 } },
      pruner: { name: 'median', options: {} },
      objectives: [{ metric: 'loss' }, { metric: 'accuracy', direction: 'maximize' }],
      hparams: { epochs: 2 },
      seed: 7,
      policy: {
        trialTimeoutMs: 1000,
        graceMs: 0,
        maxAttempts: 1,
        maxFailed: 2,
        parallel: 4,
        labels: { gpu: 'yes' },
      },
    })
  })

  test.each([
    ['trials', { trials: 0 }],
    ['trials', { trials: 1.5 }],
    ['direction', { direction: 'max' }],
    ['metric', { metric: '' }],
    ['seed', { seed: -1 }],
    ['optimizer', { optimizer: 3 }],
    ['optimizer.name', { optimizer: { gamma: 1 } }],
    ['pruner', { pruner: '' }],
    ['hparams.lr', { hparams: { lr: 1 } }],
    ['hparams.x', { hparams: { x: Number.POSITIVE_INFINITY } }],
    ['labels.gpu', { labels: { gpu: 1 } }],
    ['graceMs', { graceMs: -1 }],
    ['trialTimeoutMs', { trialTimeoutMs: 0 }],
    ['maxAttempts', { maxAttempts: 0 }],
    ['maxFailed', { maxFailed: 0 }],
    ['parallel', { parallel: 0 }],
    ['objectives', { objectives: [] }],
    ['epochs', { epochs: 3 }],
  ])('%s %o is refused with its path', (path, change) => {
    let caught: unknown
    try {
      optimization({ ...good, ...change } as never)
    } catch (error) {
      caught = error
    }
    expect(codeOf(caught)).toBe('CONTEXT_INVALID')
    expect((caught as Error).message.split(' ')[0]).toBe(path)
  })

  test('a fault in the space is refused with its path', () => {
    const space = { lr: { type: 'double' as const, low: 2, high: 1 } }
    expect(() => optimization({ ...good, space })).toThrow(/^space\.lr/)
  })

  test('two objectives of one name are refused', () => {
    const twice = { metric: 'loss', direction: 'minimize' as const }
    expect(() => optimization({ space: { lr }, trials: 1, objectives: [twice, twice] })).toThrow(/twice/)
  })
})
