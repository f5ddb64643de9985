import { describe, expect, it } from 'vitest'
import { codeOf, progress, submit, type AttemptOutcome } from '../../protocol/index.ts'
import { ask, hear } from '../../src/bus/index.ts'
import type { OptimizerPlugin } from '../../src/optimizer/index.ts'
import { recordPoints } from '../support/fake-worker.ts'
import { Bench, context, ready, submission } from './support.ts'

const ok = (value: number): AttemptOutcome => ({ kind: 'done', metrics: { value } })
const point = (step: number, value: number) => ({ step, at: 1, values: { value } })

const inOrder = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)

describe('the driver', () => {
  it('runs an experiment from its submission to its end, each trial once, the log before the worker', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const worker = await bench.worker('w1', { run: ({ attempt }) => ok(attempt.trial) })
    await bench.submit('e1')
    const events = await bench.events('e1')
    expect(events.at(-1)).toMatchObject({
      type: 'experiment.ended',
      state: 'done',
      best: { trial: 3, metrics: { value: 3 } },
    })
    const ended = events.filter(({ type }) => type === 'trial.ended')
    expect(ended.map((event) => 'trial' in event && event.trial)).toEqual([0, 1, 2, 3])
    expect(worker.assignments.map(({ attempt }) => attempt)).toEqual(
      [0, 1, 2, 3].map((trial) => ({ experiment: 'e1', trial, attempt: 1 })),
    )
    expect(worker.acknowledged).toHaveLength(4)
    expect(bench.faults).toEqual([])
  })

  it('gives each trial its hparams over the constant ones, and a seed that follows from experiment and trial alone (G6)', async () => {
    const { w1 } = await ready()
    const again = await ready()
    const [first] = w1.assignments
    expect(first?.hparams).toMatchObject({ epochs: 3 })
    expect(first?.hparams.x).toBeTypeOf('number')
    expect(again.w1.assignments[0]).toEqual(first)
  })

  it('suggests only when a slot is free: with one worker one trial is out at a time', async () => {
    const { bench, w1 } = await ready()
    expect(w1.running).toEqual([0])
    expect((await bench.types('e1')).filter((type) => type === 'trial.suggested')).toHaveLength(1)
    await w1.finish(0)
    await bench.settle()
    expect(w1.running).toEqual([1])
  })

  it('says that what runs comes to its end, where it is stopped without more, and how to end that', async () => {
    const { bench, w1 } = await ready()
    const told: unknown[] = []
    hear(bench.client, progress, { experiment: '*' }, ({ waiting }) => told.push(waiting))
    expect(await bench.stop('e1', 'finish')).toBe('stopping')
    for (let second = 0; second < 12; second += 1) await bench.pass(1000, w1)
    const remedy = expect.stringContaining('`maggy stop e1 --cancel` stops them now') as string
    expect(told.at(-1)).toMatchObject({ code: 'TRIALS_FINISHING', message: remedy })
    await w1.finish(0)
    await bench.settle()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'stopped' })
  })

  it('rests after each look at thousands of slots, so that all else has its time', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const w1 = await bench.worker('w1', { slots: 1000 })
    await bench.worker('w2', { slots: 1000 })
    await bench.submit('e1', { trials: 8, policy: { ...context.policy, parallel: 2 } })
    await bench.pass(1000, w1)
    expect(w1.running).toEqual([0, 1])
    await w1.finish(0)
    await bench.settle()
    let ms = 0
    for (; w1.running.length < 2 && ms < 100; ms += 1) {
      bench.clock.increment(1)
      await bench.settle()
    }
    // One look when the slot falls idle, one a ms later that has a trial suggested, and one that hands it over.
    expect([ms, inOrder(w1.running)]).toEqual([2, [1, 2]])
  })

  it('lets a trial wait behind a short one where results do not matter, and never while a slot is idle', async () => {
    const { bench, w1 } = await ready({ trials: 8 })
    expect(w1.waiting).toEqual([])
    await w1.finish(0)
    await bench.settle()
    expect([w1.running, w1.waiting]).toEqual([[1], [2]])
    const w2 = await bench.worker('w2')
    expect([w2.running, w2.waiting]).toEqual([[3], [4]])
  })

  it('calls back what waits behind a trial that takes long, once a slot is idle: it runs there, and costs no attempt', async () => {
    const { bench, w1 } = await ready({ trials: 4 })
    await w1.finish(0)
    await bench.settle()
    const w2 = await bench.worker('w2')
    expect([w1.running, w1.waiting, w2.running, w2.waiting]).toEqual([[1], [2], [3], []])
    await bench.pass(2000, w1, w2)
    expect([w1.stops, w2.stops]).toEqual([[], []])
    await w2.finish(3)
    await bench.pass(500, w1, w2)
    const attempt = { experiment: 'e1', trial: 2, attempt: 1 }
    expect(w1.stops).toEqual([{ attempt, reason: 'superseded', ifWaiting: true }])
    await w1.finish(2, { kind: 'returned', reason: 'superseded' })
    await bench.settle()
    expect([w1.running, w1.waiting, w2.running]).toEqual([[1], [], [2]])
    await w2.finish(2)
    await w1.finish(1)
    await bench.settle()
    const events = await bench.events('e1')
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    const back = events.find((event) => event.type === 'trial.ended' && event.outcome.kind === 'returned')
    expect(back).toMatchObject({ trial: 2, outcome: { reason: expect.stringContaining('another slot was idle') } })
  })

  it('lets what was called back too late go on, and rests no slot for it', async () => {
    const { bench, w1 } = await ready({ trials: 4 })
    await w1.finish(0)
    await bench.settle()
    const w2 = await bench.worker('w2')
    await w2.finish(3)
    await bench.pass(2500, w1, w2)
    expect(w1.stops).toHaveLength(1)
    // Its slot had begun with it before it heard.
    await w1.finish(1)
    await bench.pass(20_000, w1, w2)
    expect([w1.running, w2.running]).toEqual([[2], []])
    await w1.finish(2)
    await bench.settle()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    expect(w1.assignments).toHaveLength(3)
  })

  it('gives a worker that joins in the middle its first trial at once (G4)', async () => {
    const { bench, w1 } = await ready()
    const late = await bench.worker('late', { slots: 2 })
    expect(inOrder([...w1.running, ...late.running])).toEqual([0, 1, 2])
  })

  it('keeps to exactly the number of trials asked, however many slots there are', async () => {
    const { bench } = await ready({ trials: 5 })
    const big = await bench.worker('big', { slots: 16, run: ({ attempt }) => ok(attempt.trial) })
    expect(big.assignments.length).toBe(4)
    expect((await bench.types('e1')).filter((type) => type === 'trial.suggested')).toHaveLength(5)
  })

  it('keeps to `parallel`', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const worker = await bench.worker('w1', { slots: 8 })
    await bench.submit('e1', { trials: 8, policy: { ...context.policy, parallel: 3 } })
    expect(worker.running).toHaveLength(3)
    await worker.finish(0)
    await bench.settle()
    expect(worker.running).toHaveLength(3)
  })

  it('uses only workers that carry the labels', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const plain = await bench.worker('plain')
    const big = await bench.worker('big', { labels: { memory: 'big', zone: 'a' } })
    await bench.submit('e1', { policy: { ...context.policy, labels: { memory: 'big' } } })
    expect([plain.running, big.running]).toEqual([[], [0]])
  })

  it('shares slots fairly between experiments', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    await bench.submit('e1', { trials: 50 })
    await bench.submit('e2', { trials: 50 })
    const worker = await bench.worker('w1', { slots: 8 })
    const of = (id: string) => worker.assignments.filter(({ attempt }) => attempt.experiment === id).length
    expect([of('e1'), of('e2')]).toEqual([4, 4])
  })

  it('releases a slot that it has no use for, and takes it again when it has', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    await w1.finish(0)
    await bench.pass(1500, w1)
    expect(w1.status().slots[0]?.driver).toBeNull()
    await bench.submit('e2')
    expect(w1.running).toEqual([0])
  })

  it('ends a failed trial as failed, and the experiment goes on to done (G2)', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    await w1.finish(0, { kind: 'failed', problem: { code: 'TRAIN_FAILED', message: 'train threw x' } })
    await bench.settle()
    await w1.finish(1, ok(1))
    await bench.settle()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done', best: { trial: 1 } })
  })

  it('gives the experiment up when as many have failed as `maxFailed` says', async () => {
    const { bench, w1 } = await ready({ trials: 9, policy: { ...context.policy, maxFailed: 2 } })
    const failure: AttemptOutcome = { kind: 'failed', problem: { code: 'TRAIN_FAILED', message: 'train threw x' } }
    await w1.finish(0, failure)
    await bench.settle()
    await w1.finish(1, failure)
    await bench.settle()
    for (const trial of w1.running) await w1.finish(trial, { kind: 'stopped', reason: 'cancelled', metrics: {} })
    for (const trial of w1.running) await w1.finish(trial, { kind: 'stopped', reason: 'cancelled', metrics: {} })
    await bench.settle()
    const events = await bench.events('e1')
    expect(events.find(({ type }) => type === 'experiment.failing')).toMatchObject({
      problem: {
        code: 'EXPERIMENT_GIVEN_UP',
        message: 'the experiment was given up after 2 failed trials: train threw x',
      },
    })
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'failed' })
  })

  it('does not believe a result without the metric that was asked for', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    await w1.finish(0, { kind: 'done', metrics: { loss: 1 } })
    await bench.settle()
    const ended = (await bench.events('e1')).find(({ type }) => type === 'trial.ended')
    expect(ended).toMatchObject({ outcome: { kind: 'failed', problem: { code: 'METRIC_MISSING' } } })
  })

  it('runs the trial of a lost worker elsewhere, and only that one (G3)', async () => {
    const { bench, w1 } = await ready({ trials: 3 })
    const w2 = await bench.worker('w2')
    expect([w1.running, w2.running]).toEqual([[0], [1]])
    w1.vanish()
    await bench.pass(6000, w2)
    expect(await bench.types('e1')).toContain('trial.lost')
    await w2.finish(1)
    await bench.settle()
    expect(w2.assignments.map(({ attempt }) => [attempt.trial, attempt.attempt])).toContainEqual([0, 2])
  })

  it('fails a trial that keeps losing its workers, instead of trying for ever (G3)', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    let worker = w1
    for (let n = 2; n <= 4; n += 1) {
      worker.vanish()
      await bench.pass(6000)
      if (n < 4) worker = await bench.worker(`w${n}`)
    }
    const events = await bench.events('e1')
    expect(events.filter(({ type }) => type === 'trial.lost')).toHaveLength(3)
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'failed', best: null })
  })

  it('does not lose workers by an outage of its own', async () => {
    const { bench, w1 } = await ready()
    bench.network.outage(bench.bus())
    await bench.pass(20_000, w1)
    bench.network.restore(bench.bus())
    await bench.pass(2000, w1)
    expect(await bench.types('e1')).not.toContain('trial.lost')
    await w1.finish(0)
    await bench.settle()
    expect(w1.running).toEqual([1])
  })

  it('knows that a worker which was started anew under the same name lost what it held', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    w1.vanish()
    const anew = await bench.worker('w1', { startedAt: 2 })
    expect(anew.assignments[0]?.attempt).toEqual({ experiment: 'e1', trial: 0, attempt: 2 })
  })

  it('believes a worker that twice knows nothing of an attempt', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    await bench.pass(1000, w1)
    w1.vanish()
    const forgetful = await bench.worker('w1')
    forgetful.beat()
    await bench.settle()
    expect(forgetful.assignments[0]?.attempt.attempt).toBe(2)
  })

  it('takes the late result of an attempt that it had given up, and stops the one that replaced it', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const w2 = await bench.worker('w2')
    bench.network.outage(w1.bus)
    await bench.pass(6000, w2)
    expect(w2.assignments[0]?.attempt).toMatchObject({ trial: 0, attempt: 2 })
    bench.network.restore(w1.bus)
    await w1.finish(0, ok(5))
    await bench.settle()
    expect(w2.stops).toEqual([{ attempt: { experiment: 'e1', trial: 0, attempt: 2 }, reason: 'superseded' }])
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done', best: { metrics: { value: 5 } } })
  })

  it('takes back what a draining worker returns, at no cost', async () => {
    const { bench, w1 } = await ready({ trials: 2, policy: { ...context.policy, maxAttempts: 1 } })
    w1.draining = true
    w1.beat()
    await w1.finish(0, { kind: 'returned', reason: 'drain' })
    w1.leave()
    const w2 = await bench.worker('w2', { run: ({ attempt }) => ok(attempt.trial) })
    await bench.settle()
    expect(inOrder(w2.assignments.map(({ attempt }) => attempt.trial))).toEqual([0, 1])
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done' })
  })

  it('acknowledges a result once, however often it is said', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const [assignment] = w1.assignments
    await w1.finish(0, ok(1))
    await bench.settle()
    if (assignment) await w1.say(assignment.attempt, ok(2))
    await bench.settle()
    const ends = (await bench.events('e1')).filter(({ type }) => type === 'trial.ended')
    expect(ends).toHaveLength(1)
    expect(w1.unacknowledged).toEqual([])
  })

  it('refuses what it cannot run before any trial starts (G8)', async () => {
    const bench = new Bench()
    await bench.driver()
    const refusal = async (change: Parameters<typeof submission>[1]) => {
      const asked = ask(bench.client, submit, {}, submission('bad', change), { timeoutMs: 1000 })
      return codeOf(await asked.catch((error: unknown) => error))
    }
    expect(await refusal({ space: { lr: { type: 'double', low: 2, high: 1 } } })).toBe('SPACE_INVALID')
    expect(await refusal({ pruner: { name: 'no-such', options: {} } })).toBe('PRUNER_UNKNOWN')
    expect(await refusal({ trials: 0 })).toBe('MESSAGE_INVALID')
    expect(await bench.events('bad')).toEqual([])
  })

  it('fails an experiment whose optimizer refuses it, and says why', async () => {
    const { bench } = await ready({ optimizer: { name: 'grid', options: {} } })
    const events = await bench.events('e1')
    expect(events.find(({ type }) => type === 'experiment.failing')).toMatchObject({
      problem: { code: 'OPTIMIZER_UNFIT' },
    })
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'failed' })
  })

  it('ends a grid when it is used up', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    await bench.worker('w1', { run: ({ attempt }) => ok(attempt.trial) })
    const space = { a: { type: 'categorical' as const, choices: ['x', 'y', 'z'] } }
    await bench.submit('e1', { optimizer: { name: 'grid', options: {} }, space, trials: 100 })
    const events = await bench.events('e1')
    expect(events.filter(({ type }) => type === 'trial.suggested')).toHaveLength(3)
    expect(events.at(-1)).toMatchObject({ state: 'done' })
  })
})

describe('what is suggested', () => {
  it('is suggested once for each place, by all that is known when the place is free: alone, by every result', async () => {
    const bench = new Bench()
    await bench.driver()
    const unknown: number[] = []
    const slow: OptimizerPlugin = {
      name: 'slow',
      adaptive: true,
      create:
        () =>
        async ({ trial, history }) => {
          unknown.push(trial - history.filter(({ state }) => state === 'done').length)
          await new Promise<void>((resolve) => bench.clock.setTimeout(resolve, 400))
          return { x: 0.5 }
        },
    }
    await bench.optimizer('o1', [slow])
    // Its beats make placement look while a question is open.
    const worker = await bench.worker('w1', { slots: 2 })
    const alone = { ...context.policy, parallel: 1 }
    await bench.submit('e1', { optimizer: { name: 'slow', options: {} }, trials: 6, policy: alone })
    for (let trial = 0; trial < 6; trial += 1) {
      await bench.pass(1000, worker)
      await worker.finish(trial)
      await bench.settle()
    }
    expect(unknown).toEqual([0, 0, 0, 0, 0, 0])
  })
})

describe('stopping early', () => {
  const pruned = { pruner: { name: 'threshold', options: { lower: 0.5 } }, trials: 2 }

  it('stops a trial at the report that the pruner minds, and keeps its last metrics', async () => {
    const { bench, w1 } = await ready(pruned)
    w1.report(0, [point(0, 0.9)])
    await bench.settle()
    expect(w1.stops).toEqual([])
    w1.report(0, [point(1, 0.8), point(2, 0.1)], 1)
    await bench.settle()
    expect(w1.stops).toEqual([{ attempt: { experiment: 'e1', trial: 0, attempt: 1 }, reason: 'pruned' }])
    await w1.finish(0, { kind: 'stopped', reason: 'pruned', metrics: { value: 0.1 } })
    await bench.settle()
    const events = await bench.events('e1')
    expect(events.find(({ type }) => type === 'trial.stopping')).toMatchObject({ trial: 0, step: 2, reason: 'pruned' })
    expect(w1.running).toEqual([1])
  })

  it('counts a batch that is said twice once, and reads back what it missed', async () => {
    const { bench, w1 } = await ready(pruned)
    const batch = [point(0, 0.9), point(1, 0.1)]
    await recordPoints(w1.bus, 'w1', { experiment: 'e1', trial: 0, attempt: 1 }, batch)
    await bench.settle()
    w1.report(0, [point(2, 0.7)], 2)
    await bench.settle()
    w1.report(0, [point(2, 0.7)], 2)
    await bench.settle()
    expect(w1.stops.filter(({ reason }) => reason === 'pruned').length).toBeLessThanOrEqual(1)
  })
})

describe('stop and resume', () => {
  it('finish lets what runs end, and cancels the rest', async () => {
    const { bench, w1 } = await ready({ trials: 5 })
    expect(await bench.stop('e1', 'finish')).toBe('stopping')
    await w1.finish(0)
    await bench.settle()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'stopped', best: { trial: 0 } })
    expect(w1.assignments).toHaveLength(1)
  })

  it('finish begins nothing that waits behind what runs', async () => {
    const { bench, w1 } = await ready()
    await w1.finish(0)
    await bench.settle()
    expect([w1.running, w1.waiting]).toEqual([[1], [2]])
    await bench.stop('e1', 'finish')
    await bench.settle()
    expect(w1.stops).toEqual([
      { attempt: { experiment: 'e1', trial: 2, attempt: 1 }, reason: 'superseded', ifWaiting: true },
    ])
    await w1.finish(2, { kind: 'returned', reason: 'superseded' })
    await w1.finish(1)
    await bench.settle()
    const events = await bench.events('e1')
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'stopped' })
    expect(events.filter((event) => event.type === 'trial.ended' && event.outcome.kind === 'done')).toHaveLength(2)
    await bench.resume('e1')
    await bench.settle()
    expect(w1.running).toEqual([2])
  })

  it('cancel stops what runs, and resume runs it again and all that is missing', async () => {
    const { bench, w1 } = await ready({ trials: 3 })
    expect(await bench.stop('e1', 'cancel')).toBe('cancelling')
    expect(w1.stops).toMatchObject([{ reason: 'cancelled' }])
    await w1.finish(0, { kind: 'stopped', reason: 'cancelled', metrics: {} })
    await bench.settle()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'stopped' })
    expect(await bench.resume('e1')).toBe('opening')
    await bench.settle()
    expect(w1.assignments[1]?.attempt).toEqual({ experiment: 'e1', trial: 0, attempt: 2 })
    for (const trial of [0, 1, 2]) {
      await w1.finish(trial)
      await bench.settle()
    }
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done' })
  })

  it('a resume that comes while it is being stopped is refused for now, by its own driver and by another', async () => {
    const { bench, w1 } = await ready({ trials: 3 })
    await bench.driver('d2')
    await bench.pass(1000, w1)
    await bench.stop('e1', 'cancel')
    // Either driver answers in its turn.
    for (const _ of ['d1', 'd2']) await expect(bench.resume('e1')).rejects.toMatchObject({ code: 'EXPERIMENT_BUSY' })
    await w1.finish(0, { kind: 'stopped', reason: 'cancelled', metrics: {} })
    await bench.settle()
    await bench.pass(1000, w1)
    expect(['opening', 'searching']).toContain(await bench.resume('e1'))
  })

  it('a lost worker does not keep a cancelled experiment from ending', async () => {
    const { bench, w1 } = await ready({ trials: 3 })
    w1.vanish()
    await bench.stop('e1', 'cancel')
    await bench.pass(9000)
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'stopped' })
  })
})
