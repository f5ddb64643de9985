import { MessageChannel } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { codeOf, type MetricPoint } from '../../protocol/index.ts'
import { type TrainArguments } from '../../src/experiment/index.ts'
import { defineExperiment } from '../../src/index.ts'
import { EarlyStop, runTraining } from '../../src/train/index.ts'
import { createRingLink, createRingMemory, tellMain } from '../../src/train/ring-link.ts'

type Arguments = TrainArguments<object, undefined, undefined>

const run = { kind: 'optimization', experiment: 'x', contextName: 'tune', trial: 1, attempt: 1, seed: 1 } as const

async function train(
  body: (args: Arguments) => unknown,
  { objectives = ['loss'], stopAfter = Infinity }: { objectives?: string[]; stopAfter?: number } = {},
) {
  const points: MetricPoint[] = []
  const lines: string[] = []
  const experiment = defineExperiment(import.meta.url, { name: 'x', hparams: { a: 1, b: 1 }, train: body as never })
  const { outcome, points: count } = await runTraining(experiment, {
    hparams: { b: 2 },
    objectives,
    run,
    sink: {
      point: (point) => points.push(point),
      line: (text) => lines.push(text),
      stopReason: () => (points.length >= stopAfter ? 'pruned' : undefined),
      now: () => 5,
    },
  })
  const code = outcome.kind === 'failed' ? codeOf(outcome.error) : undefined
  const message = outcome.kind === 'failed' ? outcome.error.message : undefined
  return { outcome, code, message, count, points, lines }
}

describe('a training', () => {
  test('gets the defaults under its hparams', async () => {
    let seen: unknown
    await train(({ hparams }) => {
      seen = hparams
      return 1
    })
    expect(seen).toEqual({ a: 1, b: 2 })
  })

  test('may return one number, called after the first objective, or several by name', async () => {
    expect((await train(() => 3)).outcome).toEqual({ kind: 'done', metrics: { loss: 3 } })
    expect((await train(async () => 3, { objectives: [] })).outcome).toEqual({ kind: 'done', metrics: { value: 3 } })
    expect((await train(() => ({ loss: 1, size: 2 }))).outcome).toEqual({ kind: 'done', metrics: { loss: 1, size: 2 } })
  })

  test.each([
    [Number.NaN, 'RESULT_INVALID', 'train returned NaN'],
    [undefined, 'RESULT_INVALID', 'train returned nothing'],
    ['good', 'RESULT_INVALID', "train returned 'good'"],
    [[1], 'RESULT_INVALID', 'train returned [ 1 ]'],
    [new Map([['loss', 1]]), 'RESULT_INVALID', "train returned Map(1) { 'loss' => 1 }"],
    [new Date(0), 'RESULT_INVALID', 'train returned 1970-01-01T00:00:00.000Z'],
    [Float32Array.of(1), 'RESULT_INVALID', 'train returned Float32Array(1) [ 1 ]'],
    [(function* () {})(), 'RESULT_INVALID', 'train returned Object [Generator] {}'],
    [{ loss: 'low' }, 'RESULT_INVALID', "train returned loss: 'low'"],
    [{ accuracy: 1 }, 'METRIC_MISSING', 'train returned no metric loss; it returned accuracy'],
    [{}, 'METRIC_MISSING', 'train returned no metric loss; it returned no number at all'],
  ])('that returns %o has failed with %s', async (result, code, message) => {
    expect(await train(() => result)).toMatchObject({ code, message })
  })

  test('that throws has failed, with what it threw', async () => {
    const failed = await train(() => {
      throw new TypeError('no such layer')
    })
    expect(failed).toMatchObject({ code: 'TRAIN_FAILED', message: 'train threw TypeError: no such layer' })
  })

  test('that imports by a computed name is told that such modules are not in its bundle, and no path of this host', async () => {
    const { code, message } = await train(() => {
      const text =
        'Cannot find module \'/cache/lazy.ts\' imported from /cache/x.cjs\nDid you mean to import "../tmp/lazy.ts"?'
      throw Object.assign(new Error(text), { code: 'ERR_MODULE_NOT_FOUND' })
    })
    expect(code).toBe('TRAIN_FAILED')
    expect(message).toContain(
      "Cannot find module '/cache/lazy.ts' imported from /cache/x.cjs: with the program go imports",
    )
    expect(message).not.toContain('Did you mean')
  })

  test('that is stopped ends with the last value of each metric', async () => {
    const stopped = await train(
      ({ reporter }) => {
        reporter.report({ loss: 3, accuracy: 0.1 })
        reporter.report({ loss: 2 })
        throw new Error('not reached')
      },
      { stopAfter: 2 },
    )
    expect(stopped.outcome).toEqual({ kind: 'stopped', reason: 'pruned', metrics: { loss: 2, accuracy: 0.1 } })
    expect(stopped.count).toBe(2)
  })

  test('that swallows EarlyStop has stopped all the same', async () => {
    const stopped = await train(
      ({ reporter }) => {
        try {
          reporter.report(1)
        } catch (error) {
          expect(error).toBeInstanceOf(EarlyStop)
          expect(reporter.signal.aborted).toBe(true)
        }
        return 9
      },
      { stopAfter: 1 },
    )
    expect(stopped.outcome).toEqual({ kind: 'stopped', reason: 'pruned', metrics: { loss: 1 } })
  })
})

describe('a reporter', () => {
  test('counts steps by one unless told otherwise, and lets a step be reported twice', async () => {
    const { points } = await train(({ reporter }) => {
      reporter.report(1)
      reporter.report({ loss: 2, size: 4 })
      reporter.report(3, 7)
      reporter.report(4, 7)
      reporter.report(5)
      return 1
    })
    expect(points.map(({ step }) => step)).toEqual([0, 1, 7, 7, 8])
    expect(points[1]).toEqual({ step: 1, at: 5, values: { loss: 2, size: 4 } })
  })

  test('lets what is not finite travel as null', async () => {
    const { points } = await train(({ reporter }) => {
      reporter.report({ loss: Number.NaN, size: Infinity })
      return 1
    })
    expect(points[0]?.values).toEqual({ loss: null, size: null })
  })

  test.each([
    ['REPORT_STEP_BACK', [1, 3], [1, 2]],
    ['REPORT_INVALID', ['one', 3], []],
    ['REPORT_INVALID', [{ loss: 'low' }, 3], []],
    ['REPORT_INVALID', [{}, 3], []],
    ['REPORT_INVALID', [1, 1.5], []],
    ['REPORT_INVALID', [1, -1], []],
  ])('refuses misuse with %s: %o', async (code, first, second) => {
    const failed = await train(({ reporter }) => {
      reporter.report(...(first as [number, number]))
      reporter.report(...(second as unknown as [number, number]))
      return 1
    })
    expect(failed.code).toBe(code)
  })

  test('splits what is logged into lines', async () => {
    const { lines } = await train(({ reporter }) => {
      reporter.log('a\nb', { c: 1 })
      return 1
    })
    expect(lines).toEqual(['a', 'b { c: 1 }'])
  })

  test('reports for model.fit by epoch, or by batch with the epoch at the step of its last batch', async () => {
    const fit = async ({ reporter }: Arguments, every: 'batch' | 'epoch') => {
      const { onBatchEnd, onEpochEnd } = reporter.callbacks({ every })
      for (let epoch = 0; epoch < 2; epoch += 1) {
        await onBatchEnd(0, { batch: 0, size: 8, loss: 2 })
        await onBatchEnd(1, { batch: 1, size: 8, loss: 1 })
        await onEpochEnd(epoch, { loss: 1.5, val_loss: 1.6 })
      }
      return 1
    }
    const byEpoch = await train((args) => fit(args, 'epoch'))
    expect(byEpoch.points.map(({ step, values }) => [step, values])).toEqual([
      [0, { loss: 1.5, val_loss: 1.6 }],
      [1, { loss: 1.5, val_loss: 1.6 }],
    ])
    const byBatch = await train((args) => fit(args, 'batch'))
    expect(byBatch.points.map(({ step }) => step)).toEqual([0, 1, 1, 2, 3, 3])
  })

  test('reports means over so many examples at equal steps whatever the batch size, under names of its own', async () => {
    const fit = async ({ reporter }: Arguments, size: number, every = 20) => {
      const metrics = { acc: 'accuracy', val_acc: 'validation' }
      const { onBatchEnd, onEpochEnd } = reporter.callbacks({ every, metrics })
      for (let batch = 0; batch < 48 / size; batch += 1) {
        await onBatchEnd(batch, { batch, size, loss: 9, acc: batch * size < 24 ? 0 : 1 })
      }
      await onEpochEnd(0, { acc: 0.5, val_acc: 0.7 })
      return 1
    }
    const [small, large] = [await train((args) => fit(args, 4)), await train((args) => fit(args, 8))]
    expect(small.points.map(({ step, values }) => [step, values])).toEqual([
      [20, { accuracy: 0 }],
      [40, { accuracy: 0.8 }],
      [40, { validation: 0.7 }],
    ])
    expect(large.points.map(({ step, values }) => [step, values])).toEqual([
      [20, { accuracy: 0 }],
      [40, { accuracy: 1 }],
      [40, { validation: 0.7 }],
    ])
    const [rest] = (await train((args) => fit(args, 4, 90))).points
    expect([rest?.step, rest?.values]).toEqual([48, { accuracy: 0.5 }])
    expect((await train(({ reporter }) => reporter.callbacks({ every: 0.5 }))).code).toBe('REPORT_INVALID')
  })

  test.each(['epoch', 8] as const)(
    'reports metrics of a fit that have no name under names of their place, and says so once (every %s)',
    async (every) => {
      const { code, points, lines } = await train(async ({ reporter }) => {
        const { onBatchEnd, onEpochEnd } = reporter.callbacks({ every })
        for (let epoch = 0; epoch < 2; epoch += 1) {
          await onBatchEnd(0, { batch: 0, size: 8, loss: 1, acc: 2, _0: 3, _1: 4 })
          await onEpochEnd(epoch, { loss: 1, acc: 2, _0: 3, _1: 4, val_loss: 5, val_acc: 6, val__0: 7, val__1: 8 })
        }
        const { onEpochEnd: alone } = reporter.callbacks()
        await alone(2, { loss: 1, '': Number.NaN, val_loss: 2, val_: 3 })
        await alone(2, { loss: 1, ['x'.repeat(129)]: 2 })
        return 1
      })
      expect(code).toBeUndefined()
      const [first] = points
      const values = Object.assign({}, ...points.slice(0, 2).map((one) => one.values))
      expect(first?.values).toMatchObject({ loss: 1, acc: 2, metric_2: 3, metric_3: 4 })
      expect(values).toMatchObject({ val_acc: 6, val_metric_2: 7, val_metric_3: 8 })
      expect(points.at(-2)?.values).toEqual({ loss: 1, metric_1: null, val_loss: 2, val_metric_1: 3 })
      expect(points.at(-1)?.values).toEqual({ loss: 1, metric_1: 2 })
      expect(lines.map((line) => /it is called (\w+) here/.exec(line)?.[1])).toEqual([
        'metric_2',
        'metric_3',
        'metric_1',
      ])
    },
  )

  test('refuses more metrics of a fit than a message holds', async () => {
    const { code } = await train(async ({ reporter }) => {
      const logs = Object.fromEntries(Array.from({ length: 1025 }, (_, at) => [`m${at}`, at]))
      await reporter.callbacks().onEpochEnd(0, logs)
    })
    expect(code).toBe('REPORT_INVALID')
  })

  test('stops a fit at the end of a batch even if it reports by epoch', async () => {
    let asked = false
    const experiment = defineExperiment(import.meta.url, {
      name: 'x',
      train: async ({ reporter }) => {
        asked = true
        await reporter.callbacks().onBatchEnd(0, { loss: 1 })
        return 1
      },
    })
    const { outcome } = await runTraining(experiment, {
      hparams: {},
      objectives: ['loss'],
      run,
      sink: { point: () => {}, line: () => {}, stopReason: () => (asked ? 'cancelled' : undefined), now: () => 0 },
    })
    expect(outcome).toMatchObject({ kind: 'stopped', reason: 'cancelled' })
  })
})

test.each([
  ['RING_STALE', { kind: 'returned', reason: 'it is over' }],
  ['RING_PASSED', { kind: 'returned', reason: 'it is over' }],
  ['RING_MISMATCH', { kind: 'failed' }],
])('a training whose ring says %s ends accordingly', async (code, outcome) => {
  const { port1, port2 } = new MessageChannel()
  const memory = createRingMemory()
  const link = createRingLink({
    line: { port: port1, memory },
    stopReason: () => undefined,
    exportState: () => new Uint8Array(),
  })
  tellMain({ port: port2, memory }, { type: 'failed', problem: { code, message: 'it is over' } })
  const ended = await train(() => link.join({ manifest: '', variables: [], step: 0, chases: 0 }))
  port1.close()
  expect(ended.outcome).toMatchObject(outcome)
})
