/** Chunks that come before their time: as many are kept as there is room for, and the others wait with their sender (G9). */
import { expect, test } from 'vitest'
import { codeOf, type Chunk } from '../../protocol/index.ts'
import { createMemoryNetwork, type Bus } from '../../src/bus/index.ts'
import type { Collective } from '../../src/ring/collective.ts'
import { createQueue } from '../../src/ring/queue.ts'
import { TestClock } from '../support/clock.ts'
import { bitsOf, elapse, ringOn, valueOf, vectorOf } from './support.ts'

const length = 200
/** Of the 800 that a vector has. */
const maxEarlyBytes = 150

test.each(['ring', 'direct'] as const)(
  'a rank that computes for a minute is waited for, however large the vector is (%s)',
  async (algorithm) => {
    const clock = new TestClock()
    const network = createMemoryNetwork({ clock })
    const chunks = [0, 0, 0]
    const wrap = (bus: Bus, rank: number): Bus => ({
      ...bus,
      get status() {
        return bus.status
      },
      request: async (subject, data, options) => {
        if (subject.endsWith('.chunk')) chunks[rank] = (chunks[rank] ?? 0) + 1
        return await bus.request(subject, data, options)
      },
    })
    const { rings } = ringOn(network, 3, { algorithm }, { clock, wrap, maxEarlyBytes })
    const begin = (rank: number) => rings[rank]!.allReduce(0, vectorOf(rank, length), rank + 1)
    const early = [begin(0), begin(1)]
    for (let turn = 0; turn < 240; turn += 1) {
      await network.settled()
      clock.increment(250)
    }
    expect(rings.map(({ fault }) => fault?.code)).toEqual([undefined, undefined, undefined])
    // What has to wait is not sent again all the time: one chunk to each of the others, a few times a second.
    for (const count of chunks) expect(count).toBeLessThan(60 * 3 * 2)
    const results = (await elapse(network, clock, [...early, begin(2)])).map(valueOf)
    for (const { vector, weight } of results) {
      expect(bitsOf(vector)).toEqual(bitsOf(results[0]!.vector))
      expect(weight).toBe(6)
    }
  },
)

test('a broadcast to a rank that is not there yet is waited for, however large it is', async () => {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const { rings } = ringOn(network, 3, {}, { clock, maxEarlyBytes: 1500 })
  const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i * 31)
  const sent = rings[0]!.broadcast(0, bytes)
  for (let turn = 0; turn < 240; turn += 1) {
    await network.settled()
    clock.increment(250)
  }
  const others = rings.slice(1).map((ring) => ring.broadcast(0))
  for (const outcome of await elapse(network, clock, [sent, ...others])) {
    expect(Buffer.from(valueOf(outcome)).equals(bytes)).toBe(true)
  }
})

const chunkOf = (step: number, index: number): Chunk => ({
  generation: 1,
  step,
  phase: 'reduce',
  hop: 0,
  index,
  from: 0,
  length,
  weight: 1,
  checksum: 0,
  data: new Uint8Array(100),
})

const refusal = (take: () => void): unknown => {
  try {
    take()
    return 'taken'
  } catch (error) {
    return codeOf(error)
  }
}

test('what is kept has a limit; a chunk that is kept already is taken all the same, and room comes back with its step', () => {
  const queue = createQueue<Collective>({ finished: -1, rank: 1, maxBytes: maxEarlyBytes, lockstep: true })
  const taken: string[] = []
  const collective: Collective = {
    begin: () => undefined,
    take: ({ step, index }) => taken.push(`${step}/${index}`),
    complete: true,
    awaited: () => [],
  }
  expect(refusal(() => queue.take(chunkOf(0, 0)))).toBe('taken')
  expect(refusal(() => queue.take(chunkOf(0, 1)))).toBe('RING_EARLY')
  expect(refusal(() => queue.take(chunkOf(0, 0)))).toBe('taken')
  queue.open(0, collective)
  expect(refusal(() => queue.take(chunkOf(0, 1)))).toBe('taken')
  expect(taken).toEqual(['0/0', '0/1'])
  expect(refusal(() => queue.take(chunkOf(1, 0)))).toBe('taken')
  queue.close()
  queue.open(1, collective)
  expect(taken).toEqual(['0/0', '0/1', '1/0'])
})

test('a chunk larger than all the room there is comes in once nothing else is kept', () => {
  const queue = createQueue<Collective>({ finished: -1, rank: 1, maxBytes: 50, lockstep: true })
  expect(refusal(() => queue.take(chunkOf(0, 0)))).toBe('taken')
  expect(refusal(() => queue.take(chunkOf(0, 1)))).toBe('RING_EARLY')
})

test('two others at different steps before this rank has come to either are no ring', () => {
  const queue = createQueue<Collective>({ finished: -1, rank: 1, maxBytes: 1000, lockstep: true })
  queue.take(chunkOf(1, 0))
  expect(refusal(() => queue.take(chunkOf(2, 0)))).toBe('RING_MISMATCH')
})
