/** What went wrong once, named after what the user saw of it. */
import { describe, expect, it } from 'vitest'
import {
  codeOf,
  decode,
  done,
  doneSeveral,
  driverBeat,
  encode,
  log,
  metrics,
  observe,
  open,
  problem,
  progress,
  resumeExperiment,
  streams,
  subjectFor,
  subjectTo,
  submit,
  suggest,
  type AttemptOutcome,
  type PayloadOf,
} from '../../protocol/index.ts'
import { answer, ask, hear, type Bus } from '../../src/bus/index.ts'
import { recordPoints } from '../support/fake-worker.ts'
import { Bench, context, ready, submission } from './support.ts'

const ok = (value: number): AttemptOutcome => ({ kind: 'done', metrics: { value } })
const point = (step: number, value: number) => ({ step, at: 1, values: { value } })

function listen(bench: Bench, experiment = '*'): PayloadOf<typeof progress>[] {
  const told: PayloadOf<typeof progress>[] = []
  hear(bench.client, progress, { experiment }, (payload) => told.push(payload))
  return told
}

async function submitted(bench: Bench, ...given: Parameters<typeof submission>): Promise<unknown> {
  const asked = ask(bench.client, submit, {}, submission(...given), { timeoutMs: 60_000 }).then(
    () => 'accepted',
    (error: unknown) => codeOf(error),
  )
  await bench.settle()
  return await asked
}

describe('a log that does not answer', () => {
  it('is said long before the bus gives up waiting for it, and the experiment goes on when it answers', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const told = listen(bench)
    bench.transit = ({ kind }) => (kind === 'append' ? 'lost' : 'arrives')
    void w1.finish(0, ok(1))
    await bench.pass(2000, w1)
    expect(told.at(-1)?.waiting).toBeNull()
    await bench.pass(2000, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'LOG_UNANSWERED' })
    bench.transit = () => 'arrives'
    await bench.pass(10_000, w1)
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    expect(told.at(-1)?.waiting).toBeNull()
    expect(bench.faults).toEqual([])
  })

  it('is not said any more once it has answered, though nothing is to be written', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const told = listen(bench)
    bench.transit = ({ kind }) => (kind === 'read' ? 'lost' : 'arrives')
    bench.network.outage(bench.bus())
    bench.network.restore(bench.bus())
    await bench.pass(8000, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'BUS_TIMEOUT' })
    bench.transit = () => 'arrives'
    await bench.pass(8000, w1)
    expect(told.at(-1)?.waiting).toBeNull()
    await w1.finish(0, ok(1))
    await bench.settle()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  })
})

describe('a log that is full', () => {
  it('makes an experiment wait and say so, and it goes on when there is room again (5)', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    const told = listen(bench)
    bench.network.limit('log', 1)
    void w1.finish(0, ok(1))
    await bench.pass(2000, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'BUS_FULL' })
    expect(w1.acknowledged).toEqual([])
    bench.network.limit('log', 2 ** 20)
    await bench.pass(2000, w1)
    expect(w1.acknowledged).toHaveLength(1)
    await w1.finish(1, ok(2))
    await bench.settle()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    expect(bench.faults).toEqual([])
  })

  it('refuses a new experiment with a code, which is accepted when there is room again (5)', async () => {
    const bench = new Bench()
    await bench.driver()
    bench.network.limit('log', 1)
    expect(await submitted(bench, 'e1')).toBe('BUS_FULL')
    bench.network.limit('log', 2 ** 20)
    expect(await submitted(bench, 'e1')).toBe('accepted')
  })
})

describe('what can never fit the log', () => {
  it('is refused when it is a submission (5)', async () => {
    const bench = new Bench()
    await bench.driver()
    // It fits a message, and with what the log adds to it no entry.
    const withOptions = (ballast: string) => submission('big', { optimizer: { name: 'random', options: { ballast } } })
    const rest = bench.client.maxPayload - encode(withOptions('')).length - 16
    const big = withOptions('x'.repeat(rest))
    const asked = ask(bench.client, submit, {}, big, { timeoutMs: 1000 }).catch((error: unknown) => codeOf(error))
    await bench.settle()
    expect(await asked).toBe('BUS_TOO_LARGE')
    expect(await bench.events('big')).toEqual([])
  })

  it('is refused when it is a result, and the driver goes on (5)', async () => {
    const fault = { code: 'TRAIN_FAILED', message: 'x'.repeat(8192), remedy: 'x'.repeat(8192) }
    const big: PayloadOf<typeof done> = {
      trial: 0,
      attempt: 1,
      slot: 0,
      outcome: { kind: 'failed', problem: fault },
      startedAt: 1,
      endedAt: 2,
      points: 0,
    }
    const { bench, w1 } = await ready({ trials: 2 }, encode(big).length + 16)
    const told = listen(bench)
    const asked = ask(w1.bus, done, { worker: 'w1', experiment: 'e1' }, big, { timeoutMs: 1000 })
    const refused = asked.catch((error: unknown) => codeOf(error))
    await bench.settle()
    expect(await refused).toBe('BUS_TOO_LARGE')
    await bench.pass(250, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'RESULT_REFUSED' })
    await w1.finish(0, ok(1))
    await bench.settle()
    expect(w1.running).toEqual([1])
  })
})

describe('a result that is not valid', () => {
  const notNumber = {
    trial: 0,
    attempt: 1,
    slot: 0,
    outcome: { kind: 'done', metrics: { value: Number.NaN } },
    startedAt: 1,
    endedAt: 2,
    points: 0,
  }
  const to = (call: typeof done | typeof doneSeveral) => subjectTo(call, { worker: 'w1', experiment: 'e1' })
  const said = async (
    bench: Bench,
    bus: Bus,
    call: typeof done | typeof doneSeveral,
    payload: unknown,
  ): Promise<unknown> => {
    const asked = bus.request(to(call), encode(payload), { timeoutMs: 1000 })
    await bench.settle()
    return decode(await asked, to(call))
  }

  it('is the failure of its attempt, and the worker may forget it', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    expect(await said(bench, w1.bus, done, notNumber)).toEqual({ ok: {} })
    const ended = (await bench.events('e1')).find(({ type }) => type === 'trial.ended')
    const problem = { code: 'MESSAGE_INVALID', message: expect.stringContaining('/outcome') as string }
    expect(ended).toMatchObject({ trial: 0, attempt: 1, outcome: { kind: 'failed', problem } })
  })

  it('keeps none of those that come with it from being taken', async () => {
    const { bench, w1 } = await ready({ trials: 4 }, undefined)
    const good = { ...notNumber, outcome: { kind: 'done', metrics: { value: 1 } } }
    const reply = await said(bench, w1.bus, doneSeveral, { results: [{ ...notNumber, trial: 7 }, good, 'nothing'] })
    expect(reply).toMatchObject({ ok: { refusals: [{ code: 'ATTEMPT_FOREIGN' }, null, { code: 'MESSAGE_INVALID' }] } })
    const ended = (await bench.events('e1')).filter(({ type }) => type === 'trial.ended')
    expect(ended).toMatchObject([{ trial: 0, outcome: { kind: 'done' } }])
  })

  it('of which nobody knows the attempt is refused, and that is said as long as nothing moves', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    const told = listen(bench)
    expect(await said(bench, w1.bus, done, { trial: 'first' })).toMatchObject({ error: { code: 'MESSAGE_INVALID' } })
    await bench.pass(500, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'RESULT_REFUSED' })
    expect(await said(bench, w1.bus, done, { ...notNumber, trial: 1 })).toMatchObject({
      error: { code: 'ATTEMPT_FOREIGN' },
    })
    await bench.pass(1500, w1)
    expect(told.at(-1)?.waiting).toBeNull()
    await bench.pass(1500, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'RESULT_REFUSED' })
    await w1.finish(0, ok(1))
    await bench.pass(500, w1)
    expect(told.at(-1)?.waiting).toBeNull()
  })
})

describe('a submission', () => {
  it('that comes again with another definition is refused, whatever it differs in (12)', async () => {
    const bench = new Bench()
    await bench.driver()
    expect(await submitted(bench, 'e1')).toBe('accepted')
    expect(await submitted(bench, 'e1')).toBe('accepted')
    expect(await submitted(bench, 'e1', { trials: 99 })).toBe('EXPERIMENT_EXISTS')
    bench.kill()
    await bench.driver('d2')
    expect(await submitted(bench, 'e1', { trials: 99 })).toBe('EXPERIMENT_EXISTS')
    expect(await submitted(bench, 'e1')).toBe('accepted')
  })

  it('is accepted once it is kept, also for whoever says it a second time meanwhile (12)', async () => {
    const bench = new Bench()
    await bench.driver()
    bench.network.limit('log', 1)
    const both = [submitted(bench, 'e1'), submitted(bench, 'e1')]
    expect(await Promise.all(both)).toEqual(['BUS_FULL', 'BUS_FULL'])
  })
})

describe('an experiment that cannot be taken up', () => {
  it('is not half owned: when reading times out it is tried again, and then it moves (6)', async () => {
    const { bench, w1 } = await ready({ trials: 2, pruner: { name: 'median', options: {} } })
    bench.kill()
    const reports = subjectFor(metrics, { worker: '*', experiment: 'e1', trial: '*' })
    let lost = 0
    bench.transit = ({ kind, subject, to }) => {
      if (kind !== 'read' || subject !== reports || to !== 'd2' || lost === 3) return 'arrives'
      lost += 1
      return 'lost'
    }
    const owned: string[] = []
    hear(bench.client, driverBeat, { driver: 'd2' }, ({ experiments }) => owned.push(...experiments))
    await bench.driver('d2')
    w1.holdFor(null)
    const adoptions = async () => (await bench.types('e1')).filter((type) => type === 'experiment.adopted').length
    const isLost = () => lost === 3
    // As long as its reports cannot be read, nobody is told that it is owned.
    while (!isLost()) {
      expect([await adoptions(), owned]).toEqual([1, []])
      expect(bench.clock.elapsed()).toBeLessThan(60_000)
      await bench.pass(250, w1)
    }
    await bench.pass(8000, w1)
    expect(await adoptions()).toBe(2)
    expect(new Set(owned)).toEqual(new Set(['e1']))
    await w1.finish(0, ok(1))
    await bench.settle()
    expect(w1.running).toEqual([1])
  })

  it('because an entry of its log is damaged keeps no other from being taken up (9)', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.submit('a1')
    await bench.submit('b2')
    const subject = subjectFor(log, { experiment: 'a1' })
    const last = await bench.client.streams.last('log', subject)
    await bench.client.streams.append(subject, new Uint8Array([0xc1, 1, 2]), { expectedLast: last?.sequence ?? 0 })
    bench.kill()
    await bench.driver('d2')
    await bench.pass(5000)
    expect((await bench.types('b2')).filter((type) => type === 'experiment.adopted')).toHaveLength(2)
    expect(bench.warnings.filter((text) => text.includes('it cannot be taken up'))).toHaveLength(1)
  })
})

describe('a place in a slot', () => {
  it('is free again when its trial settles before it was delivered (7)', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const w2 = await bench.worker('w2')
    bench.network.outage(w1.bus)
    // w2 is given the trial, and does not answer.
    w2.deaf = true
    await bench.pass(9000, w2)
    expect(w2.assignments).toEqual([])
    bench.network.restore(w1.bus)
    await w1.finish(0, ok(5))
    await bench.settle()
    w2.deaf = false
    await bench.pass(4000, w1, w2)
    await bench.submit('e2', { trials: 2 })
    await bench.pass(1000, w1, w2)
    expect([...w1.running, ...w2.running]).toHaveLength(2)
  })

  it('is not kept for an optimizer that is mute: another experiment has the workers (26)', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const bus = bench.network.connect('mute')
    answer(bus, open, { optimizer: 'mute' }, () => ({ instance: 'm', adaptive: true }))
    answer(bus, suggest, { optimizer: 'mute', instance: 'm' }, () => new Promise<never>(() => {}))
    answer(bus, observe, { optimizer: 'mute', instance: 'm' }, () => ({}))
    const w1 = await bench.worker('w1', { slots: 4 })
    const told = listen(bench)
    await bench.submit('e1', { optimizer: { name: 'mute', options: {} } })
    await bench.pass(500, w1)
    await bench.submit('e2', { trials: 4 })
    await bench.pass(2000, w1)
    expect(w1.assignments.map(({ attempt }) => attempt.experiment)).toEqual(['e2', 'e2', 'e2', 'e2'])
    await bench.pass(1000, w1)
    expect(told.some(({ waiting }) => waiting?.code === 'SUGGESTION_MISSING')).toBe(true)
  })

  it('is said without a break, since its beginning, while an optimizer that is stopped is asked and opened again', async () => {
    const bench = new Bench()
    await bench.driver()
    const bus = bench.network.connect('stopped')
    let isStopped = false
    const unless = <T>(reply: T): T | Promise<never> => (isStopped ? new Promise<never>(() => {}) : reply)
    const name = { optimizer: 'stopped' }
    answer(bus, open, name, () => unless({ instance: 's', adaptive: true }))
    answer(bus, suggest, { ...name, instance: 's' }, () => unless({ hparams: [{ x: 0.5 }], exhausted: false }))
    answer(bus, observe, { ...name, instance: 's' }, () => unless({}))
    const w1 = await bench.worker('w1')
    const told = listen(bench)
    await bench.submit('e1', { optimizer: { name: 'stopped', options: {} } })
    await bench.pass(500, w1)
    isStopped = true
    await w1.finish(0)
    await bench.pass(3000, w1)
    told.length = 0
    await bench.pass(60_000, w1)
    const since = told.map(({ waiting }) => waiting?.sinceMs)
    expect(since.length).toBeGreaterThan(50)
    expect(since).toEqual(since.toSorted((one = 0, other = 0) => one - other))
    expect(since.at(-1)).toBeGreaterThan(60_000)
  })
})

describe('a lease', () => {
  it('whose grant was lost is used all the same: the worker’s next beat says whose the slot is (8)', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const w1 = await bench.worker('w1')
    w1.losesAnswers = true
    await bench.submit('e1')
    await bench.pass(1000, w1)
    w1.losesAnswers = false
    await bench.pass(4000, w1)
    expect(w1.running).toEqual([0])
  })

  it('whose release was lost is released again (8)', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    w1.losesReleases = 1
    await w1.finish(0)
    await bench.pass(2000, w1)
    expect(w1.losesReleases).toBe(0)
    expect(w1.status().slots[0]?.driver).toBe('d1')
    await bench.pass(4000, w1)
    expect(w1.status().slots[0]?.driver).toBeNull()
  })

  it('of an owner that is killed and started again at once under its own id is used by it, and released (31)', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    await w1.finish(0)
    await bench.settle()
    bench.kill('d1')
    await bench.driver('d1')
    await bench.pass(1000, w1)
    await w1.finish(1)
    await bench.pass(2000, w1)
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done' })
    expect(w1.status().slots[0]?.driver).toBeNull()
  })

  it('that all slots have elsewhere is said, with the driver that holds them (28)', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const w1 = await bench.worker('w1')
    w1.holdFor('another')
    const told = listen(bench)
    await bench.submit('e1')
    await bench.pass(3000, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'SLOTS_TAKEN' })
    expect(told.at(-1)?.waiting?.message).toContain('another')
  })

  it('that all slots have with others of the same driver is said, with their names', async () => {
    const { bench, w1 } = await ready({ policy: { ...context.policy, priority: 1 } })
    const told = listen(bench, 'e2')
    await bench.submit('e2')
    await bench.pass(3000, w1)
    const { code, message } = told.at(-1)?.waiting ?? {}
    expect(code).toBe('SLOTS_BUSY')
    expect(message).toContain('busy, with e1')
    for (let trial = 0; trial < 4; trial += 1) {
      await w1.finish(trial)
      await bench.settle()
    }
    await bench.pass(1000, w1)
    expect(told.at(-1)?.waiting).toBeNull()
  })
})

describe('an assignment that a worker does not answer', () => {
  it('is said within three seconds, and stop ends the experiment within grace (28)', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const w1 = await bench.worker('w1')
    w1.deaf = true
    const told = listen(bench)
    await bench.submit('e1')
    await bench.pass(3000, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'ASSIGN_UNANSWERED' })
    void bench.stop('e1', 'cancel')
    await bench.pass(8000, w1)
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'stopped' })
  })
})

describe('a stop', () => {
  it('is said until the worker has heard it, however long that takes (11)', async () => {
    const { bench, w1 } = await ready({ trials: 2, policy: { ...context.policy, graceMs: 300_000 } })
    w1.missesStops = 25
    void bench.stop('e1', 'cancel')
    await bench.pass(120_000, w1)
    expect(w1.stops).toMatchObject([{ reason: 'cancelled' }])
  })

  it('that was decided before a take-over is said by the next driver (11)', async () => {
    const { bench, w1 } = await ready({ trials: 2, pruner: { name: 'threshold', options: { lower: 0.5 } } })
    w1.missesStops = 1000
    w1.report(0, [point(0, 0.1)])
    await bench.pass(1000, w1)
    expect(await bench.types('e1')).toContain('trial.stopping')
    bench.kill()
    w1.missesStops = 0
    await bench.driver('d2')
    await bench.pass(2000, w1)
    expect(w1.stops).toMatchObject([{ reason: 'pruned', attempt: { trial: 0, attempt: 1 } }])
  })

  it('that a worker never follows ends all the same, within grace (G12)', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    expect(await bench.stop('e1', 'cancel')).toBe('cancelling')
    await bench.pass(7000, w1)
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'stopped' })
  })

  it('that comes when the experiment has just ended leaves nothing behind its end in the log', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    void w1.finish(0)
    void bench.stop('e1', 'cancel').catch(() => {})
    await bench.settle()
    expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
  })
})

describe('an attempt', () => {
  it('that outlives its time limit and its worker’s care is given up by the driver', async () => {
    const policy = { ...context.policy, trialTimeoutMs: 2000, maxAttempts: 1 }
    const { bench, w1 } = await ready({ trials: 1, policy })
    await bench.pass(9000, w1)
    const lost = (await bench.events('e1')).find(({ type }) => type === 'trial.lost')
    expect(lost).toMatchObject({ trial: 0, attempt: 1 })
    expect(w1.stops).toMatchObject([{ reason: 'superseded' }])
  })

  it('that takes its host down, driver and all, is not tried for ever (10, G3)', async () => {
    const bench = new Bench()
    await bench.optimizer()
    await bench.driver('d0')
    await bench.submit('e1', { trials: 1, policy: { ...context.policy, maxAttempts: 2 } })
    for (let n = 1; n <= 4; n += 1) {
      const worker = await bench.worker('w1', { startedAt: bench.clock.now() + n })
      await bench.pass(1500, worker)
      // The host is gone, with all that ran on it.
      worker.vanish()
      bench.kill(`d${n - 1}`)
      await bench.driver(`d${n}`)
      await bench.pass(10_000)
    }
    const types = await bench.types('e1')
    expect(types.filter((type) => type === 'trial.assigned')).toHaveLength(2)
    expect(types.at(-1)).toBe('experiment.ended')
  })

  it('that waited behind another one and never began costs nothing when its worker is lost (34)', async () => {
    const policy = { ...context.policy, maxAttempts: 1 }
    const { bench, w1 } = await ready({ trials: 8, policy })
    await w1.finish(0)
    await bench.settle()
    expect([w1.running, w1.waiting]).toEqual([[1], [2]])
    w1.vanish()
    const w2 = await bench.worker('w2', { run: ({ attempt }) => ok(attempt.trial) })
    await bench.pass(9000, w2)
    const ends = (await bench.events('e1')).filter((event) => 'trial' in event && event.trial === 2)
    expect(ends.map(({ type }) => type)).not.toContain('trial.lost')
    expect(w2.assignments.map(({ attempt }) => attempt)).toContainEqual({ experiment: 'e1', trial: 2, attempt: 2 })
  })

  it('is what is superseded, not its worker: a later one on the same worker is stopped too (14)', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const [first] = w1.assignments
    bench.network.outage(w1.bus)
    await bench.pass(9000)
    bench.network.restore(w1.bus)
    const again = await bench.worker('w1', { startedAt: 2 })
    await bench.pass(1000, again)
    expect(again.assignments[0]?.attempt).toMatchObject({ trial: 0, attempt: 2 })
    if (first !== undefined) await again.say(first.attempt, ok(5))
    await bench.settle()
    expect(again.stops).toContainEqual({
      reason: 'superseded',
      attempt: { experiment: 'e1', trial: 0, attempt: 2 },
    })
  })

  it('that a worker hands back for ever is tried ever more seldom, and fails in the end (27)', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const worker = await bench.worker('w1', { run: () => ({ kind: 'returned', reason: 'no' }) })
    const told = listen(bench)
    await bench.submit('e1', { trials: 1, policy: { ...context.policy, maxAttempts: 2 } })
    await bench.pass(5000, worker)
    expect((await bench.types('e1')).filter((type) => type === 'trial.assigned').length).toBeLessThan(5)
    expect(told.some(({ waiting }) => waiting?.code === 'SLOTS_UNUSABLE')).toBe(true)
    await bench.pass(300_000, worker)
    expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
  })

  it('is entered once after a resume, and nothing is said to be lost after it is done (35)', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    void bench.stop('e1', 'cancel')
    await bench.settle()
    await w1.finish(0, { kind: 'stopped', reason: 'cancelled', metrics: {} })
    await bench.settle()
    await bench.resume('e1')
    await bench.pass(1000, w1)
    bench.kill()
    await bench.driver('d2')
    w1.holdFor(null)
    await bench.pass(1000, w1)
    await w1.finish(0, ok(1))
    await bench.pass(9000, w1)
    expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
    await bench.submit('e2')
    expect(w1.running).toEqual([0])
  })
})

describe('an experiment in which nothing moves', () => {
  it('says so after ten seconds, with what is known, whatever the cause', async () => {
    const { bench, w1 } = await ready({ trials: 2, policy: { ...context.policy, graceMs: 300_000 } })
    const told = listen(bench)
    // The worker has heard it, and its trial goes on all the same.
    void bench.stop('e1', 'cancel')
    await bench.pass(9000, w1)
    expect(told.at(-1)?.waiting).toBeNull()
    await bench.pass(2000, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'NOTHING_MOVES' })
    expect(told.at(-1)?.waiting?.message).toMatch(/ it is cancelling; 0 trials queued, 1 held; slots: w1\/0 ours/)
    await w1.finish(0, { kind: 'stopped', reason: 'cancelled', metrics: {} })
    await bench.settle()
    expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
  })

  it('is not one whose trials run for long, and which may not start more of them', async () => {
    const { bench, w1 } = await ready({ trials: 3, policy: { ...context.policy, parallel: 1 } })
    const w2 = await bench.worker('w2')
    const told = listen(bench)
    await bench.pass(30_000, w1, w2)
    expect(w1.running.length + w2.running.length).toBe(1)
    expect(told.filter(({ waiting }) => waiting !== null)).toEqual([])
  })
})

describe('a driver that is fenced', () => {
  it('does not tell a worker that its experiment is unknown: the result is kept, and the next driver has it (15)', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const subject = subjectFor(log, { experiment: 'e1' })
    const last = await bench.client.streams.last('log', subject)
    const event = { type: 'experiment.adopted' as const, at: 1, driver: 'other' }
    const events = await bench.events('e1')
    const entry = encode({ first: events.length, events: [event] }, subject)
    await bench.client.streams.append(subject, entry, { expectedLast: last?.sequence ?? 0 })
    const payload = { trial: 0, attempt: 1, slot: 0, outcome: ok(1), startedAt: 1, endedAt: 2, points: 0 }
    const asked = ask(w1.bus, done, { worker: 'w1', experiment: 'e1' }, payload, { timeoutMs: 1000 })
    const refused = asked.catch((error: unknown) => codeOf(error))
    await bench.settle()
    expect(await refused).toBe('DRIVER_FENCED')
  })

  it('and comes back stops nothing that its successor runs', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    bench.kill('d1')
    await bench.driver('d2')
    w1.holdFor(null)
    await bench.pass(5000, w1)
    await w1.finish(0)
    await bench.settle()
    expect(w1.running).toEqual([1])
    bench.network.restore(bench.bus('d1'))
    await bench.pass(3000, w1)
    expect(w1.stops).toEqual([])
    await w1.finish(1)
    await bench.settle()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done' })
  })
})

describe('a driver that is started', () => {
  it('takes up what a dead one left at once, for nobody listens under its name (40)', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    bench.kill('d1')
    await bench.driver('d2')
    await bench.pass(250, w1)
    expect((await bench.types('e1')).filter((type) => type === 'experiment.adopted')).toHaveLength(2)
  })

  it('leaves alone what another one has that is there', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    await bench.driver('d2')
    await bench.pass(10_000, w1)
    expect((await bench.types('e1')).filter((type) => type === 'experiment.adopted')).toHaveLength(1)
  })

  it('waits for a bus that goes away meanwhile (36)', async () => {
    const bench = new Bench()
    bench.network.outage()
    const started = bench.driver()
    await bench.pass(1000)
    bench.network.restore()
    await bench.pass(1000)
    await started
    expect(await submitted(bench, 'e1')).toBe('accepted')
  })
})

describe('a driver that is drained while the bus is gone', () => {
  it('ends, and says that its last decisions are not in the log (36)', async () => {
    const { bench, w1 } = await ready({ trials: 2, policy: { ...context.policy, trialTimeoutMs: 2000 } })
    await bench.pass(1000, w1)
    bench.network.outage(bench.bus())
    // The time limit passes: a decision that the log does not take any more.
    await bench.pass(9000, w1)
    const drained = bench.drain()
    await bench.pass(6000)
    await drained
    expect(bench.warnings.filter((text) => text.includes('the next driver decides it again'))).toHaveLength(1)
    await bench.driver('d2')
    w1.holdFor(null)
    await bench.pass(5000, w1)
    await w1.finish(0, ok(1))
    await bench.settle()
    expect(w1.running).toEqual([1])
    expect(bench.faults).toEqual([])
  })
})

describe('a resume', () => {
  it('of what another driver is still stopping says so, and one of what has just ended there goes on here', async () => {
    const { bench, w1 } = await ready({ trials: 3 })
    await bench.driver('d2')
    expect(await bench.stop('e1', 'finish')).toBe('stopping')
    // Any driver may hear it: they take turns.
    const again = () => {
      const asked = ask(bench.client, resumeExperiment, {}, { experiment: 'e1' }, { timeoutMs: 1000 })
      return asked.then(({ state }) => state, codeOf)
    }
    expect(await Promise.all([again(), again()])).toEqual(['EXPERIMENT_BUSY', 'EXPERIMENT_BUSY'])
    await w1.finish(0)
    await bench.settle()
    await again()
    await again()
    await bench.pass(1000, w1)
    expect((await bench.types('e1')).at(-1)).not.toBe('experiment.ended')
  })
})

describe('a pruner', () => {
  it('stops a trial whose bad report was only read back from the stream (13)', async () => {
    const { bench, w1 } = await ready({ trials: 2, pruner: { name: 'threshold', options: { lower: 0.5 } } })
    bench.kill()
    await recordPoints(w1.bus, 'w1', { experiment: 'e1', trial: 0, attempt: 1 }, [point(0, 0.1)])
    await bench.driver('d2')
    await bench.pass(1000, w1)
    expect(w1.stops).toMatchObject([{ reason: 'pruned' }])
    expect(streams.telemetry.durable).toBe(false)
  })
})

describe('an optimizer', () => {
  it('that dies with a question in flight is noticed within three seconds, and the next instance is asked (25)', async () => {
    const bench = new Bench()
    await bench.driver()
    const bus = bench.network.connect('dying')
    answer(bus, open, { optimizer: 'random' }, () => ({ instance: 'dying', adaptive: true }))
    answer(bus, suggest, { optimizer: 'random', instance: 'dying' }, () => new Promise<never>(() => {}))
    const w1 = await bench.worker('w1')
    await bench.submit('e1')
    await bench.pass(500, w1)
    bench.network.outage(bus)
    await bench.optimizer('next')
    await bench.pass(3000, w1)
    expect(w1.running).toEqual([0])
  })

  it('that opens the experiment and is not where it says is named, not opened in a hot loop, and used once it is there', async () => {
    const bench = new Bench()
    await bench.driver()
    const bus = bench.network.connect('elsewhere')
    answer(bus, open, { optimizer: 'mine' }, () => ({ instance: 'elsewhere', adaptive: true }))
    const w1 = await bench.worker('w1')
    const told = listen(bench)
    await bench.submit('e1', { optimizer: { name: 'mine', options: {} } })
    await bench.pass(30_000, w1)
    const message = expect.stringContaining('the instance elsewhere, and nobody answers') as string
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'OPTIMIZER_MISBEHAVED', message })
    expect((await bench.types('e1')).filter((type) => type === 'optimizer.opened').length).toBeLessThan(10)
    answer(bus, suggest, { optimizer: 'mine', instance: 'elsewhere' }, ({ count }) => ({
      hparams: Array.from({ length: count }, () => ({ x: 0.5 })),
      exhausted: false,
    }))
    await bench.pass(11_000, w1)
    expect([w1.running, told.at(-1)?.waiting]).toEqual([[0], null])
  })

  it('that forgets its experiment again and again is not opened in a hot loop, and fails it in the end (27)', async () => {
    const bench = new Bench()
    await bench.driver()
    const bus = bench.network.connect('forgetful')
    answer(bus, open, { optimizer: 'random' }, () => ({ instance: 'f', adaptive: true }))
    answer(bus, suggest, { optimizer: 'random', instance: 'f' }, () => {
      throw problem('EXPERIMENT_UNKNOWN', { experiment: 'e1' })
    })
    const w1 = await bench.worker('w1')
    const told = listen(bench)
    await bench.submit('e1')
    await bench.pass(10_000, w1)
    expect((await bench.types('e1')).filter((type) => type === 'optimizer.opened').length).toBeLessThan(8)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'EXPERIMENT_UNKNOWN' })
    await bench.pass(300_000, w1)
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'failed' })
  })

  it('that is busy is asked again later, and the experiment says so meanwhile (29)', async () => {
    const bench = new Bench()
    await bench.driver()
    const bus = bench.network.connect('busy')
    let busy = true
    let opened = 0
    answer(bus, open, { optimizer: 'random' }, () => {
      opened += 1
      return { instance: 'b', adaptive: true }
    })
    answer(bus, suggest, { optimizer: 'random', instance: 'b' }, ({ count }) => {
      if (busy) throw problem('OPTIMIZER_BUSY', { optimizer: 'random', waiting: 3 })
      return { hparams: Array.from({ length: count }, () => ({ x: 0.5 })), exhausted: false }
    })
    const w1 = await bench.worker('w1')
    const told = listen(bench)
    await bench.submit('e1')
    await bench.pass(3000, w1)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'OPTIMIZER_BUSY' })
    busy = false
    await bench.pass(6000, w1)
    expect(w1.running).toEqual([0])
    expect(opened).toBe(1)
  })
})
