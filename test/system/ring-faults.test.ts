/** G4, G5: what may happen to a training on several workers besides the death of one of them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { training } from 'maggy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  checkpointBucket,
  ringCheckpointName,
  ringName,
  subjectFor,
  suspectMember,
  type LogEvent,
} from '../../protocol/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { readLog } from '../../src/archive/index.ts'
import { readPoints } from '../../src/store/index.ts'
import { allowSteps } from '../support/pace.ts'
import { startSystem, until, untilStep, type System } from '../support/system.ts'
import { expectDone, freeze, newcomer, takeIn, together } from '../support/together.ts'

let system: System
let workers: Child[]
let pace: string

// One system for all: what a test killed, it makes good.
beforeAll(async () => {
  pace = join(await mkdtemp(join(tmpdir(), 'maggy-faults-')), 'steps')
  system = await startSystem()
  await system.actor('driver')
  workers = await system.workers(2)
})
afterAll(async () => {
  await system.stop()
  await rm(dirname(pace), { recursive: true })
})

const stepsAnEpoch = 60
const allow = (steps: number): void => {
  allowSteps(pace, steps)
}

/** A training on two workers that has taken 30 steps, and takes more once it is allowed to. */
async function underWay(id: string, epochs: number, checkpointEvery: number | null = null): Promise<void> {
  allow(30)
  const context = training({ workers: { min: 1, max: 2 }, hparams: { epochs, pace }, checkpointEvery })
  await system.submit(together, context, id)
  await untilStep(system, id, 29)
}

/** Resolves when a ring of so many is formed that was not there before; call it before what makes the ring change. */
async function formedAnew(id: string, size: number): Promise<() => Promise<unknown>> {
  const before = await lastGeneration(id)
  return () =>
    until(system, id, 'ring.formed', ({ generation, members }) => generation > before && members.length === size)
}

async function lastGeneration(id: string): Promise<number> {
  const { generation } = await until(system, id, 'ring.formed')
  let last = generation
  for (const event of await eventsSoFar(id)) if (event.type === 'ring.formed') last = Math.max(last, event.generation)
  return last
}

async function eventsSoFar(id: string): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for await (const { entry } of readLog(system.bus, id)) events.push(...(entry?.events ?? []))
  return events
}

const kill = (worker: Child | undefined): void => void worker?.process.kill('SIGKILL')

describe('A training on two workers', () => {
  it('waits for a member that is stopped until its neighbour reports it, twice over, and goes on', async () => {
    await underWay('stopped', 4)
    for (const steps of [60, Infinity]) {
      const reported = new Promise<void>((resolve) => {
        // Listening only: the driver answers it.
        const subject = subjectFor(suspectMember, { worker: '*', ring: ringName('stopped', 0) })
        const listening = system.bus.subscribe(subject, () => {
          listening.unsubscribe()
          resolve()
        })
      })
      await system.bus.flush()
      const wake = freeze(workers[1]?.pid ?? 0)
      allow(steps)
      await reported
      wake()
      if (steps < Infinity) await untilStep(system, 'stopped', steps - 1)
    }
    const events = await expectDone(system, 'stopped', 4 * stepsAnEpoch)
    expect(events.filter(({ type }) => type === 'trial.lost')).toEqual([])
  })

  it('goes on without a member that is stopped for longer, and takes it in again when it wakes', async () => {
    await underWay('longer', 20)
    const wake = freeze(workers[1]?.pid ?? 0)
    // Its neighbour waits for it in the next step, reports it, and the driver has no answer from it either.
    allow(60)
    await until(system, 'longer', 'trial.lost')
    await until(system, 'longer', 'ring.formed', ({ members }) => members.length === 1)
    const two = await formedAnew('longer', 2)
    // Whoever was out comes back with another attempt.
    const came = newcomer(system, 'longer', [])
    wake()
    await takeIn(system, 'longer', pace, 60, came, two())
    allow(Infinity)
    const events = await expectDone(system, 'longer', 20 * stepsAnEpoch)
    expect(events.filter(({ type }) => type === 'trial.lost')).toHaveLength(1)
    // Whoever was out says so, and nobody takes it for a result.
    const ends = events.flatMap((event) => (event.type === 'trial.ended' ? [event.outcome.kind] : []))
    expect(ends).not.toContain('failed')
  })

  it('waits for a nats-server that is killed and started again', async () => {
    await underWay('server', 4)
    allow(90)
    await untilStep(system, 'server', 60)
    await system.killServer()
    allow(Infinity)
    const events = await expectDone(system, 'server', 4 * stepsAnEpoch)
    expect(events.filter(({ type }) => type === 'trial.lost')).toEqual([])
  })

  it('is resumed from its last checkpoint when all of its workers are killed', async () => {
    await underWay('all', 6, 20)
    const kept = ringCheckpointName(ringName('all', 0))
    const isKept = async () => (await system.bus.blobs.get(checkpointBucket, kept)) !== undefined
    await expect.poll(isKept, { timeout: 60_000 }).toBe(true)
    for (const worker of workers) kill(worker)
    workers = await system.workers(2)
    allow(Infinity)
    await expectDone(system, 'all', 6 * stepsAnEpoch)
    const points = await readPoints(system.bus, 'all', 0)
    const again = points.filter(({ attempt }) => attempt > 2).map(({ step }) => step)
    expect(Math.min(...again)).toBeGreaterThanOrEqual(20)
  })
})

describe('A training whose workers come and go', () => {
  it('ends after as many steps, with equal replicas', async () => {
    workers.push(...(await system.workers(1)))
    allow(20)
    const context = training({ workers: { min: 1, max: 3 }, hparams: { epochs: 20, pace }, checkpointEvery: 20 })
    await system.submit(together, context, 'churn')
    await untilStep(system, 'churn', 19)
    let steps = 20
    for (let turn = 0; turn < 2; turn += 1) {
      const three = await formedAnew('churn', 3)
      const came = newcomer(system, 'churn', workers)
      kill(workers.shift())
      workers.push(await system.actor('worker'))
      steps = await takeIn(system, 'churn', pace, steps, came, three())
    }
    allow(Infinity)
    // 960 samples on 3 workers by 8.
    const events = await expectDone(system, 'churn', 20 * 40)
    expect(events.filter(({ type }) => type === 'trial.lost')).toHaveLength(2)
  })
})
