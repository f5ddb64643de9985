/** A training function on several workers, as real processes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { training } from 'maggy'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Child } from '../../src/actor/index.ts'
import { allowSteps } from '../support/pace.ts'
import { startSystem, until, untilStep, type System } from '../support/system.ts'
import { expectDone, newcomer, processesOf, takeIn, together } from '../support/together.ts'

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

  it.each([
    ['fit', 0],
    ['a loop written by hand, with Adam', 1],
  ] as const)('goes on when a runner and a worker are killed, and takes in others (%s)', async (_name, byHand) => {
    const id = `killed-${byHand}`
    const hparams = { epochs: 20, pace, byHand }
    allowSteps(pace, 30)
    await system.submit(together, training({ workers: { min: 1, max: 2 }, hparams }), id)
    await untilStep(system, id, 29)
    const formed = (after: number) =>
      until(system, id, 'ring.formed', ({ generation, members }) => generation > after && members.length === 2)
    const [, runner = 0] = processesOf(workers[0]?.pid ?? 0)
    // Its worker starts another one, which asks to be taken in.
    const restarted = newcomer(system, id, [])
    process.kill(runner, 'SIGKILL')
    const again = formed(1)
    const steps = await takeIn(system, id, pace, 30, restarted, again)
    const { generation: first } = await again
    const replaced = newcomer(system, id, workers)
    workers[1]?.process.kill('SIGKILL')
    workers = [...workers.slice(0, 1), ...(await system.workers(1))]
    await takeIn(system, id, pace, steps, replaced, formed(first))
    allowSteps(pace, Infinity)
    await expectDone(system, id, 1200)
  })
})
