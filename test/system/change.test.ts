/**
 * Searches that are changed, as real processes, with a worker killed in the middle of each change: exact in counts, in log and in replay.
 * And what is tried again: trials that throw, that are repeated, that run out of memory.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { decodePayload, log, progress, subjectFor, type LogEvent, type PayloadOf } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { hear } from '../../src/bus/index.ts'
import { pauseRunning } from '../../src/client/index.ts'
import { optimization, space } from '../../src/index.ts'
import { replay, sourceOf } from '../../src/replay/index.ts'
import { readResult } from '../../src/store/index.ts'
import { maggy } from '../support/cli.ts'
import { startSystem, type System } from '../support/system.ts'

const module = join(packageRoot(), 'test/system/modules/changing.ts')
let system: System
let folder: string
/** Those that one is killed of. */
const workers = new Map<string, Child>()
let born = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-change-'))
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer'), another(), another()])
}, 120_000)
afterAll(async () => {
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

async function another(): Promise<void> {
  const id = `w${(born += 1)}`
  workers.set(id, await system.actor('worker', '--id', id, '--labels', 'pool=changed'))
}

const onBus = (...args: string[]) => maggy([...args, '--server', system.server.url])
const search = (options: object = {}) =>
  optimization({
    space: { x: space.double(0, 1) },
    trials: 6,
    metric: 'value',
    direction: 'maximize',
    optimizer: 'random',
    labels: { pool: 'changed' },
    ...options,
  })

/** The first event that fits, whether or not the search has ended before it. */
async function until<E extends LogEvent['type']>(
  experiment: string,
  type: E,
  fits: (event: Extract<LogEvent, { type: E }>) => boolean = () => true,
): Promise<Extract<LogEvent, { type: E }>> {
  const over = new AbortController()
  const subject = subjectFor(log, { experiment })
  try {
    for await (const entry of system.bus.streams.follow('log', subject, { signal: over.signal })) {
      for (const event of decodePayload(log, entry.data, subject).events) {
        const typed = event as Extract<LogEvent, { type: E }>
        if (event.type === type && fits(typed)) return typed
      }
    }
  } finally {
    over.abort()
  }
  throw new Error(`${experiment} has no ${type}`)
}

/** kill -9 of the worker that is given a trial from here on; another one comes. */
async function killOne(experiment: string, fits: (trial: number) => boolean): Promise<void> {
  const { worker } = await until(experiment, 'trial.assigned', ({ trial }) => fits(trial))
  const pid = workers.get(worker)?.pid
  if (pid === undefined) throw new Error(`no worker ${worker}`)
  process.kill(pid, 'SIGKILL')
  await another()
}

async function over(id: string, counts: { readonly done: number; readonly failed?: number }): Promise<LogEvent[]> {
  const source = await sourceOf(system.bus, id)
  const events = source.entries.flatMap((entry) => entry.events)
  const { done, failed = 0 } = counts
  const result = await readResult(system.bus, id)
  expect(result).toMatchObject({
    state: 'done',
    wanted: done + failed,
    counts: { queued: 0, running: 0, done, pruned: 0, failed, cancelled: 0 },
  })
  expect(result.trials.map(({ trial }) => trial)).toEqual(Array.from({ length: done + failed }, (_, trial) => trial))
  expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  expect(await replay(source)).toMatchObject({ differences: [], untaken: {} })
  return events
}

it('goes on with 50 more trials, by another optimizer', async () => {
  await system.submit(module, search(), 'more')
  await system.ended('more')
  const [{ code, stdout }] = await Promise.all([
    onBus('resume', 'more', '--trials', '+50', '--set', 'optimizer=tpe'),
    killOne('more', (trial) => trial > 20),
  ])
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('56 done') as string })
  await over('more', { done: 56 })
  const { notes } = await readResult(system.bus, 'more')
  expect(notes).toContain('the optimizer is tpe from trial 6 on; before it was random')
  const refused = await onBus('resume', 'more', '--set', 'direction=minimize')
  expect({ code: refused.code, said: refused.stderr }).toMatchObject({
    said: expect.stringContaining('CHANGE_REFUSED') as string,
  })
})

it('is paused and resumed, and takes what is enqueued meanwhile', async () => {
  await system.submit(module, search({ trials: 24, hparams: { ms: 100 } }), 'paused')
  await until('paused', 'trial.assigned', ({ trial }) => trial > 4)
  // Without a process of its own, that may come to it too late.
  expect(await pauseRunning(system.bus, 'paused')).toBe('paused')
  expect((await onBus('pause', 'paused', '--now')).stdout).toContain('paused')
  expect((await onBus('ls')).stdout).toMatch(/paused +paused/)
  expect((await onBus('enqueue', 'paused', 'x=0.25')).stdout).toContain('x=0.25')
  expect(await readResult(system.bus, 'paused')).toMatchObject({ state: 'paused', wanted: 25 })
  await Promise.all([onBus('resume', 'paused'), killOne('paused', (trial) => trial > 12)])
  await over('paused', { done: 25 })
  const { trials } = await readResult(system.bus, 'paused')
  expect(trials.filter(({ hparams }) => hparams['x'] === 0.25)).toHaveLength(1)
})

it('tries its failed trials anew, and no others', async () => {
  const mended = join(folder, 'mended')
  await system.submit(module, search({ trials: 12, hparams: { mended, ms: 30 } }), 'failed')
  await system.ended('failed')
  const before = await readResult(system.bus, 'failed')
  const failed = before.trials.filter(({ state }) => state === 'failed').map(({ trial }) => trial)
  expect(failed.length).toBeGreaterThan(2)
  await writeFile(mended, '')
  const last = failed.at(-1)
  await Promise.all([
    onBus('resume', 'failed', '--failed'),
    until('failed', 'experiment.changed').then(() => killOneAgain('failed', failed, last ?? 0)),
  ])
  const events = await over('failed', { done: 12 })
  const changed = events.findIndex(({ type }) => type === 'experiment.changed')
  const again = events.slice(changed).flatMap((event) => (event.type === 'trial.assigned' ? [event.trial] : []))
  expect([...new Set(again)].toSorted((a, b) => a - b)).toEqual(failed)
})

/** The log is read from its beginning: only attempts after the first are new ones. */
async function killOneAgain(experiment: string, failed: readonly number[], last: number): Promise<void> {
  const { worker } = await until(
    experiment,
    'trial.assigned',
    ({ trial, attempt }) => attempt > 1 && failed.includes(trial) && trial <= last,
  )
  const pid = workers.get(worker)?.pid
  if (pid === undefined) throw new Error(`no worker ${worker}`)
  process.kill(pid, 'SIGKILL')
  await another()
}

it('tries a flaky train again, elsewhere, and counts what it came to in the end', async () => {
  const retry = { on: 'throw', times: 2 } as const
  await system.submit(module, search({ trials: 4, hparams: { throws: 1 }, retry }), 'flaky')
  await system.ended('flaky')
  const events = await over('flaky', { done: 4 })
  const thrown = events.filter((event) => event.type === 'trial.ended' && event.outcome.kind === 'failed')
  expect(thrown).toHaveLength(4)
  for (const event of thrown) expect(event).toMatchObject({ outcome: { problem: { code: 'TRAIN_FAILED' } } })
  await system.submit(module, search({ trials: 2, hparams: { throws: 9 }, retry }), 'hopeless')
  const { trials } = await system.ended('hopeless').then(() => readResult(system.bus, 'hopeless'))
  expect(trials.map(({ state, attempts }) => [state, attempts])).toEqual([
    ['failed', 3],
    ['failed', 3],
  ])
})

it('optimizes the mean of three seeds, with its standard error', async () => {
  await system.submit(module, search({ trials: 4, repeats: 3, hparams: { noisy: true, ms: 20 } }), 'repeated')
  await Promise.all([system.ended('repeated'), killOne('repeated', (trial) => trial > 3)])
  await over('repeated', { done: 12 })
  const { configurations = [], best, trials } = await readResult(system.bus, 'repeated')
  expect(configurations.map((one) => one.trials)).toEqual([0, 3, 6, 9].map((first) => [first, first + 1, first + 2]))
  for (const { trials: numbers, metrics, errors, hparams } of configurations) {
    const values = numbers.map((trial) => Number(trials[trial]?.metrics['value']))
    const mean = values.reduce((sum, value) => sum + value, 0) / 3
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2
    expect(metrics['value']).toBeCloseTo(mean, 12)
    expect(errors['value']).toBeCloseTo(Math.sqrt(variance / 3), 12)
    for (const trial of numbers) expect(trials[trial]?.hparams).toEqual(hparams)
  }
  // Repeat r of each configuration has the same seed, so that the noise is the same for all of them.
  expect(new Set(trials.map(({ seed }) => seed)).size).toBe(3)
  const means = configurations.map(({ metrics }) => Number(metrics['value']))
  expect(best?.metrics['value']).toBe(Math.max(...means))
  expect((await onBus('show', 'repeated')).stdout).toMatch(/value \(mean ± s\.e\.\)[^]* ± 0\.\d/)
})

/** What an experiment waits for, once it says that. */
function waitingOf(experiment: string, code: string): Promise<NonNullable<PayloadOf<typeof progress>['waiting']>> {
  return new Promise((resolve) => {
    const subscription = hear(system.bus, progress, { experiment }, ({ waiting }) => {
      if (waiting?.code !== code) return
      subscription.unsubscribe()
      resolve(waiting)
    })
  })
}

it('has a trial that ran out of memory wait for a worker with more', async () => {
  const labels = { pool: 'memory' }
  await system.actor('worker', '--id', 'small', '--labels', 'pool=memory', '--memory', '256MB')
  const said = waitingOf('hungry', 'MEMORY_MISSING')
  const resources = { outOfMemory: 'wait' } as const
  await system.submit(module, search({ trials: 1, labels, resources, hparams: { megabytes: 320 } }), 'hungry')
  expect((await said).message).toContain('trial 0 ran out of 256 MB of memory')
  await system.actor('worker', '--id', 'large', '--labels', 'pool=memory', '--memory', '2GB')
  await system.ended('hungry')
  const events = await over('hungry', { done: 1 })
  const [first, second] = events.filter((event) => event.type === 'trial.ended')
  expect(first).toMatchObject({
    worker: 'small',
    memoryBytes: 256 * 2 ** 20,
    outcome: { kind: 'crashed', problem: { code: 'RUNNER_OUT_OF_MEMORY' } },
  })
  expect(second).toMatchObject({ worker: 'large', outcome: { kind: 'done' } })
})

it('says at once what no worker has', async () => {
  const said = waitingOf('greedy', 'RESOURCES_MISSING')
  const resources = { memory: '64TB', gpu: 1 }
  await system.submit(module, search({ trials: 1, labels: { pool: 'memory' }, resources }), 'greedy')
  expect((await said).message).toContain('no worker has 64 TB of memory, 1 GPUs for a slot; large has 2 GB of memory')
  expect((await onBus('stop', 'greedy')).code).toBe(0)
})
