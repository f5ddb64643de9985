import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { codeOf, log, subjectFor } from '../../protocol/index.ts'
import { connectNats, readServerInfo, type Bus, type BusStatus, type Fault } from '../../src/bus/index.ts'
import { busContract } from '../contract/bus.contract.ts'
import { block } from '../support/block.ts'
import { startProxy } from '../support/proxy.ts'
import { freePort, startTestServer, type TestServer } from '../support/server.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function serverFor(options: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const server = await startTestServer(options)
  cleanups.push(() => server.stop())
  return server
}

async function busFor(options: Parameters<typeof connectNats>[0]): Promise<Bus> {
  const bus = await connectNats(options)
  cleanups.push(() => bus.close())
  return bus
}

const codeFrom = (work: Promise<unknown>): Promise<string | undefined> => work.then(() => 'no error', codeOf)

async function until(bus: Bus, status: BusStatus): Promise<void> {
  if (bus.status === status) return
  await new Promise<void>((resolve) => {
    const off = bus.onStatus((now) => {
      if (now !== status) return
      off()
      resolve()
    })
  })
}

busContract('the NATS bus', async () => {
  const server = await startTestServer()
  let faults = 0
  const connect = (name: string): Promise<Bus> =>
    connectNats({
      server: server.url,
      name,
      onFault: (fault) => {
        if (fault.kind === 'handler') faults += 1
      },
    })
  const [a, b] = await Promise.all([connect('a'), connect('b')])
  return {
    a,
    b,
    outage: async () => {
      await server.kill()
      await Promise.all([until(a, 'disconnected'), until(b, 'disconnected')])
    },
    restore: async () => {
      await server.start()
      await Promise.all([until(a, 'connected'), until(b, 'connected')])
    },
    faults: () => faults,
    end: async () => {
      await Promise.all([a.close(), b.close()])
      await server.stop()
    },
  }
})

describe('the first connection', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ token: 's3cret', jetstream: false })
  })
  afterAll(() => server.stop())

  test('names a server that is not there', async () => {
    const port = await freePort()
    const error = await connectNats({ server: `nats://s3cret@127.0.0.1:${port}` }).catch((e: unknown) => e)
    expect(codeOf(error)).toBe('BUS_UNREACHABLE')
    expect(String(error)).toContain(`nats://127.0.0.1:${port}`)
    expect(String(error)).not.toContain('s3cret')
  })

  test('names a server that does not answer', async () => {
    const silent = createServer(() => {})
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : undefined
    expect(await codeFrom(connectNats({ server: `127.0.0.1:${port}`, connectTimeoutMs: 100 }))).toBe('BUS_UNREACHABLE')
    silent.close()
  })

  test('is refused without the token or with a wrong one, and accepted with it, in the address or beside it', async () => {
    const plain = `127.0.0.1:${server.port}`
    expect(await codeFrom(connectNats({ server: plain }))).toBe('BUS_UNAUTHORIZED')
    expect(await codeFrom(connectNats({ server: plain, token: 'wrong' }))).toBe('BUS_UNAUTHORIZED')
    expect((await busFor({ server: server.url })).status).toBe('connected')
    expect((await busFor({ server: plain, token: 's3cret' })).server).toBe(`nats://${plain}`)
  })

  test('finds no JetStream where there is none', async () => {
    const bus = await busFor({ server: server.url })
    expect(await codeFrom(bus.streams.ensure())).toBe('BUS_NO_JETSTREAM')
    expect(await codeFrom(bus.blobs.has('b', 'x'))).toBe('BUS_NO_JETSTREAM')
    expect(await readServerInfo({ server: server.url })).toMatchObject({ jetstream: false })
  })

  test('refuses a server that is too old', async () => {
    const info = { server_id: 'old', version: '2.9.10', headers: true, max_payload: 1048576, proto: 1 }
    const old = createServer((socket) => {
      socket.write(`INFO ${JSON.stringify(info)}\r\n`)
      socket.on('data', (chunk) => {
        if (chunk.toString().includes('PING')) socket.write('PONG\r\n')
      })
      socket.on('error', () => {})
    })
    old.listen(0, '127.0.0.1')
    await once(old, 'listening')
    const address = old.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const error = await connectNats({ server: `127.0.0.1:${port}` }).catch((e: unknown) => e)
    expect(codeOf(error)).toBe('BUS_TOO_OLD')
    expect(String(error)).toContain('2.9.10')
    expect((await readServerInfo({ server: `127.0.0.1:${port}` })).version).toBe('2.9.10')
    old.close()
  })
})

test('ensure makes the streams once, and smaller ones where the store is small', async () => {
  const server = await serverFor({ store: 256 * 2 ** 20 })
  const bus = await busFor({ server: server.url })
  await bus.streams.ensure()
  await bus.streams.ensure()
  const subject = subjectFor(log, { experiment: 'e' })
  expect(await bus.streams.append(subject, new Uint8Array([1]), { expectedLast: 0 })).toBe(1)
  await bus.blobs.put('maggy-bundles', 'x', new Uint8Array(1000))
  expect(await bus.blobs.has('maggy-bundles', 'x')).toBe(true)
})

test('what was acknowledged outlives a server that is killed', async () => {
  const server = await serverFor({ synced: true })
  const bus = await busFor({ server: server.url })
  await bus.streams.ensure()
  const subject = subjectFor(log, { experiment: 'e' })
  let last = 0
  for (let i = 0; i < 50; i += 1) last = await bus.streams.append(subject, new Uint8Array([i]), { expectedLast: last })
  await server.kill()
  await until(bus, 'disconnected')
  await server.start()
  await until(bus, 'connected')
  expect(await bus.streams.last('log', subject)).toMatchObject({ sequence: 50 })
  expect(await bus.streams.append(subject, new Uint8Array([50]), { expectedLast: last })).toBe(51)
})

test('a follower that meets a server killed again and again misses nothing and gets nothing twice', async () => {
  const server = await serverFor({ synced: true })
  const writer = await busFor({ server: server.url })
  const reader = await busFor({ server: server.url })
  await writer.streams.ensure()
  const subject = subjectFor(log, { experiment: 'e' })
  const controller = new AbortController()
  const got: number[] = []
  const following = (async () => {
    for await (const entry of reader.streams.follow('log', subject, { signal: controller.signal })) {
      got.push(entry.sequence)
      if (got.length === 60) controller.abort()
    }
  })()
  let last = 0
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < 20; i += 1)
      last = await writer.streams.append(subject, new Uint8Array(8), { expectedLast: last })
    await server.kill()
    await until(writer, 'disconnected')
    await server.start()
    await until(writer, 'connected')
  }
  await following
  expect(got).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
})

test('a server that is stopped (half open) is noticed, and taken up again when it goes on', async () => {
  const server = await serverFor()
  const faults: Fault[] = []
  const bus = await busFor({
    server: server.url,
    watchdogMs: 100,
    connectTimeoutMs: 300,
    onFault: (fault) => faults.push(fault),
  })
  bus.subscribe('silence', () => {})
  await bus.flush()
  const waiting = codeFrom(bus.request('silence', new Uint8Array(), { timeoutMs: 60_000 }))
  server.freeze()
  expect(await waiting).toBe('BUS_DISCONNECTED')
  expect(bus.publish('x', new Uint8Array())).toBe('void')
  server.thaw()
  await until(bus, 'connected')
  expect(await codeFrom(bus.request('silence', new Uint8Array(), { timeoutMs: 50 }))).toBe('BUS_TIMEOUT')
  expect(faults.map((fault) => fault.kind)).toContain('deaf')
})

const answerer = `
  const { connect } = require('nats')
  const { parentPort, workerData } = require('node:worker_threads')
  void connect({ servers: workerData }).then(async (connection) => {
    connection.subscribe('late', { callback: (error, message) => message.respond(message.data) })
    await connection.flush()
    parentPort.postMessage('ready')
  })`

test('an answer that came in time is heard, though this thread was held up until after its time limit', async () => {
  const server = await serverFor()
  const bus = await busFor({ server: server.url })
  const thread = new Worker(answerer, { eval: true, workerData: `127.0.0.1:${server.port}` })
  cleanups.push(async () => void (await thread.terminate()))
  await once(thread, 'message')
  for (let count = 0; count < 5; count++) {
    const answer = bus.request('late', new Uint8Array([count]), { timeoutMs: 100 })
    // The request goes out.
    await turn()
    await turn()
    block(400)
    expect((await answer)[0]).toBe(count)
  }
  bus.subscribe('silence', () => {})
  await bus.flush()
  const silence = codeFrom(bus.request('silence', new Uint8Array(), { timeoutMs: 100 }))
  block(400)
  expect(await silence).toBe('BUS_TIMEOUT')
})

test('a connection whose read loop died, though it is open, is built anew with its subscriptions', async () => {
  const server = await serverFor()
  const proxy = await startProxy(server.port)
  cleanups.push(() => proxy.stop())
  const bus = await busFor({ server: `127.0.0.1:${proxy.port}`, watchdogMs: 100 })
  const other = await busFor({ server: server.url })
  const heard: number[] = []
  let wake = (): void => {}
  bus.subscribe('x', (delivery) => {
    heard.push(delivery.data[0] ?? -1)
    wake()
  })
  await bus.flush()
  // Such bytes make the client's parser throw, and its read loop ends without a word.
  proxy.inject('\0\0 no protocol \r\n')
  await until(bus, 'disconnected')
  await until(bus, 'connected')
  await bus.flush()
  const woken = new Promise<void>((resolve) => {
    wake = resolve
  })
  other.publish('x', new Uint8Array([1]))
  await woken
  expect(heard).toEqual([1])
  expect(proxy.connections()).toBeGreaterThan(1)
})

test('a connection that carries nothing back is given up, and what it would still bring is not heard twice', async () => {
  const server = await serverFor()
  const proxy = await startProxy(server.port)
  cleanups.push(() => proxy.stop())
  const bus = await busFor({ server: `127.0.0.1:${proxy.port}`, watchdogMs: 100 })
  proxy.mute()
  await until(bus, 'disconnected')
  await until(bus, 'connected')
  await bus.flush()
  expect(proxy.connections()).toBe(2)
})

test('a host whose clock is set back by an hour comes back all the same', async () => {
  const server = await serverFor({ jetstream: false })
  const bus = await busFor({ server: server.url })
  vi.useFakeTimers({ toFake: ['Date'] })
  cleanups.push(() => Promise.resolve(void vi.useRealTimers()))
  vi.setSystemTime(Date.now() - 3_600_000)
  await server.kill()
  await until(bus, 'disconnected')
  await server.start()
  await until(bus, 'connected')
})

test('closing during an outage ends the tries to connect', async () => {
  const server = await serverFor()
  const bus = await connectNats({ server: server.url })
  await server.kill()
  await until(bus, 'disconnected')
  await bus.close()
  expect(bus.status).toBe('closed')
})

test('a connection that is being closed takes no more, says so in words of ours, and answers what it was asked', async () => {
  const server = await serverFor()
  const bus = await connectNats({ server: server.url })
  const other = await busFor({ server: server.url })
  const asked = new Promise<void>((resolve) => {
    // It is still answering when it is closed.
    bus.subscribe('x', async (delivery) => {
      resolve()
      await once(closed, 'closed')
      delivery.respond(new Uint8Array([1]))
    })
  })
  const closed = new EventEmitter()
  await bus.flush()
  const answered = other.request('x', new Uint8Array(), { timeoutMs: 10_000 })
  await asked
  const closing = bus.close()
  expect(bus.publish('y', new Uint8Array())).toBe('void')
  expect(await codeFrom(bus.request('y', new Uint8Array(), { timeoutMs: 100 }))).toBe('BUS_CLOSED')
  expect(() => bus.subscribe('y', () => {})).toThrow(expect.objectContaining({ code: 'BUS_CLOSED' }))
  closed.emit('closed')
  await closing
  expect([...(await answered)]).toEqual([1])
})
