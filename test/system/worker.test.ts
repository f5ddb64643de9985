/** A real worker process with real runners on a real server, driven by hand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { exitCodes, spawnActor, type Child } from '../../src/actor/index.ts'
import { codeOf } from '../../protocol/index.ts'
import { allowSteps } from '../support/pace.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { createHandMadeDriver, until, type HandMadeDriver } from '../support/worker-driver.ts'

const modulePath = fileURLToPath(new URL('../support/worker-experiment.ts', import.meta.url))

let server: TestServer
let driver: HandMadeDriver
let worker: Child
let beating: NodeJS.Timeout
let trial = 0
/** What `holds` waits for. */
let pace: string
const children: Child[] = []

const startWorker = async (id: string, ...args: string[]): Promise<Child> => {
  const child = await spawnActor('worker', ['--server', server.url, '--id', id, ...args])
  children.push(child)
  return child
}

/** Leases the slot, hands it one trial, and waits for what it came to. */
const run = async (hparams: Parameters<HandMadeDriver['assign']>[2], change = {}) => {
  trial += 1
  await driver.assign('w1', trial, hparams, change)
  return driver.result(trial)
}

const smallHeap = { NODE_OPTIONS: '--max-old-space-size=200' }

const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

beforeAll(async () => {
  pace = join(await mkdtemp(join(tmpdir(), 'maggy-worker-')), 'steps')
  server = await startTestServer({ token: 'secret' })
  driver = await createHandMadeDriver(await server.connect(), modulePath)
  worker = await startWorker('w1', '--labels', 'gpu=no,disk=fast')
  beating = setInterval(() => {
    driver.beat()
  }, 500)
  await driver.lease('w1')
})

afterEach(() => {
  driver.accepts = true
})

afterAll(async () => {
  clearInterval(beating)
  await Promise.all(children.map((child) => child.stop()))
  await driver.bus.close()
  await server.stop()
  await rm(dirname(pace), { recursive: true })
})

describe('a worker', () => {
  test('announces what it is, with the native backend and the versions', async () => {
    const { info, status } = await until('announcement', () => driver.announcements[0])
    expect(info).toMatchObject({ worker: 'w1', slots: 1, backend: 'tensorflow', labels: { gpu: 'no', disk: 'fast' } })
    expect(info.versions).toMatchObject({ tfjs: '4.22.0', 'tfjs-node': '4.22.0', node: process.versions.node })
    expect(status.slots).toHaveLength(1)
  })

  test('runs a trial, says when it began and how it ended', async () => {
    const result = await run({ does: 'nothing' })
    expect(result).toMatchObject({ outcome: { kind: 'done', metrics: { value: trial } }, points: 0, slot: 0 })
    expect(result.startedAt).toBeLessThanOrEqual(result.endedAt)
    // One that ends at once need not be told to have begun: this one is held until it was.
    trial += 1
    allowSteps(pace, 1)
    await driver.assign('w1', trial, { does: 'holds', pace })
    await until('started', () => driver.starts.find((start) => start.trial === trial))
    allowSteps(pace, 2)
    expect(await driver.result(trial)).toMatchObject({ outcome: { kind: 'done', metrics: { value: 1 } }, slot: 0 })
    expect(driver.starts.filter((start) => start.trial === trial)).toHaveLength(1)
  })

  test('records every metric in order before it tells the result', async () => {
    const result = await run({ does: 'reports', count: 3000 })
    expect(result).toMatchObject({ outcome: { kind: 'done', metrics: { value: 3000 } }, points: 3000 })
    const points = await driver.points(trial)
    expect(points.map(({ step }) => step)).toEqual(Array.from({ length: 3000 }, (_, step) => step))
    expect(points.at(-1)?.values).toEqual({ value: 2999, loss: -2999 })
  })

  test('star, default and named imports of both tfjs packages meet in one native backend', async () => {
    const result = await run({ does: 'uses tfjs' })
    expect(result.outcome).toEqual({ kind: 'done', metrics: { value: 1, native: 1, found: 1 } })
    expect((await driver.points(trial)).map(({ values }) => Object.keys(values))).toEqual([
      ['loss'],
      ['loss'],
      ['loss'],
    ])
  })

  test('a loop that blocks the event loop reports all the same, and is stopped by the next report', async () => {
    trial += 1
    await driver.assign('w1', trial, { does: 'blocks' })
    await until('started', () => driver.starts.find((start) => start.trial === trial))
    let points = await driver.points(trial)
    while (points.length < 10) points = await driver.points(trial)
    expect(await driver.stop('w1', trial)).toBe(true)
    const { outcome, points: count } = await driver.result(trial)
    expect(outcome).toEqual({ kind: 'stopped', reason: 'pruned', metrics: { value: 1 } })
    expect(await driver.points(trial)).toHaveLength(count)
  })

  test('who waits on the signal is stopped, and who swallows EarlyStop has stopped too', async () => {
    for (const does of ['waits', 'swallows']) {
      trial += 1
      await driver.assign('w1', trial, { does })
      await until('started', () => driver.starts.find((start) => start.trial === trial))
      await driver.stop('w1', trial, 'cancelled')
      expect((await driver.result(trial)).outcome).toMatchObject({ kind: 'stopped', reason: 'cancelled' })
    }
  })

  test('what ignores a stop is killed after its grace, and counts as stopped with its last metrics', async () => {
    trial += 1
    await driver.assign('w1', trial, { does: 'ignores' }, { graceMs: 200 })
    while ((await driver.points(trial)).length === 0) await driver.ping('w1')
    await driver.stop('w1', trial)
    const result = await driver.result(trial)
    expect(result).toMatchObject({ outcome: { kind: 'stopped', reason: 'pruned', metrics: { value: 7 } }, points: 1 })
    const lines = await driver.lines(trial)
    expect(lines.some(({ text }) => text.includes('was killed'))).toBe(true)
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
  })

  test('a trial past its time has failed, whether it listens or not', async () => {
    const timedOut = { kind: 'failed', problem: { code: 'TRIAL_TIMEOUT' } }
    expect((await run({ does: 'blocks' }, { trialTimeoutMs: 200 })).outcome).toMatchObject(timedOut)
    expect((await run({ does: 'ignores' }, { trialTimeoutMs: 200, graceMs: 200 })).outcome).toMatchObject(timedOut)
  })

  test('a runner that dies is a crashed attempt, and the worker goes on with a new one', async () => {
    const result = await run({ does: 'dies' })
    expect(result.outcome).toMatchObject({ kind: 'crashed', problem: { code: 'RUNNER_CRASHED', retryable: true } })
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
  })

  test("what train throws is a failure, with a stack of the user's lines", async () => {
    const { outcome } = await run({ does: 'throws' })
    expect(outcome).toMatchObject({
      kind: 'failed',
      problem: { code: 'TRAIN_FAILED', message: 'train threw TypeError: on purpose' },
    })
    expect(outcome.kind === 'failed' && outcome.problem.stack).toMatch(/worker-experiment\.ts:\d+:\d+/)
  })

  test('what is thrown where nobody awaits it fails the trial, not the worker', async () => {
    const { outcome } = await run({ does: 'throws late' })
    expect(outcome).toMatchObject({ kind: 'failed', problem: { code: 'TRAIN_FAILED' } })
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
  })

  test.each([
    ['returns NaN', 'RESULT_INVALID'],
    ['returns other', 'METRIC_MISSING'],
  ])('a train that %s has failed with %s', async (does, code) => {
    expect((await run({ does })).outcome).toMatchObject({ kind: 'failed', problem: { code } })
  })

  test('console output goes to the log of its trial', async () => {
    await run({ does: 'prints' })
    const all = await until('lines', () => true).then(async () => {
      let lines = await driver.lines(trial)
      while (lines.length < 4) lines = await driver.lines(trial)
      return lines
    })
    expect(all).toEqual(
      expect.arrayContaining([
        { from: 'stdout', text: 'to stdout { a: 1 }' },
        { from: 'stderr', text: 'to stderr' },
        { from: 'stdout', text: 'half a line' },
        { from: 'log', text: 'to the log 1' },
      ]),
    )
  })

  test('every trial has modules of its own: module-level variables and models train in the second as in the first', async () => {
    const first = await run({ does: 'trains its module' })
    expect(first.outcome).toEqual({ kind: 'done', metrics: { value: 1, before: 1, after: 0, moved: 1 } })
    expect((await run({ does: 'trains its module' })).outcome).toEqual(first.outcome)
  })

  test('what trials leave in tfjs does not add up', async () => {
    const counts: number[] = []
    for (let turn = 0; turn < 40; turn += 1) {
      const { outcome } = await run({ does: 'counts tensors', count: turn })
      counts.push(outcome.kind === 'done' ? (outcome.metrics['variables'] ?? Infinity) : Infinity)
    }
    expect(new Set(counts).size).toBe(1)
  })

  test.each([
    ['exits', { count: 0 }, 'process.exit(0) was called'],
    ['exits', { count: 3 }, 'process.exit(3) was called'],
    ['exits and goes on', {}, 'process.exit(0) was called'],
    ['rejects with text', {}, 'no error'],
    ['recurses', {}, 'Maximum call stack'],
  ])('a train that %s has failed, and says why', async (does, hparams, said) => {
    const { outcome } = await run({ does, ...hparams })
    expect(outcome).toMatchObject({ kind: 'failed', problem: { code: 'TRAIN_FAILED' } })
    expect(outcome.kind === 'failed' && outcome.problem.message).toContain(said)
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
  })

  test('a train that never settles is said to, for nothing is left that could wake it', async () => {
    const { outcome } = await run({ does: 'never settles' })
    expect(outcome).toMatchObject({ kind: 'failed', problem: { code: 'NEVER_SETTLED' } })
    expect(outcome.kind === 'failed' && outcome.problem.message).toContain('train never settles')
  })

  test('what a trial left behind throws in its own name: the next is handed back, and its log says nothing of it', async () => {
    const first = (trial += 1)
    const second = (trial += 1)
    await driver.assign('w1', first, { does: 'leaves a throw' })
    await driver.assign('w1', second, { does: 'sets it off' })
    expect((await driver.result(first)).outcome.kind).toBe('done')
    const { outcome } = await driver.result(second)
    expect(outcome).toMatchObject({ kind: 'returned' })
    expect(outcome.kind === 'returned' && outcome.reason).toContain(`what trial ${first} had left behind`)
    const lines = await driver.lines(first)
    expect(lines.map(({ text }) => text).join('\n')).toContain('threw after the trial had ended: Error: left behind')
    expect(await driver.lines(second)).toEqual([])
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
  })

  test('timers that a trial leaves are cleared, and a loop ends at its next report; neither harms the next', async () => {
    for (const does of ['leaves a timer', 'leaves a loop']) {
      const { outcome } = await run({ does })
      const pid = outcome.kind === 'done' ? outcome.metrics['value'] : 0
      expect((await run({ does: 'pid', ms: 50 })).outcome).toEqual({ kind: 'done', metrics: { value: pid } })
      expect(await driver.points(trial)).toEqual([])
    }
  })

  test.each(['server', 'thread', 'child'])('a %s that a trial leaves goes with its runner', async (what) => {
    const { outcome } = await run({ does: `leaves a ${what}` })
    const left = outcome.kind === 'done' ? (outcome.metrics['value'] ?? 0) : 0
    expect(left).toBeGreaterThan(0)
    const lines = await driver.lines(trial)
    expect(lines.at(-1)?.text).toContain('still at work when the trial had ended')
    const next = (await run({ does: 'pid' })).outcome
    expect(next.kind === 'done' && next.metrics['value']).not.toBe(left)
    await until('its end', () => !lives(left))
  })

  test('a runner whose output is held open by a process of its own group does not hold its slot', async () => {
    const { outcome } = await run({ does: 'leaves a child of its own and dies', count: 600 })
    expect(outcome.kind).toBe('crashed')
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
  })

  test('the process is put back between two trials', async () => {
    const { outcome } = await run({ does: 'changes its surroundings' })
    const pid = outcome.kind === 'done' ? outcome.metrics['value'] : 0
    expect((await run({ does: 'looks around' })).outcome).toEqual({ kind: 'done', metrics: { value: pid, changed: 0 } })
    expect(await driver.lines(trial)).toEqual([{ from: 'stdout', text: 'seen' }])
  })

  test('a handler of its own keeps its errors from failing it, and is gone with it', async () => {
    expect((await run({ does: 'handles its own' })).outcome).toEqual({ kind: 'done', metrics: { value: 2 } })
    expect((await run({ does: 'throws late' })).outcome.kind).toBe('failed')
  })

  test.each(['closes its output', 'terminates itself'])('a trial that %s ends, and so does the next', async (does) => {
    expect((await run({ does })).outcome.kind).toBe('done')
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
  })

  test('a trial that eats all memory is a crashed attempt, and the reason is said', async () => {
    children.push(await spawnActor('worker', ['--server', server.url, '--id', 'w6'], { env: smallHeap }))
    await driver.lease('w6')
    trial += 1
    await driver.assign('w6', trial, { does: 'eats memory' })
    const { outcome } = await driver.result(trial)
    expect(outcome).toMatchObject({ kind: 'crashed', problem: { code: 'RUNNER_OUT_OF_MEMORY' } })
    trial += 1
    await driver.assign('w6', trial, { does: 'nothing' })
    expect((await driver.result(trial)).outcome.kind).toBe('done')
  })

  test('an idle runner that is killed is missed by nobody', async () => {
    const { outcome } = await run({ does: 'pid' })
    process.kill(outcome.kind === 'done' ? (outcome.metrics['value'] ?? 0) : 0, 'SIGKILL')
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
    expect((await run({ does: 'ignores' }, { trialTimeoutMs: 200, graceMs: 200 })).outcome.kind).toBe('failed')
  })

  test('a second trial waits behind the first, and begins the moment that it ends', async () => {
    const first = (trial += 1)
    const second = (trial += 1)
    allowSteps(pace, 1)
    expect(await driver.assign('w1', first, { does: 'holds', pace })).toBe('running')
    expect(await driver.assign('w1', second, { does: 'nothing' })).toBe('next')
    expect(await driver.assign('w1', second, { does: 'nothing' })).toBe('next')
    allowSteps(pace, 2)
    const [before, after] = [await driver.result(first), await driver.result(second)]
    expect(after.startedAt).toBeGreaterThanOrEqual(before.endedAt)
  })

  test('what waits is handed back when it is stopped', async () => {
    const first = (trial += 1)
    const second = (trial += 1)
    await driver.assign('w1', first, { does: 'waits' })
    await driver.assign('w1', second, { does: 'nothing' })
    expect(await driver.stop('w1', second, 'cancelled')).toBe(true)
    expect((await driver.result(second)).outcome).toEqual({ kind: 'returned', reason: 'cancelled' })
    await driver.stop('w1', first)
    await driver.result(first)
  })

  test('a result is said again until it is acknowledged', async () => {
    driver.accepts = false
    trial += 1
    await driver.assign('w1', trial, { does: 'nothing' })
    await until('unacknowledged', () =>
      driver.beats.find(({ unacknowledged }) => unacknowledged.some((ref) => ref.trial === trial)),
    )
    expect(driver.results.has(trial)).toBe(false)
    driver.accepts = true
    expect((await driver.result(trial)).outcome.kind).toBe('done')
  })

  test('a slot is held by one driver at a time', async () => {
    const other = await createHandMadeDriver(await server.connect(), modulePath, 'other')
    const refused = await other.lease('w1').catch((error: unknown) => codeOf(error))
    expect(refused).toBe('SLOT_TAKEN')
    expect(await other.assign('w1', 9999, {}).catch((error: unknown) => codeOf(error))).toBe('LEASE_UNKNOWN')
    await driver.release('w1')
    expect((await other.lease('w1')).status.driver).toBe('other')
    await other.release('w1')
    await driver.lease('w1')
    await other.bus.close()
  })

  test('drains when it is told to: hands back what waits, lets end what runs, delivers, says good-bye', async () => {
    const leaver = await startWorker('w2', '--slots', '1')
    await driver.lease('w2')
    const first = (trial += 1)
    const second = (trial += 1)
    allowSteps(pace, 1)
    await driver.assign('w2', first, { does: 'holds', pace })
    await driver.assign('w2', second, { does: 'nothing' })
    leaver.process.kill('SIGTERM')
    expect((await driver.result(second)).outcome).toEqual({ kind: 'returned', reason: 'drain' })
    allowSteps(pace, 2)
    expect((await driver.result(first)).outcome.kind).toBe('done')
    expect(await leaver.exited).toEqual({ code: 0, signal: null })
    await until('good-bye', () => driver.leaves.includes('w2'))
  })

  test('a second signal ends it at once, whatever runs', async () => {
    const leaver = await startWorker('w3')
    await driver.lease('w3')
    trial += 1
    await driver.assign('w3', trial, { does: 'ignores' })
    await until('started', () => driver.starts.find((start) => start.trial === trial))
    leaver.process.kill('SIGTERM')
    await until('draining', () => leaver.stderrTail().includes('draining'))
    leaver.process.kill('SIGTERM')
    expect(await leaver.exited).toEqual({ code: exitCodes.terminated, signal: null })
    expect(driver.results.has(trial)).toBe(false)
  })

  test('what still runs when the time to drain is up is killed, to be tried elsewhere', async () => {
    const leaver = await startWorker('w4', '--drain-timeout', '1')
    await driver.lease('w4')
    trial += 1
    await driver.assign('w4', trial, { does: 'ignores' })
    await until('started', () => driver.starts.find((start) => start.trial === trial))
    leaver.process.kill('SIGTERM')
    expect((await driver.result(trial)).outcome).toMatchObject({ kind: 'returned' })
    expect(await leaver.exited).toEqual({ code: 0, signal: null })
  })

  test('two slots run two trials at once, and a runner is replaced after its number of trials', async () => {
    await startWorker('w5', '--slots', '2', '--max-trials-per-runner', '2')
    await driver.lease('w5', 0)
    await driver.lease('w5', 1)
    const pids: number[] = []
    for (let round = 0; round < 3; round += 1) {
      const both = [0, 1].map((slot) => ({ slot, number: (trial += 1) }))
      await Promise.all(both.map(({ slot, number }) => driver.assign('w5', number, { does: 'pid' }, { slot })))
      for (const { slot, number } of both) {
        const { outcome, slot: where } = await driver.result(number)
        expect(where).toBe(slot)
        pids.push(outcome.kind === 'done' ? (outcome.metrics['value'] ?? 0) : 0)
      }
    }
    const served = [...new Set(pids)].map((pid) => pids.filter((one) => one === pid).length)
    expect(Math.max(...served)).toBe(2)
    const both = [0, 1].map((slot) => ({ slot, number: (trial += 1) }))
    for (const { slot, number } of both) await driver.assign('w5', number, { does: 'waits' }, { slot })
    for (const { number } of both) await until('started', () => driver.starts.find((start) => start.trial === number))
    for (const { number } of both) {
      await driver.stop('w5', number, 'cancelled')
      expect((await driver.result(number)).outcome.kind).toBe('stopped')
    }
  })

  test('a runner that is frozen is noticed by its silence: a crashed attempt, and the worker goes on', async () => {
    const { outcome } = await run({ does: 'pid' })
    const pid = outcome.kind === 'done' ? (outcome.metrics['value'] ?? 0) : 0
    trial += 1
    await driver.assign('w1', trial, { does: 'waits' })
    await until('started', () => driver.starts.find((start) => start.trial === trial))
    process.kill(pid, 'SIGSTOP')
    const frozen = await driver.result(trial)
    expect(frozen.outcome).toMatchObject({ kind: 'crashed', problem: { code: 'RUNNER_CRASHED' } })
    expect((await run({ does: 'nothing' })).outcome.kind).toBe('done')
  })

  test('a worker that was started late is announced to a driver that calls the roll', async () => {
    const before = driver.announcements.length
    driver.rollCall()
    await until('announcement', () => driver.announcements.length > before)
    expect(worker.process.exitCode).toBeNull()
  })
})
