/** G2, G3: any one process may be killed during a search; every trial ends once, and nothing that was acknowledged is lost. */
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { optimization, space } from 'maggy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { readPoints, readResult } from '../../src/store/index.ts'
import { allowSteps } from '../support/pace.ts'
import { startSystem, until, type System } from '../support/system.ts'

const module = join(packageRoot(), 'test/system/modules/steady.ts')
const trials = 16
const steps = 10
const contextOf = (stepMs: number, pace = '') =>
  optimization({
    optimizer: 'random',
    space: { x: space.double(0, 1) },
    hparams: { steps, stepMs, pace },
    trials,
    metric: 'value',
    direction: 'maximize',
    seed: 3,
  })

let system: System
let driver: Child
let optimizer: Child
let workers: Child[]
let pace: string

// One system for all: what a test killed, it makes good.
beforeAll(async () => {
  pace = join(await mkdtemp(join(tmpdir(), 'maggy-survival-')), 'trials')
  system = await startSystem()
  driver = await system.actor('driver')
  optimizer = await system.actor('optimizer')
  workers = await system.workers(2)
})
afterAll(async () => {
  await system.stop()
  await rm(dirname(pace), { recursive: true })
})

const childrenOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )

/** A search that is well under way: the fifth trial and the sixth stay half way until `goOn`. */
async function underWay(id: string): Promise<void> {
  allowSteps(pace, 4)
  await system.submit(module, contextOf(10, pace), id)
  await until(system, id, 'trial.ended', ({ trial }) => trial >= 2)
}

const goOn = (): void => {
  allowSteps(pace, Infinity)
}

/** Every trial ended exactly once, as done, with all its metrics; and the first suggestions are those of the seed. */
async function expectAllDoneOnce(id: string): Promise<LogEvent[]> {
  const events = await system.ended(id)
  const result = await readResult(system.bus, id)
  expect(result.state).toBe('done')
  expect(result.trials.map(({ trial, state }) => [trial, state])).toEqual(
    Array.from({ length: trials }, (_, trial) => [trial, 'done']),
  )
  const done = events.filter((event) => event.type === 'trial.ended' && event.outcome.kind === 'done')
  expect(done).toHaveLength(trials)
  for (const { trial, hparams, metrics, attempt } of result.trials) {
    expect(metrics['value']).toBe(hparams['x'])
    const points = (await readPoints(system.bus, id, trial)).filter((point) => point.attempt === attempt)
    expect(points.map(({ step }) => step)).toEqual([...Array(steps).keys()])
  }
  return events
}

describe('kill -9 during a search', () => {
  it('of a worker costs the attempt that it ran and nothing else', async () => {
    await underWay('w')
    workers[0]?.process.kill('SIGKILL')
    goOn()
    const events = await expectAllDoneOnce('w')
    expect(events.filter(({ type }) => type === 'trial.lost').length).toBeLessThanOrEqual(2)
    workers = [...workers.slice(1), ...(await system.workers(1))]
  })

  it('of a runner costs one attempt, and the worker goes on', async () => {
    await underWay('r')
    const [runner] = childrenOf(workers[0]?.pid ?? 0)
    process.kill(runner ?? 0, 'SIGKILL')
    goOn()
    const events = await expectAllDoneOnce('r')
    const crashes = events.filter((event) => event.type === 'trial.ended' && event.outcome.kind === 'crashed')
    expect(crashes.length).toBeLessThanOrEqual(1)
    expect(events.filter(({ type }) => type === 'trial.lost')).toEqual([])
  })

  it('of the optimizer is made good by another, which is told the history', async () => {
    await underWay('o')
    optimizer.process.kill('SIGKILL')
    optimizer = await system.actor('optimizer')
    goOn()
    await expectAllDoneOnce('o')
  })

  it('of the driver is made good by another: finished trials stand, running ones go on and count', async () => {
    await underWay('d')
    driver.process.kill('SIGKILL')
    await driver.exited
    driver = await system.actor('driver')
    goOn()
    const events = await expectAllDoneOnce('d')
    expect(events.filter(({ type }) => type === 'experiment.adopted')).toHaveLength(2)
    expect(events.filter(({ type }) => type === 'trial.lost')).toEqual([])
    // Only what was written down and never reached its worker may be handed out again.
    const again = events.filter((event) => event.type === 'trial.assigned' && event.attempt > 1)
    const returned = events.filter((event) => event.type === 'trial.ended' && event.outcome.kind === 'returned')
    expect(again.length).toBe(returned.length)
  })

  it('of nats-server is waited out by all, and nothing is lost', async () => {
    await underWay('s')
    await system.killServer()
    goOn()
    const events = await expectAllDoneOnce('s')
    expect(events.filter(({ type }) => type === 'trial.lost')).toEqual([])
  })
})

describe('two drivers on one bus', () => {
  // As many searches run as it takes until each driver has one. None ends before the kill, however fast the machine is.
  it('share the workers; when one is killed, the other takes over what it had', { timeout: 300_000 }, async () => {
    await system.actor('driver')
    const owned = new Map<string, string>()
    allowSteps(pace, 0)
    while (!([...owned.values()].includes(driver.id) && new Set(owned.values()).size === 2)) {
      const id = `shared-${owned.size}`
      await system.submit(module, contextOf(10, pace), id)
      owned.set(id, (await until(system, id, 'experiment.adopted')).driver)
    }
    driver.process.kill('SIGKILL')
    await driver.exited
    goOn()
    for (const [id, owner] of owned) {
      const events = await expectAllDoneOnce(id)
      const drivers = events.flatMap((event) => (event.type === 'experiment.adopted' ? [event.driver] : []))
      expect(drivers[0]).toBe(owner)
      // Who was not killed keeps what it has, and is alone in it.
      expect(new Set(drivers).size).toBe(owner === driver.id ? 2 : 1)
    }
  })
})
