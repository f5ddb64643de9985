/** Schedulers and stop rules through the whole driver, on the memory bus, with time in the test's hand. */
import { describe, expect, it } from 'vitest'
import { encode, judge, progress, subjectFor, type PayloadOf } from '../../protocol/index.ts'
import { hear } from '../../src/bus/index.ts'
import { builtinPruners, type PrunerPlugin } from '../../src/pruners/index.ts'
import { startPruner } from '../../src/pruning/index.ts'
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

  it('that fails, judges again and fails once more is told each time, also across a take-over', async () => {
    const bench = await started()
    const worker = await bench.worker('w1')
    const notes = async () => resultOf('e1', await bench.events('e1')).notes
    let step = 0
    const report = async () => {
      worker.report(0, [{ step, at: 1, values: { value: 0.5 } }], step)
      step += 1
      await bench.settle()
    }
    const serve = (verdict: () => 'continue') =>
      startPruner(bench.network.connect(`p${step}`), { name: 'mine', judge: verdict })
    await bench.submit('e1', { trials: 1, pruner: { name: 'mine', options: { served: true } } })
    await report()
    await report()
    expect(await notes()).toEqual([expect.stringMatching(/^the pruner mine does not judge, so nothing is stopped/)])
    bench.kill()
    await bench.driver('d2')
    worker.holdFor(null)
    await bench.pass(3000, worker)
    const service = serve(() => 'continue')
    await report()
    await report()
    expect(await notes()).toEqual([expect.anything(), 'the pruner mine judges again, after 3 s in which it did not'])
    await service.drain()
    serve(() => {
      throw new Error('on purpose')
    })
    await report()
    await report()
    expect((await notes())?.slice(2)).toEqual([
      expect.stringMatching(/^the pruner mine does not judge for the 2nd time, .*on purpose/),
    ])
    await worker.finish(0)
    await bench.settle()
    expect(resultOf('e1', await bench.events('e1')).state).toBe('done')
    expect(await notes()).toHaveLength(3)
  })

  it('that answers nothing in time, or nonsense, is told with its reason', async () => {
    const bench = await started()
    const worker = await bench.worker('w1')
    const answers: (() => unknown)[] = [() => new Promise(() => {}), () => ({ verdict: 'perhaps' })]
    const subject = subjectFor(judge, { pruner: 'mine' })
    bench.network.connect('p1').subscribe(subject, async (message) => {
      message.respond(encode(await answers.shift()?.(), subject))
    })
    await bench.submit('e1', { trials: 1, pruner: { name: 'mine', options: { served: true } } })
    worker.report(0, [{ step: 0, at: 1, values: { value: 0.5 } }])
    await bench.pass(11_000, worker)
    expect(resultOf('e1', await bench.events('e1')).notes).toEqual([
      expect.stringMatching(/^the pruner mine does not judge, .*10000 ms/),
    ])
    await bench.submit('e2', { trials: 1, pruner: { name: 'mine', options: { served: true } } })
    await worker.finish(0)
    await bench.pass(2000, worker)
    worker.report(0, [{ step: 0, at: 1, values: { value: 0.5 } }])
    await bench.settle()
    expect(resultOf('e2', await bench.events('e2')).notes).toEqual([
      expect.stringMatching(/^the pruner mine does not judge, .*gave a wrong answer: /),
    ])
  })

  it('that comes and goes is told eight times, and that no more is said of it', async () => {
    const bench = await started()
    const worker = await bench.worker('w1')
    let asked = 0
    startPruner(bench.network.connect('p1'), {
      name: 'mine',
      judge: () => {
        asked += 1
        if (asked % 2 === 1) throw new Error('on purpose')
        return 'continue'
      },
    })
    await bench.submit('e1', { trials: 1, pruner: { name: 'mine', options: { served: true } } })
    for (let step = 0; step < 40; step += 1) {
      worker.report(0, [{ step, at: 1, values: { value: 0.5 } }], step)
      await bench.settle()
    }
    expect(asked).toBe(40)
    const noted = (await bench.events('e1')).filter(({ type }) => type === 'experiment.noted')
    expect(noted).toHaveLength(15)
    expect(noted.at(-1)).toMatchObject({ note: expect.stringContaining('no more is said of it') as string })
  })

  it('because it throws, a built-in one too, keeps no report from being heard, and is told in the result', async () => {
    const bench = await started()
    const worker = await bench.worker('w1')
    const broken = (): never => {
      throw new Error('on purpose')
    }
    const known = builtinPruners as Map<string, PrunerPlugin>
    known.set('broken', { name: 'broken', create: () => broken })
    try {
      await bench.submit('e1', { trials: 1, pruner: { name: 'broken', options: {} } })
      const said: PayloadOf<typeof progress>[] = []
      hear(bench.client, progress, { experiment: 'e1' }, (payload) => said.push(payload))
      worker.report(
        0,
        [0, 1, 2].map((step) => ({ step, at: 1, values: { value: 0.5 } })),
      )
      await bench.pass(1000, worker)
      expect(said.at(-1)?.running).toMatchObject([{ trial: 0, step: 2 }])
      expect(resultOf('e1', await bench.events('e1')).notes).toEqual([
        'the pruner broken does not judge, so nothing is stopped meanwhile: on purpose',
      ])
      expect(bench.faults).toEqual([])
    } finally {
      known.delete('broken')
    }
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
