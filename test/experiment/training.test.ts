import { describe, expect, test } from 'vitest'
import { check, codeOf, OptimizationContext, TrainingContext } from '../../protocol/index.ts'
import { space } from '../../src/space/index.ts'
import { optimization, training, trainingOptions } from '../../src/experiment/index.ts'

function refusal(made: () => unknown): [string | undefined, string] {
  try {
    made()
  } catch (error) {
    return [codeOf(error), (error as Error).message.split(' ')[0] ?? '']
  }
  return [undefined, '']
}

describe('training', () => {
  test('fills in the defaults, in the form that travels', () => {
    const { context, kind } = training({ workers: 4 })
    expect(kind).toBe('training')
    expect(context).toEqual({
      kind: 'training',
      ring: {
        workers: { min: 1, max: 4 },
        waitMs: null,
        algorithm: 'ring',
        encoding: 'float32',
        chunkBytes: 2_500_000,
        syncEvery: 1,
        accumulate: 1,
        checkpointEvery: 100,
        shard: 'rank',
        learningRate: 'as-set',
        nonFinite: 'stop',
      },
      pruner: null,
      trials: 1,
      objectives: [],
      hparams: {},
      seed: 0,
      policy: { trialTimeoutMs: null, graceMs: 5000, maxAttempts: 3, maxFailed: 1, parallel: null, labels: {} },
    })
    expect(() => check(TrainingContext, context, 'context')).not.toThrow()
  })

  test('of a range of workers begins with fewer when it has waited for ten seconds, or as long as it is told', () => {
    const workers = { min: 2, max: 8 }
    expect(training({ workers }).context).toMatchObject({ ring: { workers, waitMs: 10_000 } })
    expect(training({ workers, wait: 0 }).context).toMatchObject({ ring: { waitMs: 0 } })
    expect(training({ workers, wait: null }).context).toMatchObject({ ring: { waitMs: null } })
  })

  test('keeps what is given, and can be made again from what it keeps', () => {
    const { context } = training({
      workers: { min: 2, max: 3 },
      wait: 500,
      algorithm: 'direct',
      encoding: 'int8',
      chunkBytes: 4096,
      syncEvery: 8,
      accumulate: 2,
      checkpointEvery: null,
      shard: 'own',
      learningRate: 'linear',
      nonFinite: 'skip',
      metric: 'accuracy',
      direction: 'maximize',
      hparams: { lr: 0.1 },
      seed: 3,
      maxAttempts: 2,
      labels: { gpu: 'yes' },
    })
    expect(context).toMatchObject({
      ring: { algorithm: 'direct', encoding: 'int8', syncEvery: 8, accumulate: 2, checkpointEvery: null, shard: 'own' },
      objectives: [{ metric: 'accuracy', direction: 'maximize' }],
      policy: { maxAttempts: 2, labels: { gpu: 'yes' } },
    })
    for (const made of [context, training({ workers: 2 }).context]) {
      if (made.kind !== 'training') throw new Error('no training')
      const again = training({ ...trainingOptions(made), hparams: made.hparams })
      expect(again.context).toEqual(made)
    }
  })

  test.each([
    ['workers', { workers: 0 }],
    ['workers', { workers: 2.5 }],
    ['workers', { workers: 'all' }],
    ['workers', { workers: 2000 }],
    ['workers', {}],
    ['workers.min', { workers: { min: 3, max: 2 } }],
    ['workers.max', { workers: { min: 1 } }],
    ['workers.most', { workers: { min: 1, max: 2, most: 3 } }],
    ['wait', { workers: 2, wait: -1 }],
    ['encoding', { workers: 2, encoding: 'float16' }],
    ['algorithm', { workers: 2, algorithm: 'tree' }],
    ['chunkBytes', { workers: 2, chunkBytes: 1 }],
    ['syncEvery', { workers: 2, syncEvery: 0 }],
    ['accumulate', { workers: 2, accumulate: 0 }],
    ['checkpointEvery', { workers: 2, checkpointEvery: 0 }],
    ['shard', { workers: 2, shard: 'none' }],
    ['nonFinite', { workers: 2, nonFinite: 'ignore' }],
    ['direction', { workers: 2, metric: 'loss' }],
    ['trials', { workers: 2, trials: 3 }],
  ])('%s is refused in %o, with its path', (path, options) => {
    expect(refusal(() => training(options as never))).toEqual(['CONTEXT_INVALID', path])
  })
})

describe('a search over distributed trials', () => {
  const search = { space: { lr: space.double(0, 1) }, trials: 2, metric: 'loss', direction: 'minimize' as const }

  test('has a ring for each trial', () => {
    const { context } = optimization({ ...search, workersPerTrial: 2 })
    expect(context).toMatchObject({ kind: 'optimization', ring: { workers: { min: 1, max: 2 }, waitMs: null } })
    expect(() => check(OptimizationContext, context, 'context')).not.toThrow()
  })

  test('with one worker per trial has no rings', () => {
    expect(optimization({ ...search, workersPerTrial: 1 }).context).not.toHaveProperty('ring')
  })

  test('refuses what is no number of workers', () => {
    const bad = refusal(() => optimization({ ...search, workersPerTrial: 0 }))
    expect(bad).toEqual(['CONTEXT_INVALID', 'workersPerTrial'])
  })
})
