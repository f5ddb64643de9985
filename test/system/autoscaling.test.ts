/** What an autoscaler reads of a driver: from no worker at all, busy, one drained, paused, and with nothing left to do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pauseRunning, stopRunning } from '../../src/client/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { optimization, space } from '../../src/index.ts'
import { readMeasures } from '../support/measures.ts'
import { freePort } from '../support/server.ts'
import { startSystem, until, untilStep, type System } from '../support/system.ts'

const experiment = 'held'
let folder = ''
let system: System
let port = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-autoscaling-'))
  system = await startSystem()
  port = await freePort()
  await Promise.all([system.actor('driver', '--metrics-port', String(port)), system.actor('optimizer')])
})
afterAll(async () => {
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

const measures = () => readMeasures(`http://127.0.0.1:${port}/metrics`)
const reads = (name: string, labels: Record<string, string> = {}) =>
  expect.poll(async () => (await measures()).value(name, labels), { timeout: 60_000, interval: 50 })
/** Of both workers, at one moment. */
const costs = async () => {
  const page = await measures()
  return ['first', 'second'].map((worker) => page.value('maggy_worker_drain_cost_seconds', { worker }))
}
const cheaperOf = ([first = 0, second = 0]: readonly (number | undefined)[]) => {
  if (first === 0 || second === 0) return undefined
  return first < second ? 'first' : 'second'
}

it('slots are wanted before there is a worker, while there are some, and after one has gone; none once all is over', async () => {
  await reads('maggy_slots_wanted').toBe(0)
  const module = join(folder, 'held.ts')
  // Trial 0 saves itself once it has run for a while; no trial ends by itself.
  await writeFile(
    module,
    `import { defineExperiment } from 'maggy'
     import { existsSync } from 'node:fs'
     export default defineExperiment(import.meta.url, {
       name: 'held',
       train: async ({ checkpoint, reporter, run }: any) => {
         let saved = run.trial !== 0
         for (let step = 0; ; step += 1) {
           reporter.report({ score: 0 }, step)
           await new Promise((resolve) => setTimeout(resolve, 20))
           if (saved || !existsSync(${JSON.stringify(join(folder, 'save'))})) continue
           await checkpoint.save(new Uint8Array([1]))
           saved = true
         }
       },
     })\n`,
  )
  const context = optimization({
    optimizer: 'random',
    space: { x: space.double(0, 1) },
    trials: 10,
    parallel: 3,
    metric: 'score',
    direction: 'maximize',
    resources: { memory: '64MB' },
  })
  await system.submit(module, context, experiment)

  // From zero.
  await reads('maggy_slots_wanted').toBe(3)
  const pool = { experiment, memory_bytes: String(2 ** 26), gpus: '0' }
  expect((await measures()).value('maggy_experiment_slots_wanted', pool)).toBe(3)
  expect((await measures()).value('maggy_workers')).toBe(0)

  // Busy: as many are wanted, those in use among them.
  const begun = performance.now()
  const workers = new Map<string, Child>()
  for (const id of ['first', 'second']) {
    const [child] = await system.workers(1, '--id', id, '--drain-timeout', '0')
    if (child !== undefined) workers.set(id, child)
    await untilStep(system, experiment, 1, workers.size - 1)
  }
  await reads('maggy_slots', { state: 'busy' }).toBe(2)
  expect((await measures()).value('maggy_slots_wanted')).toBe(3)

  // The cost of sending a worker away: how long its trial has run, or since that last saved.
  const cheapest = (name: string) =>
    expect.poll(async () => cheaperOf(await costs()), { timeout: 60_000, interval: 50 }).toBe(name)
  await cheapest('second')
  for (const cost of await costs()) expect(cost).toBeLessThan((performance.now() - begun) / 1000)
  await writeFile(join(folder, 'save'), '')
  await until(system, experiment, 'trial.saved', ({ trial }) => trial === 0)
  await cheapest('first')

  // Drained: the cheaper one goes. Its trial waits for another slot, which is wanted as before.
  await workers.get('first')?.stop()
  await reads('maggy_workers').toBe(1)
  expect((await costs())[0]).toBeUndefined()
  await reads('maggy_slots', { state: 'busy' }).toBe(1)
  expect((await measures()).value('maggy_slots_wanted')).toBe(3)

  // Paused: only what still runs needs its slot.
  await pauseRunning(system.bus, experiment, false)
  await reads('maggy_slots_wanted').toBe(1)

  // To zero.
  await stopRunning(system.bus, experiment, 'cancel')
  await reads('maggy_slots_wanted').toBe(0)
  await reads('maggy_slots', { state: 'busy' }).toBe(0)
  expect((await costs())[1]).toBe(0)
})
