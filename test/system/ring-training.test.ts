/** A training function on several workers, as real processes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { training } from 'maggy'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Child } from '../../src/actor/index.ts'
import { allowSteps } from '../support/pace.ts'
import { startSystem, until, untilStep, type System } from '../support/system.ts'
import { expectDone, together } from '../support/together.ts'

let system: System
let workers: Child[]
let pace: string

beforeAll(async () => {
  pace = join(await mkdtemp(join(tmpdir(), 'maggy-training-')), 'steps')
  system = await startSystem()
  await system.actor('driver')
  workers = await system.workers(2)
})
afterAll(async () => {
  await system.stop()
  await rm(dirname(pace), { recursive: true })
})

describe('A training on two workers', () => {
  it('ends as one, with equal replicas', async () => {
    await system.submit(together, training({ workers: 2 }), 'two')
    // 960 samples on 2 workers by 8: 60 steps an epoch.
    await expectDone(system, 'two', 240)
  })

  it('goes on when a worker is killed, and takes in another', async () => {
    const hparams = { epochs: 6, pace }
    allowSteps(pace, 30)
    await system.submit(together, training({ workers: { min: 1, max: 2 }, hparams }), 'killed')
    await untilStep(system, 'killed', 29)
    workers[1]?.process.kill('SIGKILL')
    workers = [...workers.slice(0, 1), ...(await system.workers(1))]
    await until(system, 'killed', 'ring.formed', ({ generation, members }) => generation > 1 && members.length === 2)
    allowSteps(pace, Infinity)
    await expectDone(system, 'killed', 360)
  })
})
