/** A training function on several workers, as real processes. */
import { join } from 'node:path'
import { training } from 'maggy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { readPoints, readResult } from '../../src/store/index.ts'
import { startSystem, until, type System } from '../support/system.ts'

const module = join(packageRoot(), 'test/system/modules/together.ts')

let system: System
let workers: Child[]

beforeAll(async () => {
  system = await startSystem()
  await system.actor('driver')
  workers = await system.workers(2)
})
afterAll(() => system.stop())

/** Done, by replicas that are equal bit for bit, after so many steps. */
async function expectDone(id: string, steps: number): Promise<void> {
  await system.ended(id)
  const result = await readResult(system.bus, id)
  const [trial] = result.trials
  expect(trial?.state, JSON.stringify(trial)).toBe('done')
  const { digest = NaN, digestSquared } = trial?.metrics ?? {}
  expect(digestSquared).toBe((digest ?? NaN) ** 2)
  const points = await readPoints(system.bus, id, 0)
  // Said once, by whoever was rank 0.
  const said = points.map(({ step }) => step)
  expect(new Set(said).size).toBeGreaterThanOrEqual(steps - 1)
  expect(Math.max(...said)).toBe(steps - 1)
}

describe('A training on two workers', () => {
  it('ends as one, with equal replicas', async () => {
    await system.submit(module, training({ workers: 2 }), 'two')
    // 960 samples on 2 workers by 8: 60 steps an epoch.
    await expectDone('two', 240)
  })

  it('goes on when a worker is killed, and takes in another', async () => {
    const hparams = { epochs: 6, stepMs: 20 }
    await system.submit(module, training({ workers: { min: 1, max: 2 }, hparams }), 'killed')
    await until(system, 'killed', 'ring.formed')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    workers[1]?.process.kill('SIGKILL')
    workers = [...workers.slice(0, 1), ...(await system.workers(1))]
    await until(system, 'killed', 'ring.formed', ({ generation, members }) => generation > 1 && members.length === 2)
    await expectDone('killed', 360)
  })
})
