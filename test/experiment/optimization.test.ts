import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { check, codeOf, OptimizationContext } from '../../protocol/index.ts'
import { optimization, type ParameterOf } from '../../src/experiment/index.ts'

const lr: ParameterOf<number> = { type: 'double', low: 0, high: 1 }
const whole: ParameterOf<number> = { type: 'integer', low: 1, high: 3 }
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

  test('puts constraints on returned numbers beside the first objective', () => {
    const { context } = optimization({ ...good, constraints: ['memory <= 2e9', ' recall>=0.9 ', 'a->b <= 1'] })
    expect(context).toMatchObject({
      objectives: [
        {
          metric: 'loss',
          limits: [
            { metric: 'memory', atMost: 2e9 },
            { metric: 'recall', atLeast: 0.9 },
            { metric: 'a->b', atMost: 1 },
          ],
        },
      ],
    })
    expect(() => check(OptimizationContext, context, 'context')).not.toThrow()
  })

  test.each([
    [
      ['memory < 2e9'],
      'constraints[0] is "memory < 2e9", and < is none of the two comparisons that there are, <= and >=',
    ],
    [['loss == 1'], 'constraints[0] is "loss == 1", and == is none of the two comparisons'],
    [['memory'], 'constraints[0] is "memory", not a comparison of a returned number'],
    [['0 <= memory <= 3'], 'constraints[0] is "0 <= memory <= 3", which is two comparisons: write two'],
    [['memory <= 2 <= 3'], 'constraints[0] is "memory <= 2 <= 3", which is two comparisons: write two'],
    [['0<memory<3'], 'constraints[0] is "0<memory<3", which is two comparisons: write two'],
    [['memory <= '], 'constraints[0] is "memory <= ", which lacks a number after <='],
    [['memory>'], 'constraints[0] is "memory>", which lacks a number after >'],
    [[' >= 3'], 'constraints[0] is " >= 3", which lacks the name of a number before >='],
    [['a <= 1', 'memory <= b'], 'constraints[1] is "memory <= b", not a comparison with a number, for "b" is none'],
    [['memory <= NaN'], 'constraints[0] is "memory <= NaN", not a comparison with a number'],
    [['memory <= 1', 'memory >= 2'], 'constraints[1] is "memory >= 2", which no number can keep beside the others'],
    ['memory <= 2e9', 'constraints is "memory <= 2e9", not a list of comparisons'],
    [[7], 'constraints[0] is 7, not a comparison'],
  ])('refuses constraints that it cannot read: %j', (constraints, words) => {
    expect(() => optimization({ ...good, constraints } as never)).toThrow(words)
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
    ['shadow', { shadow: 'gp' }],
    ['shadow', { shadow: ['a', 'b', 'c', 'd', 'e'] }],
    ['shadow[1]', { shadow: ['gp', { name: 'gp', kappa: 3 }] }],
    ['shadow[0].name', { shadow: [{ kappa: 3 }] }],
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
    ['enqueue', { enqueue: [{ lr: 0.1 }, {}, {}, {}] }],
    ['enqueue[1].lr', { enqueue: [{ lr: 0.1 }, { lr: 2 }] }],
    ['enqueue[0].rate', { enqueue: [{ rate: 1 }] }],
    ['optimizer.kernel.of[1]', { optimizer: { name: 'gp', kernel: { of: [1, () => 1] } } }],
    ['optimizer.since', { optimizer: { name: 'gp', since: new Date(0) } }],
    ['optimizer.steps', { optimizer: { name: 'gp', steps: 10n } }],
    ['pruner.known', { pruner: { name: 'mine', served: true, known: new Map() } }],
    ['optimizer.a["__proto__"]', { optimizer: { name: 'mine', a: JSON.parse('{"__proto__":1}') as unknown } }],
    ['hparams["__proto__"]', { hparams: JSON.parse('{"__proto__":1}') as unknown }],
    ['labels["__proto__"]', { labels: JSON.parse('{"__proto__":"1"}') as unknown }],
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

  test('an option that holds itself is refused with its path', () => {
    const circle: Record<string, unknown> = {}
    circle['again'] = circle
    expect(() => optimization({ ...good, optimizer: { name: 'mine', circle } })).toThrow(
      /^optimizer\.circle\.again.* is nested too deeply, or holds itself$/,
    )
  })

  test('a part of a point may be enqueued', () => {
    const space = { lr, n: whole }
    const { context } = optimization({ ...good, space, enqueue: [{ n: 2 }, {}] })
    expect(context).toMatchObject({ enqueue: [{ n: 2 }, {}] })
  })

  test('a warm start says how many of its trials are of use, and why the others are not', () => {
    const trials = [
      { hparams: { lr: 0.5, other: 1 }, metrics: { loss: 1 } },
      { hparams: { lr: 0.4 }, metrics: { loss: null }, state: 'done' },
      { hparams: { lr: 0.5 }, metrics: {}, state: 'failed' },
      { hparams: { lr: 7 }, metrics: { loss: 1 } },
      { hparams: {}, metrics: { loss: 1 } },
      { hparams: { lr: 0.1 }, metrics: { accuracy: 1 } },
    ]
    const { context } = optimization({ ...good, warmStart: { trials } })
    expect(context).toMatchObject({
      warmStart: [
        { hparams: { lr: 0.5 }, metrics: { loss: 1 } },
        { hparams: { lr: 0.4 }, metrics: { loss: null } },
      ],
      notes: [
        'warmStart: 2 of 6 trials are of use; 1 not done (warmStart[2] is "failed"); 2 not in this space (first: warmStart[3].hparams.lr is 7, outside of 0 to 1); 1 without "loss" (warmStart[5].metrics)',
      ],
    })
  })

  test('a warm start leaves out what may have broken a constraint', () => {
    const trials = [
      { hparams: { lr: 0.5 }, metrics: { loss: 1, memory: 3 } },
      { hparams: { lr: 0.4 }, metrics: { loss: 1 } },
      { hparams: { lr: 0.3 }, metrics: { loss: 1, memory: null } },
      { hparams: { lr: 0.2 }, metrics: { memory: 1 } },
    ]
    const { context } = optimization({ ...good, constraints: ['memory <= 2'], warmStart: trials })
    expect(context).toMatchObject({
      warmStart: [trials[0], trials[2]],
      notes: [
        'warmStart: 2 of 4 trials are of use; 1 without "memory" (warmStart[1].metrics); 1 without "loss" (warmStart[3].metrics)',
      ],
    })
  })

  describe('a warm start from a journal of Optuna', () => {
    let folder = ''
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'maggy-warm-'))
    })
    afterAll(async () => {
      await rm(folder, { recursive: true })
    })
    const journal = async (...operations: object[]) => {
      const optuna = join(folder, `${operations.length}.log`)
      await writeFile(optuna, operations.map((operation) => `${JSON.stringify(operation)}\n`).join(''))
      return optuna
    }
    const study = (name: string, ...directions: number[]) => ({ op_code: 0, study_name: name, directions })
    const finished = (lr: number, state: number, values: number[] | null) => ({
      op_code: 4,
      study_id: 0,
      state,
      values,
      datetime_start: null,
      distributions: { lr: '{"name":"FloatDistribution","attributes":{"low":0,"high":9,"log":false,"step":null}}' },
      params: { lr },
    })
    const told = (optuna: string, more: object = {}) =>
      optimization({ ...good, warmStart: { optuna, ...more } }).context

    test('takes the trials that fit the space, and says how many do', async () => {
      const file = await journal(study('a', 1), finished(0.5, 1, [2]), finished(7, 1, [1]), finished(0.1, 2, [3]))
      expect(told(file)).toMatchObject({
        warmStart: [{ hparams: { lr: 0.5 }, metrics: { loss: 2 } }],
        notes: [expect.stringMatching(/1 of 3 trials are of use; 1 not in this space .*; 1 not done/)],
      })
    })

    test('finds an objective by the name that the study gives it', async () => {
      const names = { op_code: 3, study_id: 0, system_attr: { 'study:metric_names': ['accuracy', 'loss'] } }
      expect(told(await journal(study('a', 2, 1), names, finished(0.5, 1, [0.25, 2])))).toMatchObject({
        warmStart: [{ metrics: { loss: 2 } }],
      })
    })

    test('finds what a constraint needs among the user attributes, also as maggy writes it', async () => {
      const file = await journal(
        study('a', 1),
        { ...finished(0.5, 1, [2]), user_attrs: { memory: 3 } },
        { ...finished(0.4, 1, [2]), user_attrs: { 'metrics.memory': 1 } },
        finished(0.3, 1, [2]),
        { ...finished(0.2, 1, [2]), user_attrs: { memory: 'much' } },
      )
      const { context } = optimization({ ...good, constraints: ['memory <= 2'], warmStart: { optuna: file } })
      expect(context).toMatchObject({
        warmStart: [{ metrics: { loss: 2, memory: 3 } }, { metrics: { loss: 2, memory: 1 } }],
        notes: [expect.stringContaining('2 of 4 trials are of use; 2 without "memory"')],
      })
    })

    test('is refused where the study is not what is meant', async () => {
      expect(() => told(join(folder, 'nowhere.log'))).toThrow(/warmStart.optuna cannot be read: .*ENOENT/)
      const other = await journal(study('a', 2), finished(0.5, 1, [2]))
      expect(() => told(other)).toThrow(/study "a", which maximizes what is "loss" here/)
      const two = await journal(study('a', 1), study('b', 1), finished(0.5, 1, [2]))
      expect(() => told(two)).toThrow(/warmStart.study says which study of .* is meant: it has "a", "b"/)
      expect(() => told(two, { study: 'c' })).toThrow(/warmStart.study is not in .*: it has "a", "b"/)
      expect(told(two, { study: 'a' })).toMatchObject({ warmStart: [{ hparams: { lr: 0.5 } }] })
    })
  })

  test('two objectives of one name are refused', () => {
    const twice = { metric: 'loss', direction: 'minimize' as const }
    expect(() => optimization({ space: { lr }, trials: 1, objectives: [twice, twice] })).toThrow(/twice/)
  })
})
