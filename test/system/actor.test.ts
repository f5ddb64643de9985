import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeOf } from '../../protocol/index.ts'
import { actorEntry, exitCodes, packageRoot, spawnEntry } from '../../src/actor/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { freePort, startTestServer, type TestServer } from '../support/server.ts'

const entry = join(packageRoot(), 'dist', 'test', 'support', 'echo-actor.js')
const orphanParent = join(packageRoot(), 'dist', 'test', 'support', 'orphan-parent.js')
let server: TestServer
let bus: Bus

beforeAll(async () => {
  server = await startTestServer()
  bus = await server.connect()
})
afterAll(async () => {
  await bus.close()
  await server.stop()
})

/** Runs it without a parent's channel, as a person would. */
async function runByHand(...args: string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stderr }
}

test('an actor is ready when its parent hears so, answers, and drains on SIGTERM with exit code 0', async () => {
  const child = await spawnEntry(entry, ['--server', server.url, '--id', 'e1'])
  expect(child.id).toBe('e1')
  expect(await bus.request('echo.e1', new Uint8Array([5]), { timeoutMs: 5_000 })).toEqual(Uint8Array.from([5]))
  expect(await child.stop()).toBe(exitCodes.done)
  expect(child.stderrTail()).toContain('drained: SIGTERM')
})

test('a second signal ends at once an actor that is slow to drain', async () => {
  const child = await spawnEntry(entry, ['--server', server.url, '--slow'])
  child.process.kill('SIGTERM')
  await new Promise<void>((resolve) => {
    child.process.stderr?.on('data', () => {
      if (child.stderrTail().includes('draining')) resolve()
    })
  })
  child.process.kill('SIGINT')
  expect(await child.exited).toEqual({ code: exitCodes.interrupted, signal: null })
})

test.each([
  ['that can be drained ends in order', 'unready', exitCodes.done, 'drained: SIGTERM'],
  ['that cannot be drained yet ends all the same', 'never', exitCodes.terminated, 'still starting'],
])('on SIGTERM an actor that is not ready %s', async (_, starts, code, said) => {
  const child = spawn(process.execPath, [entry, '--server', server.url, '--starts', starts], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    if (!stderr.includes('starting') && chunk.toString().includes('starting')) child.kill('SIGTERM')
    stderr += chunk.toString()
  })
  expect(await once(child, 'close')).toEqual([code, null])
  expect(stderr).toContain(said)
  expect(stderr).not.toContain('"ready"')
})

test('what is slower than the grace period is killed', async () => {
  const child = await spawnEntry(entry, ['--server', server.url, '--slow'])
  expect(await child.stop(100)).toBeNull()
  expect((await child.exited).signal).toBe('SIGKILL')
})

test('an actor that ends by itself ends its process with 0', async () => {
  const child = await spawnEntry(entry, ['--server', server.url, '--id', 'e2', '--end'])
  await bus.request('echo.e2', new Uint8Array(), { timeoutMs: 5_000 })
  expect(await child.exited).toEqual({ code: exitCodes.done, signal: null })
})

test('a parent that is killed leaves no actor behind', async () => {
  const parent = spawn(process.execPath, [orphanParent, entry, '--server', server.url, '--id', 'e3'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  expect(() => process.kill(pid, 0)).not.toThrow()
  parent.kill('SIGKILL')
  await expect.poll(() => isThere(pid), { timeout: 30_000 }).toBe(false)
})

test('a server that is not there is named, with the remedy, and the exit code is 69', async () => {
  const url = `nats://127.0.0.1:${await freePort()}`
  const { code, stderr } = await runByHand('--server', url, '--connect-timeout', '0')
  expect(code).toBe(exitCodes.unavailable)
  expect(stderr).toContain(url)
  expect(stderr).toContain('maggy server')
  const asChild = spawnEntry(entry, ['--server', url, '--connect-timeout', '0'])
  expect(await asChild.then(() => 'ready', codeOf)).toBe('BUS_UNREACHABLE')
})

test('an actor that is started before its server waits for it', async () => {
  const late = await startTestServer()
  await late.kill()
  const starting = spawnEntry(entry, ['--server', late.url, '--id', 'early'])
  await late.start()
  const child = await starting
  expect(child.id).toBe('early')
  await child.stop()
  await late.stop()
})

test('an actor whose server goes away while it starts waits for it, and is ready when it is back (36)', async () => {
  const own = await startTestServer()
  const child = spawn(process.execPath, [entry, '--server', own.url, '--starts', 'cut'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const stderr = wordsOf(child)
  await stderr.until('starting')
  await own.kill()
  await stderr.until('waiting for it')
  await own.start()
  await stderr.until('"ready"')
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([exitCodes.done, null])
  await own.stop()
})

test.each(['driver', 'optimizer', 'ablator'])(
  '%s: told to end while its server is gone, it ends in order, and in words (36)',
  async (name) => {
    const own = await startTestServer()
    const child = spawn(process.execPath, [actorEntry(name), '--server', own.url], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const stderr = wordsOf(child)
    await stderr.until('"ready"')
    await own.kill()
    await stderr.until('lost the connection')
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([exitCodes.done, null])
    expect(stderr.text()).toContain('"ended"')
    expect(stderr.text()).not.toMatch(/CONNECTION_|a fault of maggy/)
    await own.stop()
  },
)

test('a wrong option ends with 2, an unexpected error with 70', async () => {
  expect((await runByHand('--colour')).code).toBe(exitCodes.usage)
  expect((await runByHand('--id', 'a.b')).code).toBe(exitCodes.usage)
  const failed = await runByHand('--server', server.url, '--fail', 'no luck')
  expect(failed.code).toBe(exitCodes.internal)
  expect(failed.stderr).toContain('no luck')
})

/** What a process says, and a wait for a word of it; rejects when the process ends without it. */
function wordsOf(child: ChildProcess): { text(): string; until(word: string): Promise<void> } {
  let text = ''
  const waits = new Set<() => void>()
  const wake = () => {
    for (const wait of waits) wait()
  }
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    wake()
  })
  child.once('close', wake)
  return {
    text: () => text,
    until: (word) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (text.includes(word)) resolve()
          else if (child.exitCode !== null) reject(new Error(`it ended without saying ${word}: ${text}`))
          else return
          waits.delete(look)
        }
        waits.add(look)
        look()
      }),
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('an actor that nobody waits for any more is ended while it starts', async () => {
  const nobody = new AbortController()
  const starting = spawnEntry(entry, ['--server', server.url, '--starts', 'never'], {
    signal: nobody.signal,
    readyTimeoutMs: 2 ** 30,
  })
  nobody.abort()
  await expect(starting).rejects.toMatchObject({ code: 'INTERNAL' })
})
