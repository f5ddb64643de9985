/** G4, G5: what may happen to a training on several workers besides the death of one of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { training } from 'maggy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpointBucket, ringCheckpointName, ringName } from '../../protocol/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { readPoints } from '../../src/store/index.ts'
import { startSystem, until, type System } from '../support/system.ts'
import { expectDone, freeze, together } from '../support/together.ts'

let system: System
let workers: Child[]

// One system for all: what a test killed, it makes good.
beforeAll(async () => {
  system = await startSystem()
  await system.actor('driver')
  workers = await system.workers(2)
})
afterAll(() => system.stop())

const stepsAnEpoch = 60

/** A training on two workers that is well under way. */
async function underWay(id: string, epochs: number, checkpointEvery: number | null = null): Promise<void> {
  const hparams = { epochs, stepMs: 20 }
  const context = training({ workers: { min: 1, max: 2 }, hparams, checkpointEvery })
  await system.submit(together, context, id)
  await until(system, id, 'ring.formed', ({ members }) => members.length === 2)
  await sleep(1_000)
}

const kill = (worker: Child | undefined): void => void worker?.process.kill('SIGKILL')

describe('A training on two workers', () => {
  it('waits for a member that is stopped for a second, or for five, and goes on', async () => {
    await underWay('second', 4)
    for (const ms of [1_000, 5_000]) await freeze(workers[1]?.pid ?? 0, ms)
    const events = await expectDone(system, 'second', 4 * stepsAnEpoch)
    expect(events.filter(({ type }) => type === 'trial.lost')).toEqual([])
  })

  it('goes on without a member that is stopped for longer, and takes it in again when it wakes', async () => {
    await underWay('longer', 9)
    // Its neighbour reports it after 4 s of silence, and 4 s later the driver has had no answer either.
    await freeze(workers[1]?.pid ?? 0, 11_000)
    const events = await expectDone(system, 'longer', 9 * stepsAnEpoch)
    expect(events.filter(({ type }) => type === 'trial.lost')).toHaveLength(1)
    const sizes = events.flatMap((event) => (event.type === 'ring.formed' ? [event.members.length] : []))
    expect(sizes).toContain(1)
    expect(sizes.at(-1)).toBe(2)
    // Whoever was out says so, and nobody takes it for a result.
    const ends = events.flatMap((event) => (event.type === 'trial.ended' ? [event.outcome.kind] : []))
    expect(ends).not.toContain('failed')
  })

  it('waits for a nats-server that is killed and started again', async () => {
    await underWay('server', 4)
    await system.killServer()
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
    await expectDone(system, 'all', 6 * stepsAnEpoch)
    const points = await readPoints(system.bus, 'all', 0)
    const again = points.filter(({ attempt }) => attempt > 2).map(({ step }) => step)
    expect(Math.min(...again)).toBeGreaterThanOrEqual(20)
  })
})

describe('A training whose workers come and go', () => {
  it('ends after as many steps, with equal replicas', async () => {
    // It takes longer than the workers' comings and goings, however fast the ring is.
    const hparams = { epochs: 6, stepMs: 45 }
    workers.push(...(await system.workers(1)))
    await system.submit(together, training({ workers: { min: 1, max: 3 }, hparams, checkpointEvery: 20 }), 'churn')
    await until(system, 'churn', 'ring.formed', ({ members }) => members.length === 3)
    for (let turn = 0; turn < 2; turn += 1) {
      await sleep(4_000)
      kill(workers.shift())
      workers.push(await system.actor('worker'))
    }
    // 960 samples on 3 workers by 8.
    const events = await expectDone(system, 'churn', 6 * 40)
    expect(events.filter(({ type }) => type === 'trial.lost')).toHaveLength(2)
  })
})
