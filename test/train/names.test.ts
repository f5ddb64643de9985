/** Names that every object has (`constructor`, `hasOwnProperty`) are names like others; one that cannot travel is refused. */
import { defineExperiment, optimization } from 'maggy'
import { describe, expect, test } from 'vitest'
import { codeOf } from '../../protocol/index.ts'
import { space } from '../../src/space/index.ts'
import { believed } from '../../actors/driver/trials/assignment.ts'
import { lossOf } from '../../src/pareto/index.ts'
import { runTraining } from '../../src/train/index.ts'

const inherited = ['constructor', 'hasOwnProperty', 'toString', 'valueOf']
const run = { kind: 'optimization', experiment: 'x', contextName: 'tune', trial: 1, attempt: 1, seed: 1 } as const
const silent = { point: () => undefined, line: () => undefined, stopReason: () => undefined, now: () => 0 }

async function outcomeOf(train: (args: { reporter: { report: (values: object) => void } }) => unknown, metric: string) {
  const experiment = defineExperiment(import.meta.url, { name: 'x', train: train as never })
  const { outcome } = await runTraining(experiment, { hparams: {}, objectives: [metric], run, sink: silent })
  return outcome
}

describe.each(inherited)('a metric called %s', (name) => {
  test('that was never returned is missed, by the runner, by the driver, and by who ranks', async () => {
    const outcome = await outcomeOf(() => ({ loss: 1 }), name)
    expect(outcome.kind === 'failed' && codeOf(outcome.error)).toBe('METRIC_MISSING')
    const { context } = optimization({
      space: { lr: space.double(0, 1) },
      trials: 1,
      metric: name,
      direction: 'minimize',
    })
    expect(believed(context, { kind: 'done', metrics: { loss: 1 } })).toMatchObject({
      kind: 'failed',
      problem: { code: 'METRIC_MISSING' },
    })
    expect(lossOf({ loss: 1 }, { metric: name, direction: 'minimize' })).toBeNaN()
  })

  test('that was returned is a metric', async () => {
    expect(await outcomeOf(() => ({ [name]: 2 }), name)).toEqual({ kind: 'done', metrics: { [name]: 2 } })
    expect(lossOf({ [name]: 2 }, { metric: name, direction: 'maximize' })).toBe(-2)
  })
})

test('a number that only a constraint needs is missed by the driver, which names it, the constraint and the remedy', () => {
  const { context } = optimization({
    space: { lr: space.double(0, 1) },
    trials: 1,
    metric: 'loss',
    direction: 'minimize',
    constraints: ['memory <= 2e9'],
  })
  expect(believed(context, { kind: 'done', metrics: { loss: 1, memory: 3e9 } }).kind).toBe('done')
  expect(believed(context, { kind: 'done', metrics: { loss: 1 } })).toEqual({
    kind: 'failed',
    problem: expect.objectContaining({
      code: 'METRIC_MISSING',
      message:
        'train returned no metric memory; it returned loss, and the constraint memory <= 2000000000 needs memory',
      remedy: 'return {memory: number}, or name another metric in the context',
    }),
  })
})

test('a metric called __proto__ is refused, for it cannot travel', async () => {
  const values = JSON.parse('{"__proto__":1,"loss":2}') as object
  const returned = await outcomeOf(() => values, 'loss')
  expect(returned.kind === 'failed' && returned.error).toMatchObject({ code: 'RESULT_INVALID' })
  const reported = await outcomeOf(({ reporter }) => {
    reporter.report(values)
    return { loss: 1 }
  }, 'loss')
  expect(reported.kind === 'failed' && reported.error).toMatchObject({ code: 'REPORT_INVALID' })
  expect(String(reported.kind === 'failed' && reported.error.message)).toContain('__proto__')
})
