import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runningServer, startServer, type ServerMessage } from '../../src/server/index.ts'
import { greeting } from '../../src/server/port.ts'
import { findNatsServer, identityOf, isAlive } from '../../src/setup/index.ts'

const main = fileURLToPath(new URL('../../dist/src/server/main.js', import.meta.url))
const children: ChildProcess[] = []
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-server-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
})

function start(...flags: string[]): { child: ChildProcess; message: Promise<ServerMessage>; errors: () => string } {
  const child = spawn(process.execPath, [main, ...flags], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  children.push(child)
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (part: string) => (text += part))
  const message = once(child, 'message').then(([first]) => first as ServerMessage)
  return { child, message, errors: () => text }
}

async function ready(message: Promise<ServerMessage>) {
  const told = await message
  if (!told.ready) throw new Error(told.problem.message)
  return { ...told, nats: identityOf(told.pid), at: new URL(told.url) }
}

async function gone(identity: ReturnType<typeof identityOf>): Promise<void> {
  await expect.poll(() => isAlive(identity), { timeout: 10_000, interval: 20 }).toBe(false)
}

test('it tells its parent the address, token and all, once it takes connections with JetStream', async () => {
  const { child, message } = start('--random', '--data', folder)
  const { at, nats } = await ready(message)
  expect(at.username.length).toBeGreaterThan(20)
  expect(await greeting(at.hostname, Number(at.port))).toMatchObject({ jetstream: true, max_payload: 8_388_608 })
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(isAlive(nats)).toBe(false)
})

test('it ends, and nats-server with it, when its parent lets go of the channel', async () => {
  const { child, message } = start('--random', '--data', folder)
  const { nats } = await ready(message)
  child.disconnect()
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(isAlive(nats)).toBe(false)
})

test('nats-server does not outlive a supervisor that was killed (I2), and the next one has the folder (I1, I3)', async () => {
  const first = start('--random', '--data', folder)
  const { nats } = await ready(first.message)
  first.child.kill('SIGKILL')
  const second = start('--random', '--data', folder)
  const next = await ready(second.message)
  await gone(nats)
  expect(isAlive(next.nats)).toBe(true)
})

test('it ends with the log of a nats-server that was killed', async () => {
  const { child, message, errors } = start('--random', '--data', folder)
  const { nats } = await ready(message)
  process.kill(nats.pid, 'SIGKILL')
  expect(await once(child, 'exit')).toEqual([1, null])
  expect(errors()).toMatch(/nats-server ended \(SIGKILL\):\n[^]*Server is ready/)
})

test('a port in use is said to be in use, with the remedy', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const { child, message, errors } = start('--port', String(port), '--data', folder)
  expect(await message).toMatchObject({ ready: false, problem: { code: 'BUS_PORT_IN_USE' } })
  await once(child, 'exit')
  expect(child.exitCode).toBe(2)
  expect(errors()).toBe(
    `port ${port} is in use\n  choose another with --port, or connect to the server that runs there with --server\n`,
  )
  holder.close()
})

test('a peer port in use is told from the port for clients', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const cluster = ['--cluster', 'c', '--routes', 'h1', '--token', 't', '--peer-port', String(port)]
  const { child, message, errors } = start('--random', '--data', folder, ...cluster)
  expect(await message).toMatchObject({ ready: false, problem: { code: 'BUS_PEER_PORT_IN_USE' } })
  expect(await once(child, 'exit')).toEqual([2, null])
  expect(errors()).toMatch(new RegExp(`^port ${port} is in use, .*\n  choose another with --peer-port`))
  holder.close()
})

test.each([
  [['--token-file', 'nofile'], /^--token-file: .*no such file.*nofile/],
  [['--token-file', tmpdir()], /^--token-file: .*directory/],
  [['--peer-port', '-1'], /^--peer-port: "-1" is no port/],
  [['--peer-port', '4333'], /^--peer-port: is the port of --port, too/],
  [['--monitor', '4333'], /^--monitor: is the port of --port, too/],
])('the options %j are refused by name, and not as a fault of maggy', async (flags, said) => {
  const cluster = ['--cluster', 'c', '--routes', 'h1', '--token', 't']
  const common = ['--port', '4333', '--data', folder]
  const given = flags[0] === '--token-file' ? [...common, ...flags] : [...common, ...cluster, ...flags]
  const { child, message, errors } = start(...given)
  expect(await message).toMatchObject({ ready: false, problem: { code: 'OPTION_INVALID' } })
  expect(await once(child, 'exit')).toEqual([2, null])
  expect(errors()).toMatch(said)
})

test('a data folder in use is refused with the process that uses it, and free when that has stopped', async () => {
  const first = await startServer({ port: 0, data: folder })
  const refusal = { code: 'BUS_BUSY', details: { pid: process.pid } }
  await expect(startServer({ port: 0, data: folder })).rejects.toMatchObject(refusal)
  const { child, message, errors } = start('--random', '--data', folder)
  expect(await message).toMatchObject({ ready: false, problem: { code: 'BUS_SERVER_THERE' } })
  expect(await once(child, 'exit')).toEqual([69, null])
  expect(errors()).toMatch(`a server runs in ${folder} already: process ${process.pid}\n  nothing needs to be done if`)
  await first.stop()
  const second = await startServer({ port: first.port, data: folder })
  expect(second.port).toBe(first.port)
  await second.stop()
})

test('the token is in files that only their owner reads, and who may read them finds the server while it runs', async () => {
  const server = await startServer({ port: 0, data: folder, token: 'secret' })
  const file = join(folder, 'nats-server.conf')
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
  expect(await readFile(file, 'utf8')).toContain('token: "secret"')
  expect(((await stat(join(folder, 'nats-server.json'))).mode & 0o777).toString(8)).toBe('600')
  expect(await runningServer(folder)).toBe(server.url)
  await server.stop()
  expect(await runningServer(folder)).toBeUndefined()
})

test('the configuration that is shipped is one that nats-server takes', async () => {
  const { path } = await findNatsServer()
  const file = fileURLToPath(new URL('../../deploy/nats-server.conf', import.meta.url))
  const { stderr } = await promisify(execFile)(path, ['-t', '-c', file])
  expect(stderr).toContain('is valid')
})
