/** The optimizer in Go, built and run where Go is installed. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { optimization } from '../../src/experiment/index.ts'
import { space } from '../../src/space/index.ts'
import { startSystem, type System } from '../support/system.ts'

const source = fileURLToPath(new URL('../../deploy/go/random-optimizer/', import.meta.url))
const places = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/go/bin']
const go = places.map((place) => join(place, 'go')).find((path) => existsSync(path)) ?? ''

let folder: string
let system: System | undefined
let optimizer: ChildProcess | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-go-'))
})
afterAll(async () => {
  if (optimizer !== undefined) {
    const ended = once(optimizer, 'exit')
    optimizer.kill('SIGKILL')
    await ended
  }
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

it('is shorter than 150 lines', () => {
  expect(readFileSync(join(source, 'main.go'), 'utf8').trimEnd().split('\n').length).toBeLessThan(150)
})

it.skipIf(go !== '')('is left out: Go is not installed here', () => {})

it.skipIf(go === '')(
  'is written as gofmt writes it, and builds',
  () => {
    const formatted = spawnSync(join(dirname(go), 'gofmt'), ['-l', source], { encoding: 'utf8' })
    expect([formatted.stdout, formatted.stderr]).toEqual(['', ''])
    const built = spawnSync(go, ['build', '-o', join(folder, 'optimizer'), '.'], { cwd: source, encoding: 'utf8' })
    expect(built.status, built.stderr).toBe(0)
  },
  300_000,
)

it.skipIf(go === '')('suggests inside the space, conditions and steps kept, each point once', async () => {
  system = await startSystem()
  await system.actor('driver')
  await system.workers(1)
  const env = { ...process.env, MAGGY_SERVER: system.server.url }
  optimizer = spawn(join(folder, 'optimizer'), { env, stdio: 'ignore' })
  const wide = {
    x: space.double(-1, 1),
    k: space.categorical(['a', 'b', 1, '1', true, null]),
    rate: space.double(1e-5, 1, { log: true }),
    drop: space.double(0.1, 0.7, { step: 0.2 }),
    size: space.integer(1, 9, { step: 3 }),
    width: space.integer(8, 512, { log: true }),
    batch: space.discrete([16, 32, 64]),
    fixed: space.constant(['a', 1]),
    child: space.double(0, 1, { when: { parameter: 'k', in: ['a', true] } }),
    other: space.integer(0, 3, { when: { parameter: 'k', in: [1] } }),
    last: space.double(0, 1, { when: { parameter: 'other', in: [0, 1] } }),
  }
  const module = fileURLToPath(new URL('modules/bowl.ts', import.meta.url))
  const aim = { metric: 'loss', direction: 'minimize' } as const
  await system.submit(module, optimization({ optimizer: 'go-random', space: wide, trials: 60, ...aim }), 'go')
  const events = await system.ended('go')
  expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  const points = events.flatMap((event) => (event.type === 'trial.suggested' ? [JSON.stringify(event.hparams)] : []))
  expect(new Set(points).size).toBe(60)
})
