/** A ring over a real nats-server: what the in-memory bus cannot show. */
import { afterEach, describe, expect, test } from 'vitest'
import { chunk, subjectFor, type RingAlgorithm, type RingEncoding } from '../../protocol/index.ts'
import { systemClock } from '../../src/actor/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { createRing, type Reduced, type RingOutcome } from '../../src/ring/index.ts'
import { bitsOf, meanOf, planFor, valueOf, vectorOf } from '../ring/support.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const timing = { hopMinMs: 250, hopMaxMs: 2_000, silentMs: 10_000, absentMs: 2_000 }

async function ringOf(members: number, algorithm: RingAlgorithm, encoding: RingEncoding = 'float32') {
  const server: TestServer = await startTestServer({ jetstream: false, maxPayload: 8 * 2 ** 20 })
  cleanups.push(() => server.stop())
  const buses: Bus[] = await Promise.all(Array.from({ length: members }, (_, rank) => server.connect(`w${rank}`)))
  cleanups.push(async () => {
    await Promise.all(buses.map((bus) => bus.close()))
  })
  const rings = buses.map((bus, rank) => {
    const plan = planFor(rank, members, { algorithm, encoding, chunkBytes: 2 ** 18, window: 4, timing })
    return createRing({ bus, ring: 'r', plan, clock: systemClock })
  })
  await Promise.all(buses.map((bus) => bus.flush()))
  const reduce = (step: number, length: number): Promise<RingOutcome<Reduced>[]> =>
    Promise.all(rings.map((ring, rank) => ring.allReduce(step, vectorOf(rank, length), rank + 1)))
  return { server, buses, rings, reduce }
}

describe.each([
  ['ring', 'float32'],
  ['ring', 'bfloat16'],
  ['ring', 'int8'],
  ['direct', 'float32'],
  ['direct', 'int8'],
] as const)('%s, %s, over a real server', (algorithm, encoding) => {
  test('a million elements come to the same bits on three members', async () => {
    const { reduce } = await ringOf(3, algorithm, encoding)
    const length = 1_000_001
    for (const step of [0, 1]) {
      const results = (await reduce(step, length)).map(valueOf)
      const first = results[0]?.vector ?? new Float32Array()
      for (const { vector } of results) expect(bitsOf(vector).equals(bitsOf(first))).toBe(true)
      const wanted = meanOf(
        [0, 1, 2].map((rank) => vectorOf(rank, length)),
        [1, 2, 3],
      )
      const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (first[i] ?? NaN))), 0)
      expect(worst).toBeLessThan({ float32: 1e-4, bfloat16: 1, int8: 2 }[encoding])
    }
  })
})

test.each(['ring', 'direct'] as const)('%s: a server that is killed in a step and started again', async (algorithm) => {
  const { server, buses, reduce } = await ringOf(3, algorithm)
  const length = 3_000_000
  const whole = (await reduce(0, length)).map(valueOf)
  const wanted = Buffer.from(bitsOf(whole[0]?.vector ?? new Float32Array()))
  const underWay = new Promise<void>((resolve) => {
    // A chunk of the step on its way: nobody has to answer what this hears.
    const any = { worker: '*', ring: 'r', member: '*', generation: '*', rank: '*' }
    buses[0]?.subscribe(subjectFor(chunk, any), () => {
      resolve()
    })
  })
  await buses[0]?.flush()
  const running = reduce(1, length)
  await underWay
  await server.kill()
  await server.start()
  for (const outcome of await running) expect(bitsOf(valueOf(outcome).vector).equals(wanted)).toBe(true)
})

test('a member whose connection is gone is found out at once, by its code and its rank', async () => {
  const { buses, rings } = await ringOf(3, 'ring')
  await buses[2]?.close()
  const began = performance.now()
  const outcomes = await Promise.all(rings.slice(0, 2).map((ring, rank) => ring.allReduce(0, vectorOf(rank, 1000), 1)))
  expect(outcomes[1]).toMatchObject({ kind: 'fault', code: 'RING_PEER_LOST', suspect: 2 })
  expect(outcomes[0]?.kind).toBe('fault')
  expect(performance.now() - began).toBeLessThan(30_000)
})
