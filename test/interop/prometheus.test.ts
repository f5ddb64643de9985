/** Prometheus's own parser reads what a driver, an optimizer, a worker and a board serve while a search runs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { spawnActor, type Child } from '../../src/actor/index.ts'
import { optimization, space } from '../../src/index.ts'
import type { Python } from '../support/python.ts'
import { freePort } from '../support/server.ts'
import { withTools } from './tools.ts'
import { startSystem, untilStep, type System } from '../support/system.ts'

interface Sample {
  readonly name: string
  readonly type: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

let folder = ''
let python: Python
let system: System
let board: Child
const token = 'token-of-this-test'
const ports: Record<string, number> = {}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-prometheus-'))
  python = await withTools()
  system = await startSystem()
  for (const name of ['driver', 'optimizer', 'worker'] as const) {
    const port = (ports[name] = await freePort())
    if (name === 'worker') await system.workers(1, '--slots', '2', '--metrics-port', String(port))
    else await system.actor(name, '--metrics-port', String(port))
  }
  board = await spawnActor('board', ['--server', system.server.url, '--log-level', 'warn', '--port', '0'], {
    env: { MAGGY_BOARD_TOKEN: token },
  })
})
afterAll(async () => {
  await board.stop()
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

const samples = (actor: string) => read(`http://127.0.0.1:${ports[actor]}/metrics`)
async function read(...asked: readonly string[]): Promise<Sample[]> {
  const script = fileURLToPath(new URL('read_prometheus.py', import.meta.url))
  return JSON.parse(await python.run([script, ...asked])) as Sample[]
}
const valueOf = (all: readonly Sample[], name: string, labels: Record<string, string> = {}) =>
  all.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value

it('counts of trials, slots and what is wanted are those of the search', async () => {
  const module = join(folder, 'held.ts')
  // Trial 2 and those after it run until they are stopped.
  await writeFile(
    module,
    `import { defineExperiment } from 'maggy'
     export default defineExperiment(import.meta.url, {
       name: 'held',
       train: async ({ hparams, reporter, run }: any) => {
         for (let step = 0; run.trial >= 2; step += 1) {
           reporter.report({ score: 0 }, step)
           await new Promise((resolve) => setTimeout(resolve, 20))
         }
         return { score: hparams.x }
       },
     })\n`,
  )
  const context = optimization({
    // It looks at results, so that nothing is handed out ahead of them.
    optimizer: 'tpe',
    space: { x: space.double(0, 1) },
    trials: 10,
    parallel: 5,
    metric: 'score',
    direction: 'maximize',
  })
  await system.submit(module, context, 'held-1')
  for (const trial of [2, 3]) await untilStep(system, 'held-1', 1, trial)
  const driver = await samples('driver')
  const experiment = 'held-1'
  expect(valueOf(driver, 'maggy_trials', { experiment, state: 'done' })).toBe(2)
  expect(valueOf(driver, 'maggy_trials', { experiment, state: 'running' })).toBe(2)
  // Two run, and of the six that are left `parallel` lets three run besides.
  expect(valueOf(driver, 'maggy_slots_wanted')).toBe(5)
  expect(valueOf(driver, 'maggy_slots', { state: 'busy' })).toBe(2)
  expect(valueOf(driver, 'maggy_workers')).toBe(1)
  expect(valueOf(driver, 'maggy_best_value', { experiment, metric: 'score' })).toBeGreaterThan(0)

  const worker = await samples('worker')
  expect(valueOf(worker, 'maggy_worker_slots')).toBe(2)
  expect(valueOf(worker, 'maggy_worker_slots_busy')).toBe(2)
  expect(worker.find(({ name }) => name === 'maggy_worker_attempts_total')).toMatchObject({
    type: 'counter',
    labels: { outcome: 'done' },
    value: 2,
  })
  expect(valueOf(await samples('optimizer'), 'maggy_sessions', { role: 'optimizer' })).toBe(1)

  const ofBoard = () => read(new URL('/metrics', board.address).href, token)
  // The board hears of slots by the worker's next beat.
  await expect
    .poll(async () => valueOf(await ofBoard(), 'maggy_board_slots', { state: 'busy' }), { timeout: 30_000 })
    .toBe(2)
  const shown = await ofBoard()
  expect(valueOf(shown, 'maggy_board_trials', { experiment, state: 'running' })).toBe(2)
  expect(valueOf(shown, 'maggy_board_experiments', { state: 'running' })).toBe(1)
  expect(valueOf(shown, 'maggy_board_best_value', { experiment, metric: 'score' })).toBeGreaterThan(0)
  expect(valueOf(shown, 'maggy_bus_connected')).toBe(1)
})
