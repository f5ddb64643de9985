/** G3 to G5: several workers train one model; whichever of them is killed, the others go on. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { training } from 'maggy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { allowSteps } from '../support/pace.ts'
import { startSystem, until, untilStep, type System } from '../support/system.ts'

const module = join(packageRoot(), 'test/system/modules/trained.ts')

let system: System
let driver: Child
let pace: string

beforeEach(async () => {
  pace = join(await mkdtemp(join(tmpdir(), 'maggy-training-')), 'steps')
  system = await startSystem()
  driver = await system.actor('driver')
})
afterEach(async () => {
  await system.stop()
  await rm(dirname(pace), { recursive: true })
})

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
    await system.submit(module, training({ workers: 2, hparams: { epochs: 8, rows: 256 } }), 'two')
    const events = await expectTrained('two')
    const formed = events.filter(({ type }) => type === 'ring.formed')
    expect(formed).toMatchObject([{ generation: 1, members: [{ attempt: 1 }, { attempt: 2 }] }])
  })

  it('goes on when one of three is killed', async () => {
    const workers = await system.workers(3)
    allowSteps(pace, 10)
    await system.submit(module, training({ workers: 3, hparams: { epochs: 12, rows: 256, pace } }), 'three')
    await untilStep(system, 'three', 9)
    workers[1]?.process.kill('SIGKILL')
    allowSteps(pace, Infinity)
    const events = await expectTrained('three')
    expect(events.filter(({ type }) => type === 'trial.lost')).toHaveLength(1)
    const sizes = events.flatMap((event) => (event.type === 'ring.formed' ? [event.members.length] : []))
    // Whether it is gone is found out by asking it for the next generation, or before that by its worker's silence.
    expect(sizes.join(' ')).toMatch(/^3 (3 )?2$/)
  })

  it('is not disturbed by the death of its driver, which another takes the place of', async () => {
    await system.workers(2)
    allowSteps(pace, 10)
    await system.submit(module, training({ workers: 2, hparams: { epochs: 16, rows: 256, pace } }), 'taken')
    await untilStep(system, 'taken', 9)
    driver.process.kill('SIGKILL')
    await driver.exited
    // They train on while there is no driver.
    allowSteps(pace, 40)
    await untilStep(system, 'taken', 39)
    await system.actor('driver')
    await until(system, 'taken', 'experiment.adopted', ({ driver: by }) => by !== driver.id)
    allowSteps(pace, Infinity)
    const events = await expectTrained('taken')
    expect(events.filter(({ type }) => type === 'trial.lost')).toEqual([])
    expect(events.filter(({ type }) => type === 'experiment.adopted')).toHaveLength(2)
  })
})
