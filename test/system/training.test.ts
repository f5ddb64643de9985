/** G3 to G5: several workers train one model; whichever of them is killed, the others go on. */
import { join } from 'node:path'
import { training } from 'maggy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { readPoints } from '../../src/store/index.ts'
import { startSystem, until, type System } from '../support/system.ts'

const module = join(packageRoot(), 'test/system/modules/trained.ts')

let system: System
let driver: Child

beforeEach(async () => {
  system = await startSystem()
  driver = await system.actor('driver')
})
afterEach(() => system.stop())

async function expectTrained(id: string): Promise<readonly LogEvent[]> {
  const events = await system.ended(id)
  const [end] = events.filter((event) => event.type === 'trial.ended' && event.outcome.kind === 'done')
  const outcome = end?.type === 'trial.ended' ? end.outcome : undefined
  if (outcome?.kind !== 'done') throw new Error(`${id} came to no result: ${JSON.stringify(events.at(-1))}`)
  expect(outcome.metrics['loss']).toBeLessThan((outcome.metrics['first'] ?? 0) / 2)
  expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  return events
}

describe('a training on several workers', () => {
  it('trains the unchanged function on two, and ends with one result', async () => {
    await system.workers(2)
    await system.submit(module, training({ workers: 2, hparams: { epochs: 8, stepMs: 0, rows: 256 } }), 'two')
    const events = await expectTrained('two')
    const formed = events.filter(({ type }) => type === 'ring.formed')
    expect(formed).toMatchObject([{ generation: 1, members: [{ attempt: 1 }, { attempt: 2 }] }])
  })

  it('goes on when one of three is killed', async () => {
    const workers = await system.workers(3)
    await system.submit(module, training({ workers: 3, hparams: { epochs: 12, stepMs: 60, rows: 256 } }), 'three')
    await until(system, 'three', 'ring.formed')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    workers[1]?.process.kill('SIGKILL')
    const events = await expectTrained('three')
    expect(events.filter(({ type }) => type === 'trial.lost')).toHaveLength(1)
    const sizes = events.flatMap((event) => (event.type === 'ring.formed' ? [event.members.length] : []))
    // Whether it is gone is found out by asking it for the next generation, or before that by its worker's silence.
    expect(sizes.join(' ')).toMatch(/^3 (3 )?2$/)
  })

  it('is not disturbed by the death of its driver, which another takes the place of', async () => {
    await system.workers(2)
    await system.submit(module, training({ workers: 2, hparams: { epochs: 16, stepMs: 60, rows: 256 } }), 'taken')
    await until(system, 'taken', 'ring.formed')
    // Under way: a generation that is formed has yet to be started by the driver.
    while ((await readPoints(system.bus, 'taken', 0)).length === 0) await new Promise((wait) => setTimeout(wait, 100))
    const killed = Date.now()
    driver.process.kill('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const followed = Date.now()
    await system.actor('driver')
    const events = await expectTrained('taken')
    const points = await readPoints(system.bus, 'taken', 0)
    expect(points.filter(({ at }) => at > killed && at < followed)).not.toEqual([])
    expect(events.filter(({ type }) => type === 'trial.lost')).toEqual([])
    expect(events.filter(({ type }) => type === 'experiment.adopted')).toHaveLength(2)
  })
})
