/** What an experiment waits for, as `maggy show` and `maggy ls` say it (G12). */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { progress } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { hear } from '../../src/bus/index.ts'
import type { Waiting } from '../../src/client/index.ts'
import { optimization, space } from '../../src/index.ts'
import { maggy } from '../support/cli.ts'
import { startSystem, type System } from '../support/system.ts'

const module = join(packageRoot(), 'test/system/modules/bowl.ts')
let system: System
let driver: Child
beforeAll(async () => {
  system = await startSystem()
  driver = await system.actor('driver')
  await Promise.all([system.actor('optimizer'), system.workers(1, '--id', 'w1')])
})
afterAll(() => system.stop())

const context = (gpu?: number) =>
  optimization({
    space: { x: space.double(0, 1) },
    trials: 2,
    metric: 'loss',
    direction: 'minimize',
    ...(gpu === undefined ? {} : { resources: { gpu } }),
  })
const onBus = (...args: string[]) => maggy([...args, '--server', system.server.url])
const linesOf = async (...args: string[]) => (await onBus(...args)).stdout.trim().split('\n')
const shown = async (id: string) => {
  const [line = ''] = await linesOf('show', id, '--json')
  return (JSON.parse(line) as { result: { state: string; waiting: Waiting | null } }).result
}
const listed = async () =>
  Object.fromEntries(
    (await linesOf('ls', '--json')).map((line) => {
      const { experiment, waiting } = JSON.parse(line) as { experiment: string; waiting: Waiting | null }
      return [experiment, waiting]
    }),
  )

it('is said by show and ls as the driver says it, and of no experiment that is over', async () => {
  await system.submit(module, context(), 'modest')
  await system.ended('modest')
  const waits = new Promise<void>((resolve) => {
    const subscription = hear(system.bus, progress, { experiment: 'greedy' }, ({ waiting }) => {
      if (waiting === null) return
      subscription.unsubscribe()
      resolve()
    })
  })
  await system.submit(module, context(4), 'greedy')
  await waits
  const { waiting } = await shown('greedy')
  expect(waiting).toMatchObject({ code: 'RESOURCES_MISSING' })
  expect(waiting?.message).toContain('w1')
  expect(waiting?.sinceMs).toBeGreaterThanOrEqual(2000)
  expect((await onBus('show', 'greedy')).stdout).toMatch(/^waiting: .* \(RESOURCES_MISSING\)$/m)
  expect((await onBus('ls')).stdout).toMatch(/^greedy +running +.* RESOURCES_MISSING$/m)
  expect(await shown('modest')).toMatchObject({ state: 'done', waiting: null })
  expect(await listed()).toMatchObject({ modest: null, greedy: { code: 'RESOURCES_MISSING' } })
})

it('is a driver, where none has the experiment', async () => {
  driver.process.kill('SIGKILL')
  await driver.exited
  const { waiting } = await shown('greedy')
  expect(waiting).toMatchObject({ code: 'BUS_NO_RESPONDERS' })
  expect(waiting?.message).toContain(`\`maggy resume greedy --server nats://127.0.0.1:${system.server.port}\``)
  expect((await onBus('show', 'greedy')).stdout).toContain('waiting: no driver has this experiment: start one with')
  expect(await listed()).toMatchObject({ modest: null, greedy: { code: 'BUS_NO_RESPONDERS' } })
})
