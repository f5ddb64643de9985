/** A worker where only web traffic goes out: on a leaf node that dials the bus by websocket (deploy/CLUSTER.md, "Workers behind NAT"). */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { optimization, space } from 'maggy'
import { lagom } from '../../src/client/index.ts'
import { packageRoot, spawnActor, type Child } from '../../src/actor/index.ts'
import { findNatsServer } from '../../src/setup/index.ts'
import { killAll } from '../support/processes.ts'
import { freePort } from '../support/server.ts'
import crashing from './modules/crashing.ts'

const servers: ChildProcess[] = []
const actors: Child[] = []
let folder = ''

afterAll(async () => {
  await Promise.all(actors.map((actor) => actor.stop(3000)))
  await killAll(servers)
  await rm(folder, { recursive: true, force: true })
})

it('gets its code, runs trials that save themselves, and is believed', async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-leaf-'))
  const [port, webPort, hubPort, leafPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const { path } = await findNatsServer()
  const serve = async (name: string, lines: readonly string[]) => {
    const file = join(folder, `${name}.conf`)
    await writeFile(file, [`server_name: ${name}`, 'max_payload: 8MB', ...lines].join('\n'))
    servers.push(spawn(path, ['-c', file], { stdio: 'ignore' }))
  }
  // As the page has them, with the ports and addresses of this host.
  const [hub = '', leaf = ''] = await blocks()
  const here = (text: string) =>
    text
      .replaceAll('wss://leaf:LEAF-SECRET@bus.example.org:443', `ws://leaf:LEAF-SECRET@127.0.0.1:${webPort}`)
      .replaceAll('port: 8080', `host: 127.0.0.1, port: ${webPort}`)
      .replaceAll('port: 7422', `host: 127.0.0.1, port: ${hubPort}`)
  await serve('hub', [
    `host: 127.0.0.1\nport: ${port}`,
    `jetstream { store_dir: ${JSON.stringify(join(folder, 'data'))}, max_file_store: 64GB }`,
    'authorization { token: "secret" }',
    here(hub),
  ])
  await serve('leaf', [`host: 127.0.0.1\nport: ${leafPort}`, 'authorization { token: "local" }', here(leaf)])
  const server = `nats://secret@127.0.0.1:${port}`
  const start = async (...[name, args]: Parameters<typeof spawnActor>) => {
    actors.push(await spawnActor(name, ['--log-level', 'warn', ...args], { stdio: 'ignore' }))
  }
  await Promise.all([start('driver', ['--server', server]), start('optimizer', ['--server', server])])
  const ofWorker = ['--server', `nats://local@127.0.0.1:${leafPort}`, '--cache', join(folder, 'bundles')]
  await start('worker', [...ofWorker, '--id', 'behind'])
  const context = optimization({
    optimizer: 'random',
    space: { x: space.double(0, 1) },
    trials: 2,
    metric: 'value',
    direction: 'maximize',
  })
  const { trials } = await lagom(crashing, context, { server })
  // Its first attempt crashes once it has saved itself: the second one goes on from there.
  expect(trials[0]).toMatchObject({ state: 'done', attempts: 2, worker: 'behind', metrics: { from: 7 } })
  expect(trials[1]).toMatchObject({ state: 'done', attempts: 1, worker: 'behind' })
})

/** Of that section: the hub's, and the leaf's. */
async function blocks(): Promise<string[]> {
  const page = await readFile(join(packageRoot(), 'deploy', 'CLUSTER.md'), 'utf8')
  const section = page.slice(page.indexOf('## Workers behind NAT'))
  return [...section.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
}
