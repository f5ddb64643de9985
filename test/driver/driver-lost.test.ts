import { describe, expect, it } from 'vitest'
import {
  decode,
  done,
  doneSeveral,
  encode,
  progress,
  subjectFor,
  type AttemptOutcome,
  type PayloadOf,
} from '../../protocol/index.ts'
import { ask, hear } from '../../src/bus/index.ts'
import { Bench, context, ready } from './support.ts'

const ok = (value: number): AttemptOutcome => ({ kind: 'done', metrics: { value } })

describe('a driver that dies', () => {
  it('is followed by another that replays the log: finished trials stand, running ones go on and count (G2)', async () => {
    const { bench, w1 } = await ready({ trials: 3 })
    await w1.finish(0, ok(10))
    await bench.settle()
    expect(w1.running).toEqual([1])
    bench.kill()
    const running = w1.assignments[1]?.attempt
    await w1.finish(1, ok(11))
    expect(w1.unacknowledged).toEqual([running])
    await bench.driver('d2')
    await bench.pass(6000, w1)
    if (running) await w1.say(running, ok(11))
    await bench.settle()
    expect(w1.unacknowledged).toEqual([])
    const ends = (await bench.events('e1')).filter(({ type }) => type === 'trial.ended')
    expect(ends.map((event) => 'trial' in event && event.trial)).toEqual([0, 1])
    expect((await bench.types('e1')).filter((type) => type === 'trial.lost')).toEqual([])
  })

  it('that comes back too late finds itself fenced off, and nothing it says counts', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    bench.kill('d1')
    await bench.driver('d2')
    await bench.pass(6000, w1)
    expect(await bench.types('e1')).toContain('experiment.adopted')
    bench.network.restore(bench.bus('d1'))
    await bench.pass(2000, w1)
    await w1.finish(0, ok(3)).catch(() => {})
    await bench.pass(3000, w1)
    const ends = (await bench.events('e1')).filter(({ type }) => type === 'trial.ended')
    expect(ends).toHaveLength(1)
  })

  it('that is drained says so, and another takes up at once what it leaves', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    await bench.driver('d2')
    await bench.pass(4000, w1)
    await bench.drain('d1')
    expect(w1.status().slots[0]?.driver).toBe('d2')
    expect((await bench.types('e1')).filter((type) => type === 'experiment.adopted')).toHaveLength(2)
    await w1.finish(0)
    await bench.settle()
    expect(w1.running).toEqual([1])
  })

  it('with `adopt: none` leaves unfinished experiments alone until it is asked to resume them', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    bench.kill('d1')
    await bench.driver('d2', { adopt: 'none' })
    await bench.pass(8000, w1)
    expect((await bench.types('e1')).filter((type) => type === 'experiment.adopted')).toHaveLength(1)
    expect(await bench.resume('e1')).toBe('opening')
    await bench.settle()
    expect((await bench.types('e1')).filter((type) => type === 'experiment.adopted')).toHaveLength(2)
  })

  it('acknowledges late results of experiments that have ended, so that workers can forget them', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const [assignment] = w1.assignments
    await w1.finish(0)
    await bench.settle()
    bench.kill()
    await bench.driver('d2')
    await bench.pass(8000, w1)
    if (assignment) await w1.say(assignment.attempt, ok(1))
    expect(w1.unacknowledged).toEqual([])
    // Several at once, too, and one that would be no result for anybody.
    const bus = bench.network.connect('late')
    const late = { trial: 0, attempt: 1, slot: 0, outcome: ok(1), startedAt: 1, endedAt: 2, points: 0 }
    const here = { worker: 'w1', experiment: 'e1' }
    expect(await ask(bus, doneSeveral, here, { results: [late, late] }, { timeoutMs: 1000 })).toEqual({
      refusals: [null, null],
    })
    const invalid = encode({ ...late, outcome: { kind: 'done' } })
    expect(decode(await bus.request(subjectFor(done, here), invalid, { timeoutMs: 1000 }))).toEqual({ ok: {} })
  })
})

describe('an optimizer that dies', () => {
  it('is opened again with the history, and suggests what it would have suggested', async () => {
    const bench = new Bench()
    await bench.driver()
    const kill = await bench.optimizer('o1')
    const w1 = await bench.worker('w1')
    await bench.submit('e1', { trials: 40, policy: { ...context.policy, parallel: 1 } })
    await kill()
    for (let trial = 0; trial < 20; trial += 1) {
      if (!w1.running.includes(trial)) break
      await w1.finish(trial)
      await bench.settle()
    }
    await bench.optimizer('o2')
    await bench.pass(1000, w1)
    expect(await bench.types('e1')).not.toContain('experiment.failing')
    for (let trial = 0; trial < 40; trial += 1) {
      if (!w1.holds(trial)) continue
      await w1.finish(trial)
      await bench.settle()
    }
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    const undisturbed = await ready({ trials: 40 })
    const hparams = w1.assignments.map((assignment) => assignment.hparams)
    expect(hparams[0]).toEqual(undisturbed.w1.assignments[0]?.hparams)
    expect(new Set(hparams.map(({ x }) => x)).size).toBe(40)
  })

  it('is passed over while it is stopped: another of its name is found though the bus asks either', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer('o1')
    const w1 = await bench.worker('w1')
    let isStopped = false
    let opened = 0
    bench.transit = ({ kind, to, subject }) => {
      if (!isStopped || kind !== 'message') return 'arrives'
      // The bus picks one of those that have the name: the stopped one, twice.
      if (subject.endsWith('.open')) return (opened += 1) > 2 ? 'arrives' : 'lost'
      return to === 'o1' ? 'lost' : 'arrives'
    }
    await bench.submit('e1', { optimizer: { name: 'tpe', options: {} } })
    await bench.pass(500, w1)
    isStopped = true
    await w1.finish(0)
    await bench.pass(1000, w1)
    await bench.optimizer('o2')
    await bench.pass(16_000, w1)
    expect(opened).toBe(3)
    expect(w1.running).toEqual([1])
  })

  it('is waited for, and the experiment says so', async () => {
    const bench = new Bench()
    await bench.driver()
    const told: PayloadOf<typeof progress>[] = []
    hear(bench.client, progress, { experiment: '*' }, (payload) => told.push(payload))
    await bench.submit('e1')
    await bench.pass(1000)
    expect(told.at(-1)?.waiting).toMatchObject({
      code: 'OPTIMIZER_UNAVAILABLE',
      message: expect.stringMatching(
        /^no optimizer named \w+ answers: `maggy optimizer` has it; your own is started/,
      ) as string,
    })
  })

  it('is waited for under a name that nobody has, and the experiment says which one may be meant', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer('o1')
    const told: PayloadOf<typeof progress>[] = []
    hear(bench.client, progress, { experiment: '*' }, (payload) => told.push(payload))
    await bench.submit('e1', { optimizer: { name: 'tpee', options: {} } })
    await bench.pass(1000)
    expect(told.at(-1)?.waiting).toMatchObject({
      code: 'OPTIMIZER_UNAVAILABLE',
      message:
        'no optimizer named tpee answers: did you mean tpe? `maggy optimizer` has auto, random, grid, sobol, tpe, gp, cmaes, nsga2, motpe, asha, hyperband, bohb, pbt; your own is started as a process of its own',
    })
  })
})

describe('progress', () => {
  it('says after ten seconds that no worker is there, and how to start one, and goes on waiting', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const told: PayloadOf<typeof progress>[] = []
    hear(bench.client, progress, { experiment: '*' }, (payload) => told.push(payload))
    await bench.submit('e1', { trials: 1 })
    await bench.pass(9000)
    expect(told.at(-1)?.waiting).toBeNull()
    await bench.pass(2000)
    expect(told.at(-1)?.waiting).toMatchObject({ code: 'WORKERS_MISSING' })
    expect(told.at(-1)?.waiting?.message).toContain('maggy worker --server')
    await bench.worker('w1', { run: () => ok(1) })
    expect((await bench.events('e1')).at(-1)).toMatchObject({ state: 'done' })
  })
})

describe('a host whose time is set back by an hour', () => {
  it('takes over what a dead driver leaves as soon as ever', async () => {
    const { bench, w1 } = await ready({ trials: 2 })
    bench.clock.setWall(3_600_000)
    await bench.driver('d2')
    await bench.pass(1000, w1)
    bench.kill('d1')
    bench.clock.setWall(0)
    await bench.pass(6000, w1)
    expect((await bench.events('e1')).findLast(({ type }) => type === 'experiment.adopted')).toMatchObject({
      driver: 'd2',
    })
  })
})

describe('a worker that is gone', () => {
  const done = { run: () => ok(1) }

  it('was lost for a driver before that one took up what it ran: its trial runs again elsewhere', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    await bench.driver('d2')
    await bench.pass(2_000, w1)
    w1.vanish()
    // What the first one decides about it is not kept.
    bench.transit = ({ kind, from }) => (kind === 'append' && from === 'd1' ? 'lost' : 'arrives')
    await bench.pass(10_000)
    bench.kill('d1')
    const w2 = await bench.worker('w2', done)
    await bench.pass(40_000, w2)
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  })

  it.each([false, true])(
    'comes back with an attempt of an experiment that is over: it is told to stop (draining: %s)',
    async (draining) => {
      const { bench, w1 } = await ready({ trials: 1 })
      const [left] = w1.assignments
      bench.network.outage(w1.bus)
      const w2 = await bench.worker('w2', done)
      await bench.pass(20_000, w2)
      expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
      w1.draining = draining
      if (draining) w1.holdFor(null)
      bench.network.restore(w1.bus)
      await bench.pass(3_000, w1, w2)
      expect(w1.stops).toContainEqual({ attempt: left?.attempt, reason: 'superseded' })
    },
  )
})
