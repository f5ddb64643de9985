import { describe, expect, it } from 'vitest'
import { resultOf } from '../../src/store/index.ts'
import { startPruner } from '../../src/pruning/index.ts'
import { Bench } from '../driver/support.ts'

const point = (step: number, value: number) => ({ step, at: 1, values: { value } })
const pruner = { name: 'mine', options: { served: true, bar: 0.5 } }

describe("a pruner of one's own", () => {
  it('is asked after reports, with the options and the other trials, and its word stops the trial', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const asked: unknown[] = []
    startPruner(bench.network.connect('p1'), {
      name: 'mine',
      judge: ({ trial, history, options }) => {
        asked.push([trial.trial, trial.points.length, history.map((each) => [each.trial, each.state])])
        return (trial.points.at(-1)?.values['value'] ?? 0) < Number(options['bar']) ? 'stop' : 'continue'
      },
    })
    const worker = await bench.worker('w1', { slots: 2 })
    await bench.submit('e1', { trials: 2, pruner })
    worker.report(0, [point(0, 0.9)])
    await bench.settle()
    worker.report(1, [point(0, 0.8), point(1, 0.2)])
    await bench.settle()
    expect(asked).toEqual([
      [0, 1, []],
      [1, 2, [[0, 'running']]],
    ])
    expect(worker.stops.map(({ attempt, reason }) => [attempt.trial, reason])).toEqual([[1, 'pruned']])
    await worker.finish(1, { kind: 'stopped', reason: 'pruned', metrics: { value: 0.2 } })
    await worker.finish(0)
    await bench.settle()
    expect(resultOf('e1', await bench.events('e1')).counts).toMatchObject({ done: 1, pruned: 1 })
  })

  it('is not believed of an attempt that is over: the next one is judged by its own reports', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    let decide: ((verdict: 'stop') => void) | undefined
    const asked: number[] = []
    startPruner(bench.network.connect('p1'), {
      name: 'mine',
      judge: ({ trial }) => {
        asked.push(trial.points.length)
        return asked.length > 1 ? 'continue' : new Promise<'stop'>((resolve) => (decide = resolve))
      },
    })
    const worker = await bench.worker('w1')
    await bench.submit('e1', { trials: 1, pruner })
    worker.report(0, [point(0, 0.1)])
    await bench.settle()
    await worker.finish(0, { kind: 'returned', reason: 'draining' })
    await bench.pass(1000, worker)
    expect(worker.running).toEqual([0])
    decide?.('stop')
    await bench.settle()
    worker.report(0, [point(0, 0.9)])
    await bench.settle()
    expect(worker.stops).toEqual([])
    expect(asked).toEqual([1, 1])
  })

  it('that throws is named, by its own log with the place', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const judge = (): 'stop' => {
      throw new TypeError('no judge today')
    }
    startPruner(bench.network.connect('p1'), { name: 'mine', judge })
    const worker = await bench.worker('w1')
    await bench.submit('e1', { trials: 1, pruner })
    worker.report(0, [point(0, 0.1)])
    await bench.settle()
    const { notes, misbehaved } = resultOf('e1', await bench.events('e1'))
    expect(misbehaved).toBe('PRUNER_MISBEHAVED')
    expect(notes?.join()).toContain('no judge today')
    const faults = bench.faults.splice(0)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain('TypeError: no judge today')
    expect(faults[0]).toContain('serve.test.ts')
  })

  it('that is away, or throws, stops nothing, and is asked again at the next report', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const worker = await bench.worker('w1')
    await bench.submit('e1', { trials: 1, pruner })
    worker.report(0, [point(0, 0.1)])
    await bench.settle()
    let throws = true
    startPruner(bench.network.connect('p1'), {
      name: 'mine',
      judge: () => {
        if (throws) throw new Error('on purpose')
        return 'stop'
      },
    })
    worker.report(0, [point(1, 0.1)], 1)
    await bench.settle()
    expect(worker.stops).toEqual([])
    throws = false
    worker.report(0, [point(2, 0.1)], 2)
    await bench.settle()
    expect(worker.stops).toHaveLength(1)
  })

  it('that owes an answer when a trial ends is said to, once, though its search is shorter than the wait for it', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    startPruner(bench.network.connect('p1'), { name: 'mine', judge: () => new Promise<'stop'>(() => undefined) })
    const worker = await bench.worker('w1')
    await bench.submit('e1', { trials: 3, pruner })
    worker.report(0, [point(0, 0.1)])
    await bench.settle()
    await worker.finish(0)
    await bench.pass(1500, worker)
    for (const trial of [1, 2]) {
      worker.report(trial, [point(0, 0.1)])
      await bench.settle()
      await worker.finish(trial)
    }
    await bench.settle()
    const { notes, counts } = resultOf('e1', await bench.events('e1'))
    expect(counts.done).toBe(3)
    expect(notes).toEqual([
      expect.stringMatching(/^trial 1 has ended while the pruner mine owed an answer for 1\.\d s/),
    ])
  })

  it('refuses a name that cannot be served', () => {
    const bus = new Bench().network.connect('p1')
    for (const name of ['median', 'a.b', '']) {
      expect(() => startPruner(bus, { name, judge: () => 'stop' })).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      )
    }
  })
})
