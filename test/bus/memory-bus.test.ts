import { TestClock } from '../support/clock.ts'
import { expect, test } from 'vitest'
import { codeOf } from '../../protocol/index.ts'
import { createMemoryNetwork, subjectMatches } from '../../src/bus/index.ts'
import { busContract } from '../contract/bus.contract.ts'

busContract('the in-memory bus', async () => {
  let faults = 0
  const network = createMemoryNetwork({ onFault: () => (faults += 1) })
  return {
    a: network.connect('a'),
    b: network.connect('b'),
    outage: async () => {
      network.outage()
    },
    restore: async () => {
      network.restore()
    },
    faults: () => faults,
    end: async () => {},
  }
})

test('a timeout waits for the clock it was given, and for nothing else', async () => {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const bus = network.connect()
  bus.subscribe('silence', () => {})
  const code = bus.request('silence', new Uint8Array(), { timeoutMs: 3_600_000 }).catch(codeOf)
  await network.settled()
  clock.increment(3_600_000)
  expect(await code).toBe('BUS_TIMEOUT')
})

test('one connection may be cut while the others go on', async () => {
  const network = createMemoryNetwork()
  const [a, b] = [network.connect('a'), network.connect('b')]
  b.subscribe('x', (delivery) => {
    delivery.respond(new Uint8Array([1]))
  })
  network.outage(b)
  expect(await a.request('x', new Uint8Array(), { timeoutMs: 100 }).catch(codeOf)).toBe('BUS_NO_RESPONDERS')
  network.restore(b)
  expect(await a.request('x', new Uint8Array(), { timeoutMs: 100 })).toHaveLength(1)
})

test('a stream of the in-memory bus forgets the oldest over its limit', async () => {
  const bus = createMemoryNetwork({ maxStreamBytes: 30 }).connect()
  await bus.streams.ensure()
  for (let i = 0; i < 5; i += 1) {
    await bus.streams.record('maggy.v1.worker.w.metrics.e.0', new Uint8Array(10).fill(i), { id: String(i) })
  }
  const kept: number[] = []
  for await (const entry of bus.streams.read('telemetry', '>')) kept.push(entry.sequence)
  expect(kept).toEqual([3, 4, 5])
})

test('* stands for one token, > for one or more at the end', () => {
  expect(subjectMatches('a.*.c', 'a.b.c')).toBe(true)
  expect(subjectMatches('a.*', 'a.b.c')).toBe(false)
  expect(subjectMatches('a.>', 'a.b.c')).toBe(true)
  expect(subjectMatches('a.>', 'a')).toBe(false)
  expect(subjectMatches('a.*', 'a')).toBe(false)
  expect(subjectMatches('a', 'a.b')).toBe(false)
})

test('a full log of the in-memory bus refuses what comes, as JetStream does, and takes it again once there is room', async () => {
  const network = createMemoryNetwork()
  const bus = network.connect()
  await bus.streams.ensure()
  network.limit('log', 25)
  const append = (expectedLast: number) => bus.streams.append('maggy.v1.log.e', new Uint8Array(10), { expectedLast })
  expect(await append(0)).toBe(1)
  expect(await append(1)).toBe(2)
  expect(await append(2).catch(codeOf)).toBe('BUS_FULL')
  expect(await bus.streams.last('log', 'maggy.v1.log.e')).toMatchObject({ sequence: 2 })
  network.limit('log', 100)
  expect(await append(2)).toBe(3)
})
