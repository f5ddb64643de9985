import { describe, expect, test } from 'vitest'
import { TestClock } from '../support/clock.ts'
import { createWorker } from '../../actors/worker/worker.ts'
import type { FromRunner } from '../../actors/worker/runner-messages.ts'
import { answer, ask, createMemoryNetwork, hear, tell } from '../../src/bus/index.ts'
import {
  announce,
  assign,
  beat,
  codeOf,
  done,
  driverBeat,
  driverPing,
  lease,
  leave,
  ping,
  problem,
  rollCall,
  started,
  runnerBeat,
  runnerNotice,
  stopTrial,
  type PayloadOf,
} from '../../protocol/index.ts'
import type { Gate } from '../../src/signing/index.ts'
import { fakeSpawn, type FakeRunner } from '../support/fake-runner.ts'
import { assignmentOf } from '../support/worker-assignment.ts'

type Done = PayloadOf<typeof done>

interface Setting {
  readonly slots?: number
  /** So many runners are warm already. */
  readonly warm?: number
  readonly acknowledge?: boolean
  readonly drainTimeoutMs?: number | null
  readonly notice?: boolean
  /** How code comes here; by default it is here. */
  readonly fetch?: () => Promise<string>
  readonly gate?: Gate
}

async function setUp({
  slots = 1,
  warm = slots,
  acknowledge = true,
  drainTimeoutMs = null,
  notice = false,
  fetch,
  gate,
}: Setting = {}) {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const bus = network.connect()
  const driver = network.connect()
  await driver.streams.ensure()
  const { spawn, runners } = fakeSpawn()
  const said = { announced: 0, beats: [] as PayloadOf<typeof beat>[], done: [] as Done[], started: 0, left: 0 }
  const state = { acknowledge, refuses: undefined as 'MESSAGE_INVALID' | undefined, asked: 0 }
  const notices: string[] = []
  hear(driver, announce, { worker: 'w1' }, () => void (said.announced += 1))
  hear(driver, beat, { worker: 'w1' }, (payload) => void said.beats.push(payload))
  hear(driver, leave, { worker: 'w1' }, () => void (said.left += 1))
  hear(driver, started, { worker: 'w1', experiment: 'x' }, () => void (said.started += 1))
  answer(driver, done, { worker: 'w1', experiment: 'x' }, (payload) => {
    state.asked += 1
    if (state.refuses !== undefined) throw problem(state.refuses, { subject: 'done', path: '/', reason: 'is wrong' })
    if (!state.acknowledge) throw problem('BUS_TIMEOUT', { subject: 'log', ms: 1 })
    said.done.push(payload)
    return {}
  })
  const worker = createWorker({
    bus,
    clock,
    info: { worker: 'w1', host: 'h', pid: 1, slots, labels: {}, cores: 1, memoryBytes: 1, versions: {}, startedAt: 0 },
    cache: { fetch: fetch ?? (() => Promise.resolve('file')), keep: () => Promise.resolve('file') },
    spawn,
    ...(gate === undefined ? {} : { gate }),
    maxTrialsPerRunner: 100,
    maxRssBytes: 1_000,
    notice,
    drainTimeoutMs,
    onNotice: (text) => void notices.push(text),
  })
  const settle = () => network.settled()
  for (const runner of runners.slice(0, warm)) runner.says(ready)
  await settle()
  const timeoutMs = 1_000
  const call = {
    lease: (id = 'd1') => ask(driver, lease, { worker: 'w1' }, { driver: id, slot: 0 }, { timeoutMs }),
    assign: (trial: number) => ask(driver, assign, { worker: 'w1' }, assignmentOf(trial), { timeoutMs }),
    stop: (trial: number, change: { readonly ifWaiting?: true } = {}) => {
      const { attempt } = assignmentOf(trial)
      return ask(driver, stopTrial, { worker: 'w1' }, { attempt, reason: 'pruned', ...change }, { timeoutMs })
    },
    status: () => ask(driver, ping, { worker: 'w1' }, {}, { timeoutMs }),
    beat: (id = 'd1') => tell(driver, driverBeat, { driver: id }, { experiments: ['x'] }),
  }
  const tick = async (ms: number) => {
    for (let gone = 0; gone < ms; gone += 100) {
      clock.increment(100)
      await settle()
    }
  }
  return {
    clock,
    network,
    bus,
    driver,
    worker,
    runners,
    said,
    notices,
    state,
    call,
    settle,
    tick,
    runner: () => runners.at(-1) as FakeRunner,
  }
}

const ended = (trial: number, value = 1): FromRunner => ({
  type: 'ended',
  key: `x/${trial}/1`,
  outcome: { kind: 'done', metrics: { value } },
  startedAt: 1,
  endedAt: 2,
  points: 0,
  rssBytes: 1,
  last: false,
})
const begun = (trial: number, at = 1): FromRunner => ({ type: 'started', key: `x/${trial}/1`, at })
const ready: FromRunner = { type: 'ready', backend: 'tensorflow', versions: {} }
const refusal = (promise: Promise<unknown>) => promise.then(() => undefined, codeOf)

describe('a worker', () => {
  test('is announced once its runner is warm, and again when the connection comes back', async () => {
    const { said, network, bus, settle } = await setUp()
    expect(said.announced).toBe(1)
    network.outage(bus)
    network.restore(bus)
    await settle()
    expect(said.announced).toBe(2)
  })

  test('offers the slots whose runners are warm while others start, and is ready once all are', async () => {
    const { worker, runners, said, call, settle } = await setUp({ slots: 3, warm: 1 })
    let isReady = false
    void worker.present.then(() => (isReady = true))
    expect(said.announced).toBe(1)
    expect((await call.status()).slots.map(({ slot }) => slot)).toEqual([0])
    await call.lease()
    expect(await call.assign(1)).toEqual({ position: 'running' })
    runners[2]?.says(ready)
    await settle()
    expect((await call.status()).slots.map(({ slot }) => slot)).toEqual([0, 2])
    expect(isReady).toBe(false)
    runners[1]?.says(ready)
    await settle()
    expect(worker.status.slots).toHaveLength(3)
    expect(isReady).toBe(true)
  })

  test('refuses a second driver, an attempt without a lease, and a slot that is not there', async () => {
    const { call } = await setUp()
    expect(await refusal(call.assign(1))).toBe('LEASE_UNKNOWN')
    await call.lease()
    expect(await refusal(call.lease('d2'))).toBe('SLOT_TAKEN')
  })

  test('asks its gate before it takes anything, and fetches nothing of what that refuses (I3)', async () => {
    const fetched: string[] = []
    const gate: Gate = {
      refusal: ({ attempt: { experiment, trial } }) =>
        trial === 1 ? problem('CODE_UNSIGNED', { experiment, worker: 'w1' }) : undefined,
    }
    const { call, said, worker, notices, settle } = await setUp({
      gate,
      fetch: () => Promise.resolve(String(fetched.push('file'))),
    })
    await call.lease()
    expect(await refusal(call.assign(1))).toBe('CODE_UNSIGNED')
    await settle()
    expect([fetched, said.done, worker.status.slots[0]?.running]).toEqual([[], [], null])
    expect(notices).toEqual(['an assignment was refused'])
    expect(await call.assign(2)).toEqual({ position: 'running' })
    await settle()
    expect(fetched).toEqual(['file'])
  })

  test('takes one attempt to run and one to wait, and each only once', async () => {
    const { call, runner, settle } = await setUp()
    await call.lease()
    expect(await call.assign(1)).toEqual({ position: 'running' })
    expect(await call.assign(1)).toEqual({ position: 'running' })
    expect(await call.assign(2)).toEqual({ position: 'next' })
    expect(await call.assign(2)).toEqual({ position: 'next' })
    expect(await refusal(call.assign(3))).toBe('SLOT_TAKEN')
    await settle()
    expect(runner().heard.filter(({ type }) => type === 'begin')).toHaveLength(1)
    runner().says(ended(1))
    await settle()
    expect(runner().heard.filter(({ type }) => type === 'begin')).toHaveLength(2)
  })

  test('tells a result until it is acknowledged, and lists it meanwhile (I2)', async () => {
    const { call, runner, settle, said, state, tick } = await setUp({ acknowledge: false })
    await call.lease()
    await call.assign(1)
    await settle()
    runner().says(ended(1, 5))
    await settle()
    expect((await call.status()).unacknowledged).toEqual([{ experiment: 'x', trial: 1, attempt: 1 }])
    expect(await call.assign(1)).toEqual({ position: 'running' })
    state.acknowledge = true
    await tick(1_000)
    expect(said.done.map(({ trial }) => trial)).toEqual([1])
    expect((await call.status()).unacknowledged).toEqual([])
  })

  test('ends the lease of a driver that falls silent, and lets what runs go on (I1, I2)', async () => {
    const { call, tick, runner, said, settle } = await setUp()
    await call.lease()
    await call.assign(1)
    for (let second = 0; second < 8; second += 1) {
      call.beat()
      await tick(1_000)
    }
    expect((await call.status()).slots[0]?.driver).toBe('d1')
    await tick(7_000)
    const status = (await call.lease('d2')).status
    expect(status).toMatchObject({ driver: 'd2', running: { trial: 1 } })
    runner().says(ended(1))
    await settle()
    expect(said.done).toHaveLength(1)
  })

  test('ends the lease of a driver that nobody listens for when its successor calls the roll, and of no other', async () => {
    const { call, network, settle, driver } = await setUp()
    const first = network.connect('d1')
    answer(first, driverPing, { driver: 'd1' }, () => ({}))
    await call.lease()
    tell(driver, rollCall, { driver: 'd2' }, {})
    await settle()
    expect((await call.status()).slots[0]?.driver).toBe('d1')
    network.outage(first)
    tell(driver, rollCall, { driver: 'd2' }, {})
    await settle()
    expect((await call.status()).slots[0]?.driver).toBeNull()
  })

  test('ends no lease while its connection is down', async () => {
    const { call, network, bus, tick } = await setUp()
    await call.lease()
    network.outage(bus)
    await tick(20_000)
    network.restore(bus)
    await tick(100)
    expect((await call.status()).slots[0]?.driver).toBe('d1')
  })

  test('hands back what waits when it is stopped, and knows nothing of strangers', async () => {
    const { call, said, settle } = await setUp()
    await call.lease()
    await call.assign(1)
    await call.assign(2)
    expect(await call.stop(2)).toEqual({ known: true })
    expect(await call.stop(9)).toEqual({ known: false })
    await settle()
    expect(said.done).toMatchObject([{ trial: 2, outcome: { kind: 'returned' }, startedAt: null }])
  })

  test('hands back what waits when it is called back, and goes on with what has begun', async () => {
    const { call, said, settle, tick, runner } = await setUp()
    await call.lease()
    await call.assign(1)
    await call.assign(2)
    await settle()
    runner().says(begun(1))
    for (const trial of [1, 2]) expect(await call.stop(trial, { ifWaiting: true })).toEqual({ known: true })
    await tick(1_500)
    expect(said.done).toMatchObject([{ trial: 2, outcome: { kind: 'returned' }, startedAt: null }])
    expect(runner().killed).toBe(false)
  })

  test('a runner that goes is a crashed attempt, and a new one takes the next', async () => {
    const { call, said, settle, runner, runners } = await setUp()
    await call.lease()
    await call.assign(1)
    await settle()
    runner().says(begun(1))
    runner().exits('SIGSEGV')
    await settle()
    await settle()
    expect(said.done).toMatchObject([{ trial: 1, outcome: { kind: 'crashed', problem: { code: 'RUNNER_CRASHED' } } }])
    expect(runners).toHaveLength(2)
    runner().says({ type: 'ready', backend: 'tensorflow', versions: {} })
    await call.assign(2)
    await settle()
    expect(runner().heard.at(-1)).toMatchObject({ type: 'begin' })
  })

  test('a runner without a sign of life for 15 s is killed; one that idles is left alone', async () => {
    const { call, runner, tick } = await setUp()
    await tick(30_000)
    expect(runner().killed).toBe(false)
    await call.lease()
    await call.assign(1)
    await tick(17_000)
    expect(runner().killed).toBe(true)
  })

  test('fails when its runner cannot work on this host', async () => {
    const { worker, runner } = await setUp()
    const rejected = worker.ended.catch(codeOf)
    runner().exits('exit code 1')
    runner().says({ type: 'ready', backend: '', versions: {} })
    const fresh = await setUp()
    fresh.runner().exits('gone')
    fresh.runner().says({ type: 'unfit', problem: { code: 'TFJS_MISSING', message: 'no binding' } })
    expect(await fresh.worker.ended.catch(codeOf)).toBe('SETUP_FAILED')
    expect(await Promise.race([rejected, Promise.resolve('runs')])).toBe('runs')
  })

  test('drains: nothing new, what waits handed back, what runs ended, good-bye', async () => {
    const { call, worker, runner, said, settle } = await setUp()
    await call.lease()
    await call.assign(1)
    await call.assign(2)
    await settle()
    const drained = worker.drain('SIGTERM')
    expect(await refusal(call.lease())).toBe('WORKER_DRAINING')
    expect(await refusal(call.assign(3))).toBe('WORKER_DRAINING')
    await settle()
    expect(said.done).toMatchObject([{ trial: 2, outcome: { kind: 'returned' } }])
    runner().says(ended(1))
    await settle()
    await settle()
    await settle()
    runner().exits('exit code 0')
    await drained
    await settle()
    expect(said.done.map(({ trial }) => trial)).toEqual([2, 1])
    expect(said.left).toBe(1)
  })

  test('gives the next attempt to a new runner when the idle one has died (it is not believed to be warm)', async () => {
    const { call, runner, runners, settle, notices, said } = await setUp()
    await call.lease()
    runner().exits('SIGKILL')
    expect(notices).toEqual([expect.stringContaining('while nothing ran in it')])
    await call.assign(1)
    await settle()
    expect(runners.map(({ heard }) => heard.filter(({ type }) => type === 'begin').length)).toEqual([0, 0])
    runner().says(ready)
    await settle()
    expect(runner().heard).toMatchObject([{ type: 'begin', assignment: { attempt: { trial: 1 } } }])
    runner().says(ended(1))
    await settle()
    expect(said.done).toMatchObject([{ trial: 1, outcome: { kind: 'done' } }])
  })

  test('stops an attempt whose runner is still being started, and one whose code is still on its way', async () => {
    const { call, runner, settle, said } = await setUp()
    await call.lease()
    runner().exits('SIGKILL')
    await call.assign(1)
    await settle()
    expect(await call.stop(1)).toEqual({ known: true })
    await settle()
    expect(said.done).toMatchObject([{ trial: 1, startedAt: null, outcome: { kind: 'stopped', reason: 'pruned' } }])
    const loading = await setUp({ fetch: () => new Promise(() => undefined) })
    await loading.call.lease()
    await loading.call.assign(1)
    expect(await loading.call.stop(1)).toEqual({ known: true })
    await loading.settle()
    expect(loading.said.done).toMatchObject([{ startedAt: null, outcome: { kind: 'stopped' } }])
  })

  test('a runner that goes before it has begun costs the attempt nothing: the next one begins it', async () => {
    const { call, runner, settle, said } = await setUp()
    await call.lease()
    await call.assign(1)
    await settle()
    runner().exits('exit code 1')
    runner().says(ready)
    await settle()
    expect(runner().heard).toMatchObject([{ type: 'begin' }])
    runner().says(begun(1))
    runner().says(ended(1))
    await settle()
    expect(said.done).toMatchObject([{ trial: 1, attempt: 1, outcome: { kind: 'done' } }])
  })

  test('tells once of an attempt that ends while its runner is being killed', async () => {
    const { call, runner, settle, said, tick } = await setUp()
    await call.lease()
    await call.assign(1)
    await settle()
    runner().says(begun(1))
    await call.stop(1)
    await tick(1_500)
    expect(runner().killed).toBe(true)
    runner().says(ended(1))
    runner().exits('SIGKILL')
    await settle()
    await settle()
    expect(said.done).toMatchObject([{ trial: 1, outcome: { kind: 'done' } }])
  })

  test('waits out an outage of the bus while it loads code: the attempt is not spent', async () => {
    let down = true
    const { call, runner, settle, said, tick } = await setUp({
      fetch: () => (down ? Promise.reject(problem('BUS_DISCONNECTED', { server: 's' })) : Promise.resolve('file')),
    })
    await call.lease()
    await call.assign(1)
    await tick(10_000)
    expect(said.done).toEqual([])
    down = false
    await tick(3_000)
    await settle()
    expect(runner().heard).toMatchObject([{ type: 'begin' }])
  })

  test('drains while its runner leaves, while it is killed, and while it starts', async () => {
    const leaving = await setUp()
    await leaving.call.lease()
    await leaving.call.assign(1)
    await leaving.settle()
    leaving.runner().says({ ...ended(1), last: true } as FromRunner)
    await leaving.settle()
    expect(leaving.runner().heard.at(-1)).toEqual({ type: 'leave' })
    const killed = await setUp()
    await killed.call.lease()
    await killed.call.assign(1)
    await killed.settle()
    await killed.call.stop(1)
    await killed.tick(1_500)
    killed.runner().says(ended(1))
    const starting = await setUp()
    starting.runner().exits('SIGKILL')
    for (const { worker, runner, settle, said } of [leaving, killed, starting]) {
      const drained = worker.drain('SIGTERM')
      for (let turn = 0; turn < 5; turn += 1) await settle()
      runner().exits('gone')
      await drained
      await settle()
      expect(said.left).toBe(1)
    }
  })

  test('by a clock that is set forth no runner falls silent, and no attempt has lasted an hour', async () => {
    const { call, clock, said, tick, runner, settle } = await setUp()
    await call.lease()
    await call.assign(1)
    await settle()
    const at = clock.now()
    runner().says(begun(1, at))
    clock.setWall(3_600_000)
    await tick(10_000)
    expect(runner().killed).toBe(false)
    await tick(10_000)
    expect(runner().killed).toBe(true)
    runner().exits('SIGKILL')
    await tick(1_000)
    expect(said.done).toMatchObject([{ startedAt: at, outcome: { kind: 'crashed' } }])
    expect((said.done[0]?.endedAt ?? 0) - at).toBeLessThan(30_000)
  })

  test('with notice: tells its runner until that has kept what there was, and hands the attempt back then', async () => {
    const { bus, call, worker, said, tick, runner, settle } = await setUp({ notice: true, drainTimeoutMs: 25_000 })
    const told: number[] = []
    const beatOf = (kept?: boolean) => {
      const attempt = assignmentOf(1).attempt
      tell(bus, runnerBeat, { worker: 'w1', runner: '0' }, { pid: 1, attempt, ...(kept === true ? { kept } : {}) })
    }
    hear(bus, runnerNotice, { worker: 'w1', runner: '0' }, ({ attempt }) => void told.push(attempt.trial))
    await call.lease()
    await call.assign(1)
    await settle()
    runner().says(begun(1))
    beatOf(true)
    await settle()
    const drained = worker.drain('SIGTERM')
    await settle()
    expect(told).toEqual([1])
    beatOf()
    await tick(1_000)
    expect(told).toEqual([1, 1])
    expect(said.done).toEqual([])
    beatOf(true)
    await settle()
    expect(runner().killed).toBe(true)
    runner().exits('SIGKILL')
    await tick(1_000)
    runner().exits('gone')
    await tick(1_000)
    await drained
    expect(said.done.map(({ trial, outcome }) => [trial, outcome.kind])).toEqual([[1, 'returned']])
  })

  test('hands back what still loads when the time to drain is up', async () => {
    const { call, worker, said, tick, runner, settle } = await setUp({
      fetch: () => new Promise(() => undefined),
      drainTimeoutMs: 2_000,
    })
    await call.lease()
    await call.assign(1)
    const drained = worker.drain('SIGTERM')
    await tick(1_000)
    expect(said.done).toEqual([])
    await tick(1_500)
    expect(said.done).toMatchObject([{ trial: 1, startedAt: null, outcome: { kind: 'returned' } }])
    runner().exits('exit code 0')
    await drained
    await settle()
    expect(said.left).toBe(1)
  })

  test('gives a result up, and says so, when the failure in its place is refused too', async () => {
    const { call, runner, settle, state, notices, tick } = await setUp()
    state.refuses = 'MESSAGE_INVALID'
    await call.lease()
    await call.assign(1)
    await settle()
    runner().says(ended(1))
    await tick(5_000)
    expect(state.asked).toBe(2)
    expect(notices).toEqual(['a result was refused', 'a result was refused'])
    expect((await call.status()).unacknowledged).toEqual([])
  })

  test('hands back what waits for a runner when none starts on this host', async () => {
    const { call, runner, settle, said, worker } = await setUp()
    const failed = worker.ended.catch(codeOf)
    await call.lease()
    runner().exits('SIGKILL')
    await call.assign(1)
    await settle()
    runner().says({ type: 'unfit', problem: { code: 'TFJS_MISSING', message: 'no binding' } })
    for (let turn = 0; turn < 5; turn += 1) await settle()
    expect(said.done).toMatchObject([{ trial: 1, startedAt: null, outcome: { kind: 'returned' } }])
    expect(await failed).toBe('SETUP_FAILED')
  })
})
