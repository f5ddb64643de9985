/** A real nats-server for tests: in a folder of its own, on a random port, with JetStream; it may be stopped, frozen and killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectNats, type Bus } from '../../src/bus/index.ts'
import type { RunningServer } from '../../src/server/index.ts'
import { findNatsServer } from '../../src/setup/index.ts'

export interface TestServerOptions {
  token?: string
  jetstream?: boolean
  /** `sync_interval: always`, as the shipped configuration has it. Default: false, for speed. */
  synced?: boolean
  /** Bytes that JetStream may take. */
  store?: number
  maxPayload?: number
  name?: string
  port?: number
}

export interface TestServer {
  /** With the token in it, if there is one. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** kill -9, and gone when it resolves. */
  kill(): Promise<void>
  /** Starts it again, on the same port and the same data. */
  start(): Promise<void>
  freeze(): void
  thaw(): void
  connect(name?: string): Promise<Bus>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { path } = await findNatsServer()
  const directory = await mkdtemp(join(tmpdir(), 'maggy-test-'))
  const port = options.port ?? (await freePort())
  const { token, jetstream = true, synced = false, store, maxPayload } = options
  const storage = [`store_dir: ${JSON.stringify(directory)}`, synced ? 'sync_interval: always' : '']
  if (store !== undefined) storage.push(`max_file_store: ${store}`)
  const configuration = [
    'host: 127.0.0.1',
    `port: ${port}`,
    options.name === undefined ? '' : `server_name: ${options.name}`,
    token === undefined ? '' : `authorization { token: ${JSON.stringify(token)} }`,
    maxPayload === undefined ? '' : `max_payload: ${maxPayload}`,
    jetstream ? `jetstream {\n${storage.join('\n')}\n}` : '',
  ]
  const file = join(directory, 'nats.conf')
  await writeFile(file, `${configuration.join('\n')}\n`)
  const url = token === undefined ? `nats://127.0.0.1:${port}` : `nats://${token}@127.0.0.1:${port}`
  let child: ChildProcess | undefined

  const start = async (): Promise<void> => {
    const started = spawn(path, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    await ready(started)
  }
  const kill = async (): Promise<void> => {
    const running = child
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const gone = once(running, 'exit')
    running.kill('SIGKILL')
    await gone
  }
  await start()
  return {
    url,
    port,
    get pid() {
      return child?.pid ?? 0
    },
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    connect: (name = 'test') => connectNats({ server: url, name }),
    async stop() {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Resolves when the server says that it is ready; rejects with what it said if it ends before. */
function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    server.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-8192)
      if (said.includes('Server is ready')) resolve()
    })
    server.once('error', reject)
    server.once('exit', (code) => {
      reject(new Error(`nats-server ended with ${String(code)}: ${said}`))
    })
  })
}

/** Systems give ports above these to whoever asks for any: a server that is started again would find its own taken. */
const firstPort = 10_240
const lastPort = 32_000

/** A port that was free a moment ago, and that no system gives away unasked. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, lastPort)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(port, '127.0.0.1')
    await once(probe, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
  probe.close()
  await once(probe, 'close')
  return true
}

/** Signals until it has ended for good: one whose disk was full may just be started again. */
export async function endServer(server: RunningServer, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const gone = server.ended.then(() => true)
  do {
    try {
      process.kill(server.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  } while (!(await Promise.race([gone, sleep(500, false)])))
}
