/** Choosing an optimizer among those on the bus: who is there, waiting for one that is not, and changing it while the search runs. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { open, progress, type PayloadOf } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { ask, hear } from '../../src/bus/index.ts'
import type { FoundActor } from '../../src/client/index.ts'
import { optimization, space } from '../../src/index.ts'
import { maggy } from '../support/cli.ts'
import { startSystem, type System } from '../support/system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
  await system.actor('driver')
  await Promise.all([system.actor('optimizer', '--id', 'o1'), system.actor('optimizer', '--id', 'o2')])
  await system.workers(1, '--id', 'w1')
})
afterAll(() => system.stop())

const onBus = (...args: string[]) => maggy([...args, '--server', system.server.url])

it('lists who is on the bus, with languages, versions and options', async () => {
  const { code, stdout } = await onBus('actors', '--json')
  const lines = stdout.trim().split('\n')
  const found = lines.map((line) => (JSON.parse(line) as { actor: FoundActor }).actor)
  expect(code).toBe(0)
  expect(found.map(({ role }) => role)).toEqual(['driver', 'optimizer', 'optimizer', 'worker'])
  const [, first] = found
  const tpe = first?.role === 'optimizer' ? first.info?.serves.find(({ name }) => name === 'tpe') : undefined
  expect(tpe).toMatchObject({ adaptive: true, options: { properties: { gamma: { maximum: 1 } } } })
  expect(first?.info).toMatchObject({ language: 'TypeScript', load: { experiments: 0 } })
  expect((await onBus('actors')).stdout).toMatch(/worker +- +any code +TypeScript .*0 of 1 slots/)
})

it('shares searches among the processes of one name', async () => {
  const question = {
    space: { x: { type: 'double' as const, low: 0, high: 1 } },
    objectives: [{ metric: 'value', direction: 'minimize' as const }],
    seed: 1,
    options: {},
    trials: 1,
    history: [],
  }
  const instances = new Set<string>()
  for (let search = 0; search < 64; search += 1) {
    const payload = { experiment: `shared-${search}`, ...question }
    instances.add((await ask(system.bus, open, { optimizer: 'random' }, payload, { timeoutMs: 10_000 })).instance)
  }
  expect([...instances].toSorted()).toEqual(['o1', 'o2'])
})

it('waits for an optimizer that is not there and says so, and goes on with another that it is given', async () => {
  const waiting = new Promise<PayloadOf<typeof progress>['waiting']>((resolve) => {
    const subscription = hear(system.bus, progress, { experiment: 'searching' }, ({ waiting: said }) => {
      if (said === null) return
      subscription.unsubscribe()
      resolve(said)
    })
  })
  const context = optimization({
    optimizer: 'late',
    space: { x: space.double(0, 1) },
    trials: 12,
    metric: 'value',
    direction: 'minimize',
  })
  await system.submit(join(packageRoot(), 'test/bench/modules/noop.ts'), context, 'searching')
  expect(await waiting).toMatchObject({
    code: 'OPTIMIZER_UNAVAILABLE',
    message: expect.stringContaining('late') as string,
  })
  const refused = await onBus('optimizer', 'swap', 'searching', 'later')
  expect({ code: refused.code, said: refused.stderr }).toEqual({
    code: 1,
    said: expect.stringContaining('OPTIMIZER_UNAVAILABLE') as string,
  })
  const unfit = await onBus('optimizer', 'swap', 'searching', 'tpe', '--options', '{"gama":1}')
  expect({ code: unfit.code, said: unfit.stderr }).toEqual({
    code: 2,
    said: expect.stringContaining('options.gama') as string,
  })
  const swapped = await onBus('optimizer', 'swap', 'searching', 'tpe', '--options', '{"gamma":0.2}')
  expect(swapped.stdout).toBe('searching: the optimizer is tpe from here on\n')
  const events = await system.ended('searching')
  expect(events.find(({ type }) => type === 'experiment.changed')).toMatchObject({
    change: { optimizer: { name: 'tpe', options: { gamma: 0.2 } } },
  })
  expect(events.at(-1)).toMatchObject({ state: 'done' })
  expect((await onBus('replay', 'searching')).stdout).toContain('all equal')
  expect((await onBus('show', 'searching')).stdout).toContain(
    'the optimizer is tpe from trial 0 on; before it was late',
  )
})
