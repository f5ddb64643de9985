/** A member of a cluster that cannot be one: on a folder that is not a member's, among servers that refuse it, without most of the others. */
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectNats } from '../../src/bus/index.ts'
import { streamsShortOf } from '../../src/server/copies.ts'
import { startServer, type RunningServer } from '../../src/server/index.ts'
import { maggy, until, type Running } from '../support/cli.ts'
import { startTestCluster } from '../support/cluster.ts'
import { freePort } from '../support/server.ts'

const token = 'secret'
let folder = ''
const servers: RunningServer[] = []
const commands: Running[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-member-'))
  await writeFile(join(folder, 'token'), token)
})
afterEach(async () => {
  for (const { process } of commands.splice(0)) {
    if (process.exitCode !== null || process.signalCode !== null) continue
    process.kill('SIGKILL')
    await once(process, 'exit')
  }
  await Promise.all(servers.splice(0).map((server) => server.stop()))
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
})

async function started(options: Parameters<typeof startServer>[0]): Promise<RunningServer> {
  const server = await startServer({ port: 0, token, ...options })
  servers.push(server)
  return server
}

const stopped = async (server: RunningServer): Promise<void> => {
  servers.splice(servers.indexOf(server), 1)
  await server.stop()
}

/** A member of a cluster of three, the others of which do not run. */
async function lonely(member: string) {
  const others = await Promise.all([freePort(), freePort()])
  const routes = others.map((port) => `127.0.0.1:${port}`).join(',')
  return { name: 'test', member, peerPort: await freePort(), routes }
}

async function withStreams(server: RunningServer): Promise<void> {
  const bus = await connectNats({ server: server.url })
  await bus.streams.ensure()
  await bus.close()
}

/** Names of all files that a refusal must not add to, and what is in those that it could write. */
async function contentOf(data: string): Promise<unknown> {
  const names = (await readdir(data, { recursive: true })).filter((name) => name !== 'server.lock')
  const files = ['token', 'nats-server.conf', 'nats-server.json'].map((name) => readFile(join(data, name), 'utf8'))
  return { names: names.toSorted(), files: await Promise.all(files) }
}

test('the streams of a server alone are no beginning for a member (I1 of data-folder.ts): it is refused, and nothing there changes', async () => {
  const data = join(folder, 'alone')
  const alone = await started({ data })
  await withStreams(alone)
  await stopped(alone)
  const before = await contentOf(data)
  const cluster = await lonely('n1')
  await expect(startServer({ port: 0, token: 'other', data, cluster })).rejects.toMatchObject({
    code: 'BUS_DATA_ALONE',
    details: { directory: data, streams: expect.stringContaining('MAGGY_LOG') as string },
  })
  expect(await contentOf(data)).toEqual(before)
  const again = await started({ data })
  await withStreams(again)
  const flags = ['--cluster', 'test', '--name', 'n1', '--routes', cluster.routes, '--data', data]
  await stopped(again)
  const { code, stderr } = await maggy(['server', '--token-file', join(folder, 'token'), '--port', '0', ...flags])
  expect(stderr).toMatch(
    /^the folder .* is of a server without a cluster: .*MAGGY_LOG.*\n {2}begin with an empty folder/,
  )
  expect(code).toBe(2)
})

test('a folder in which a server alone has kept nothing will do for a member, and then for no server alone (I2 of data-folder.ts)', async () => {
  const data = join(folder, 'either')
  await stopped(await started({ data }))
  const cluster = await lonely('n1')
  await stopped(await started({ data, cluster }))
  await expect(startServer({ port: 0, token, data })).rejects.toMatchObject({
    code: 'BUS_DATA_CLUSTERED',
    details: { directory: data },
  })
  await stopped(await started({ data, cluster }))
})

test('a member with streams of its cluster starts again as such, and not alone; which copies are missing is seen', async () => {
  const cluster = await startTestCluster({ folder })
  try {
    const bus = await cluster.connect()
    await bus.streams.ensure()
    expect(await streamsShortOf(bus, 3, 60_000)).toEqual([])
    await cluster.terminate(0)
    const data = join(folder, cluster.names[0] ?? '')
    await expect(startServer({ port: 0, token, data })).rejects.toMatchObject({ code: 'BUS_DATA_CLUSTERED' })
    await expect.poll(() => streamsShortOf(bus, 3, 0), { timeout: 60_000 }).toContain('MAGGY_LOG (2)')
    await cluster.start(0)
    expect(await streamsShortOf(bus, 3, 60_000)).toEqual([])
    await bus.close()
  } finally {
    await cluster.stop()
  }
})

test('without most of its members, a cluster has the member, commands and actors say that it has no leader long before they give up', async () => {
  const said: string[] = []
  const alone = await started({
    data: join(folder, 'n1'),
    cluster: await lonely('n1'),
    onNotice: (text) => said.push(text),
  })
  const access = ['--server', `nats://127.0.0.1:${alone.port}`, '--token-file', join(folder, 'token')]
  commands.push(maggy(['ls', '--json', ...access]), maggy(['driver', ...access]))
  const heard = commands.map(({ process }) => {
    let text = ''
    process.stderr?.on('data', (part: Buffer) => (text += part.toString()))
    return () => text
  })
  await until(() => heard.every((text) => text() !== '') && said.length > 0)
  expect(said).toEqual([expect.stringMatching(/^no other member of the cluster test is reached \(--routes /)])
  for (const text of heard) expect(text()).toMatch(/the cluster of .* has no leader for .*; it is waited for/)
  expect(commands[0]?.said()).toBe('')
})

test('members with different tokens, and two of one name, say that they refuse each other', async () => {
  const said: Record<string, string[]> = { n1: [], other: [], twin: [] }
  const peerPort = await freePort()
  const routes = `127.0.0.1:${peerPort}`
  const start = async (key: string, member: string, port: number, shown = token): Promise<void> => {
    const cluster = { name: 'test', member, peerPort: port, routes }
    await started({ data: join(folder, key), token: shown, cluster, onNotice: (text) => said[key]?.push(text) })
  }
  await start('n1', 'n1', peerPort)
  await start('other', 'n2', await freePort(), 'another')
  await start('twin', 'n1', await freePort())
  const has = (key: string, text: string) => said[key]?.some((one) => one.includes(text)) === true
  await until(
    () => has('n1', 'another secret') && has('other', 'another secret') && has('twin', 'has the name n1, too'),
  )
  for (const texts of Object.values(said)) expect(new Set(texts).size).toBe(texts.length)
})
