/** A host that goes: `maggy worker --notice` is told to end, hands back what it runs, and no step is taken twice. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { optimization, space, training } from 'maggy'
import { readAllPoints, resultOf } from '../../src/store/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { startSystem, until, untilStep, type System } from '../support/system.ts'

const moduleOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const notice = ['--notice', '30'] as const
let folder: string
let system: System
let workers: Child[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-notice-'))
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer')])
  workers = await system.workers(2, ...notice)
})
afterEach(async () => {
  if (workers.length < 2) workers.push(await system.actor('worker', ...notice))
})
afterAll(async () => {
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

/** SIGTERM to the worker that has the trial, once it has come to this step; gives its exit code. */
async function giveNotice(experiment: string, step: number): Promise<number | null> {
  const { worker } = await until(system, experiment, 'trial.assigned')
  await untilStep(system, experiment, step)
  const [going] = workers.splice(
    workers.findIndex(({ id }) => id === worker),
    1,
  )
  going?.process.kill('SIGTERM')
  return (await going?.exited)?.code ?? null
}

describe('a worker that is given notice', () => {
  it('hands a trial back at its next checkpoint, and the next attempt takes the step after it', async () => {
    const side = join(folder, 'side')
    const hparams = { side, steps: 60, every: 4 }
    const searched = { metric: 'value', direction: 'maximize', space: { x: space.double(0, 1) } } as const
    const context = optimization({ ...searched, optimizer: 'random', trials: 1, hparams })
    await system.submit(moduleOf('modules/saving.ts'), context, 'search')
    expect(await giveNotice('search', 9)).toBe(0)
    const { trials } = resultOf('search', await system.ended('search'))
    expect(trials[0]).toMatchObject({ state: 'done', metrics: { value: 60 } })
    expect(trials[0]?.metrics['began']).toBeGreaterThan(9)
    const taken = (await readFile(side, 'utf8')).trim().split('\n').map(Number)
    expect(taken).toEqual(Array.from({ length: 60 }, (_, step) => step))
  })

  it('hands a training back at its next step, also where nobody else is in the ring', async () => {
    const epochs = 8
    const stepsAnEpoch = 8
    const hparams = { samples: 16 * stepsAnEpoch, batchSize: 16, epochs, stepMs: 40, units: 8 }
    await system.submit(
      moduleOf('../bench/modules/counted.ts'),
      training({ workers: { min: 1, max: 1 }, hparams, checkpointEvery: 1_000_000 }),
      'training',
    )
    expect(await giveNotice('training', 9)).toBe(0)
    const { trials } = resultOf('training', await system.ended('training'))
    expect(trials[0]).toMatchObject({ state: 'done', metrics: { steps: epochs * stepsAnEpoch, twice: 0 } })
    const reports = (await readAllPoints(system.bus, 'training')).get(0) ?? []
    expect(new Set(reports.map(({ attempt }) => attempt)).size).toBeGreaterThan(1)
    expect(reports.map(({ step }) => step)).toEqual(Array.from({ length: epochs * stepsAnEpoch }, (_, step) => step))
  })
})
