/** Schedulers and stop rules through the whole driver, on the memory bus, with time in the test's hand. */
import { describe, expect, it } from 'vitest'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { Bench, context } from './support.ts'

const plugins = [...builtinSamplers.values(), ...builtinSchedulers.values()]
const { policy } = context
const started = async () => {
  const bench = new Bench()
  await bench.driver()
  await bench.optimizer('o1', plugins)
  return bench
}

describe('a scheduler and the driver', () => {
  it('hands out the budget as hparams.budget, and the trial that is continued', async () => {
    const bench = await started()
    const worker = await bench.worker('w1', {
      run: ({ hparams }) => ({ kind: 'done', metrics: { value: Number(hparams['x']) } }),
    })
    const optimizer = { name: 'hyperband', options: { maxBudget: 9 } }
    await bench.submit('e1', { optimizer, trials: 20, hparams: { budget: 77 } })
    await bench.pass(5000, worker)
    const result = resultOf('e1', await bench.events('e1'))
    expect([result.state, result.counts.done]).toEqual(['done', 20])
    const budgets = worker.assignments.map(({ hparams }) => hparams['budget'])
    expect([1, 3, 9].map((budget) => budgets.filter((each) => each === budget).length)).toEqual([9, 6, 5])
    for (const { hparams, resumeFrom } of worker.assignments) {
      if (resumeFrom === undefined) continue
      expect(result.trials[resumeFrom]?.hparams['x']).toBe(hparams['x'])
      expect(Number(result.trials[resumeFrom]?.hparams['budget'])).toBeLessThan(Number(hparams['budget']))
    }
    expect(worker.assignments.filter(({ resumeFrom }) => resumeFrom !== undefined)).toHaveLength(5)
    expect(result.trials.filter(({ from }) => from !== undefined)).toHaveLength(5)
    expect(bench.faults).toEqual([])
  })

  it('gives back the slots while a scheduler waits, and fills them when a result is in', async () => {
    const bench = await started()
    const worker = await bench.worker('w1', { slots: 4 })
    const optimizer = { name: 'pbt', options: { population: 2 } }
    await bench.submit('e1', { optimizer, trials: 6 })
    expect(worker.running).toEqual([0, 1])
    await bench.pass(2000, worker)
    expect(worker.status().slots.filter(({ driver }) => driver !== null)).toHaveLength(2)
    await worker.finish(0)
    await bench.pass(1000, worker)
    expect(worker.running.toSorted((a, b) => a - b)).toEqual([1, 2])
    expect(worker.assignments.at(-1)).toMatchObject({ resumeFrom: 0, hparams: { budget: 2 } })
  })

  it('tells the optimizer of a trial that was lost for good, so that nobody waits for it', async () => {
    const bench = await started()
    const first = await bench.worker('w1')
    const optimizer = { name: 'pbt', options: { population: 2 } }
    await bench.submit('e1', { optimizer, trials: 4, policy: { ...policy, maxAttempts: 1, parallel: 2 } })
    const second = await bench.worker('w2')
    await bench.pass(1000, first, second)
    first.leave()
    await bench.pass(2000, second)
    await second.finish(second.running[0] ?? -1)
    await bench.pass(1000, second)
    expect(second.assignments.at(-1)).toMatchObject({ resumeFrom: 1 })
  })

  it('takes the same decisions after the driver was killed', async () => {
    const bench = await started()
    const worker = await bench.worker('w1')
    const optimizer = { name: 'asha', options: {} }
    await bench.submit('e1', { optimizer, trials: 4 })
    await worker.finish(0)
    await bench.settle()
    await worker.finish(1)
    await bench.settle()
    bench.kill()
    await bench.driver('d2')
    await bench.pass(20_000, worker)
    await worker.finish(2)
    const other = await bench.worker('w2')
    await bench.pass(2000, worker, other)
    await other.finish(3)
    await bench.settle()
    const result = resultOf('e1', await bench.events('e1'))
    expect(result.trials.map(({ from, hparams }) => [from, hparams['budget']])).toEqual([
      [undefined, 1],
      [undefined, 1],
      [1, 2],
      [undefined, 1],
    ])
  })
})

describe('a pruner that hears nothing', () => {
  it('is warned of once, and stops nothing', async () => {
    const bench = await started()
    const worker = await bench.worker('w1', { run: () => ({ kind: 'done', metrics: { value: 1 } }) })
    await bench.submit('e1', { trials: 5, pruner: { name: 'median', options: {} } })
    await bench.pass(2000, worker)
    expect(resultOf('e1', await bench.events('e1')).counts).toMatchObject({ done: 5, pruned: 0 })
    const told = bench.warnings.filter((warning) => warning.includes('the pruner median has nothing to judge'))
    expect(told).toHaveLength(1)
    // Where the user looks: in the log, and so on every screen and in the result; once, also after a take-over.
    bench.kill()
    await bench.driver('d2')
    expect(resultOf('e1', await bench.events('e1')).notes).toEqual([expect.stringContaining(told[0] ?? 'nothing')])
  })

  it('that nobody serves is told in the result', async () => {
    const bench = await started()
    const worker = await bench.worker('w1')
    await bench.submit('e1', { trials: 1, pruner: { name: 'mine', options: { served: true } } })
    worker.report(0, [{ step: 0, at: 1, values: { value: 0.5 } }])
    await bench.settle()
    await worker.finish(0)
    await bench.pass(2000, worker)
    const { notes } = resultOf('e1', await bench.events('e1'))
    expect(notes).toEqual([expect.stringMatching(/^the pruner mine does not judge, so nothing is stopped meanwhile: /)])
  })

  it('is warned of when what is reported is not what the pruner looks at', async () => {
    const bench = await started()
    const worker = await bench.worker('w1')
    await bench.submit('e1', {
      trials: 2,
      pruner: { name: 'median', options: { metric: 'loss', direction: 'minimize' } },
    })
    const warned = () => bench.warnings.filter((warning) => warning.includes('without a report of loss')).length
    for (const trial of [0, 1]) {
      worker.report(trial, [{ step: 0, at: 1, values: { value: 0.5 } }])
      await bench.settle()
      await worker.finish(trial, { kind: 'done', metrics: { value: 1 } })
      await bench.settle()
      expect(warned()).toBe(1)
    }
  })
})

describe('a stop rule', () => {
  it('ends the experiment as done at the target, and cancels what runs', async () => {
    const bench = await started()
    const worker = await bench.worker('w1', { slots: 3 })
    await bench.submit('e1', { trials: 100, stop: { target: 0.5 }, policy: { ...policy, parallel: 3 } })
    await worker.finish(0, { kind: 'done', metrics: { value: 0.4 } })
    await bench.settle()
    await worker.finish(1, { kind: 'done', metrics: { value: 0.6 } })
    await bench.pass(500, worker)
    expect(worker.stops.map(({ reason }) => reason)).toEqual(['cancelled', 'cancelled'])
    for (const trial of worker.running) {
      await worker.finish(trial, { kind: 'stopped', reason: 'cancelled', metrics: {} })
    }
    await bench.pass(500, worker)
    const result = resultOf('e1', await bench.events('e1'))
    expect(result).toMatchObject({ state: 'done', conclusion: 'target', best: { trial: 1 } })
    expect(result.counts).toMatchObject({ done: 2, cancelled: 2 })
  })

  it('ends it when its time is up, counted from when it was accepted, whatever driver has it', async () => {
    const bench = await started()
    const worker = await bench.worker('w1')
    await bench.submit('e1', { trials: 100, stop: { afterMs: 30_000 } })
    await bench.pass(10_000, worker)
    bench.kill()
    await bench.driver('d2')
    await bench.pass(18_000, worker)
    expect(resultOf('e1', await bench.events('e1')).state).toBe('running')
    await bench.pass(2500, worker)
    for (const trial of worker.running) {
      await worker.finish(trial, { kind: 'stopped', reason: 'cancelled', metrics: {} })
    }
    await bench.pass(500, worker)
    expect(resultOf('e1', await bench.events('e1'))).toMatchObject({ state: 'failed', conclusion: 'time' })
  })

  it('is kept by the driver that takes over, if the other died before it could say so', async () => {
    const bench = await started()
    const worker = await bench.worker('w1', {
      run: ({ attempt }) => ({ kind: 'done', metrics: { value: attempt.trial === 0 ? 1 : 0 } }),
    })
    await bench.submit('e1', { trials: 100, stop: { withoutImprovement: 5 }, policy: { ...policy, parallel: 1 } })
    await bench.pass(1000, worker)
    const result = resultOf('e1', await bench.events('e1'))
    expect(result).toMatchObject({ state: 'done', conclusion: 'no-improvement' })
    expect(result.counts.done).toBe(6)
  })
})
