import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TestClock } from '../support/clock.ts'
import type { RingAlgorithm, RingEncoding } from '../../protocol/index.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import { bitsOf, meanOf, ringOn, valueOf, vectorOf } from './support.ts'

const algorithms: RingAlgorithm[] = ['ring', 'direct']
const encodingNames: RingEncoding[] = ['float32', 'bfloat16', 'int8']
const cases = algorithms.flatMap((algorithm) => encodingNames.map((encoding) => [algorithm, encoding] as const))
/** Of the largest value there is: what the encodings may lose at one hop. */
const loss = { float32: 1e-6, bfloat16: 1 / 128, int8: 1 / 100 }

describe.each(cases)('all-reduce, %s, %s', (algorithm, encoding) => {
  test('is the weighted mean on every rank, equal bit for bit, for any N up to 16 and any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 0, max: 300 }),
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 16, maxLength: 16 }),
        async (members, length, chosen) => {
          const weights = chosen.slice(0, members)
          const { rings } = ringOn(createMemoryNetwork(), members, { algorithm, encoding, chunkBytes: 48 })
          const vectors = rings.map((_, rank) => vectorOf(rank, length))
          for (const [rank, vector] of vectors.entries()) if (weights[rank] === 0) vector.fill(NaN)
          const before = vectors.map((vector) => Float32Array.from(vector))
          const outcomes = await Promise.all(
            rings.map((ring, rank) => ring.allReduce(0, vectors[rank] ?? new Float32Array(), weights[rank] ?? 0)),
          )
          const results = outcomes.map(valueOf)
          for (const { vector } of results) expect(bitsOf(vector)).toEqual(bitsOf(results[0]?.vector ?? vector))
          expect(vectors).toEqual(before)
          if (length > 0) {
            const total = weights.reduce((sum, weight) => sum + weight, 0)
            expect(results.map(({ weight }) => weight)).toEqual(weights.map(() => total))
          }
          const counted = vectors.map((vector, rank) => (weights[rank] === 0 ? new Float32Array(length) : vector))
          const wanted = meanOf(counted, weights)
          const largest = 1300 * (encoding === 'float32' ? 1 : members)
          for (const [i, value] of wanted.entries()) {
            const got = results[0]?.vector[i] ?? Infinity
            if (Number.isNaN(value)) expect(got).toBeNaN()
            else expect(Math.abs(got - value)).toBeLessThanOrEqual(largest * loss[encoding])
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test('may lose nothing of the elements from one on', async () => {
    const length = 100
    const sent = { float32: 'float32', [encoding]: encoding } as const
    const results = await Promise.all(
      Object.values(sent).map(async (name) => {
        const { rings } = ringOn(createMemoryNetwork(), 3, { algorithm, encoding: name })
        const outcomes = rings.map((ring, rank) => ring.allReduce(0, vectorOf(rank, length), rank, { exactFrom: 90 }))
        const vectors = (await Promise.all(outcomes)).map((outcome) => valueOf(outcome).vector)
        for (const vector of vectors) expect(bitsOf(vector)).toEqual(bitsOf(vectors[0] ?? vector))
        return vectors[0]?.subarray(90)
      }),
    )
    expect(results.at(-1)).toEqual(results[0])
  })

  test('a vector that lies where the ring would have it comes to the same as one that does not', async () => {
    const length = 5000
    const steps = [0, 1, 2]
    const run = async (moves: boolean): Promise<Buffer[]> => {
      const { rings } = ringOn(createMemoryNetwork(), 3, { algorithm, encoding, chunkBytes: 2048 })
      const sums = rings.map(async (ring, rank) => {
        let memory: Float32Array = new Float32Array(length)
        const results: Buffer[] = []
        for (const step of steps) {
          memory.set(vectorOf(rank + step, length))
          const { vector, next } = valueOf(await ring.allReduce(step, memory, 1 + rank))
          results.push(Buffer.from(bitsOf(vector)))
          expect(bitsOf(memory)).toEqual(bitsOf(vectorOf(rank + step, length)))
          if (moves && next !== undefined) memory = next
        }
        return results
      })
      const [first = [], ...others] = await Promise.all(sums)
      for (const other of others) expect(other).toEqual(first)
      return first
    }
    expect(await run(true)).toEqual(await run(false))
  })

  test('step after step, with ranks that come late, gives the same as in lockstep', async () => {
    const { rings } = ringOn(createMemoryNetwork(), 4, { algorithm, encoding })
    const run = async (ring: (typeof rings)[number], rank: number): Promise<Buffer[]> => {
      const sums: Buffer[] = []
      for (let step = 0; step < 10; step += 1) {
        for (let wait = 0; wait < ((rank * 7 + step * 3) % 5) * 4; wait += 1) await Promise.resolve()
        sums.push(Buffer.from(bitsOf(valueOf(await ring.allReduce(step, vectorOf(rank + step, 100), 1)).vector)))
      }
      return sums
    }
    const all = await Promise.all(rings.map(run))
    for (const sums of all) expect(sums).toEqual(all[0])
  })
})

test("a rank sends 2(N - 1)/N of the payload's bytes, and the frames' heads", async () => {
  for (const members of [2, 3, 5]) {
    const sent = Array.from({ length: members }, () => 0)
    const { rings } = ringOn(
      createMemoryNetwork(),
      members,
      { chunkBytes: 4096 },
      {
        wrap: (bus, rank) => ({
          ...bus,
          maxPayload: bus.maxPayload,
          request(subject, data, options) {
            sent[rank] = (sent[rank] ?? 0) + data.length
            return bus.request(subject, data, options)
          },
        }),
      },
    )
    const length = 30_000
    await Promise.all(rings.map((ring, rank) => ring.allReduce(0, vectorOf(rank, length), 1)))
    const payload = (2 * (members - 1) * 4 * length) / members
    const chunks = 2 * (members - 1) * Math.ceil((4 * length) / members / 4096)
    for (const bytes of sent) {
      expect(bytes).toBeGreaterThanOrEqual(payload)
      expect(bytes).toBeLessThanOrEqual(payload + chunks * 192)
    }
  }
})

test('as many vectors as a training function has optimizers take turns, more than are kept', async () => {
  const { rings } = ringOn(createMemoryNetwork(), 2, { encoding: 'int8', chunkBytes: 4096 })
  const keys = Array.from({ length: 12 }, (_, at) => ({ key: `optimizer ${at}`, length: 600 + 300 * at }))
  for (let turn = 0; turn < 3; turn += 1) {
    for (const [at, { key, length }] of keys.entries()) {
      const vectors = rings.map((_, rank) => vectorOf(rank + turn, length))
      const reduced = rings.map((ring, rank) =>
        ring.allReduce(turn * keys.length + at, vectors[rank] ?? new Float32Array(), 1, { key }),
      )
      const [first, second] = (await Promise.all(reduced)).map(valueOf)
      expect(bitsOf(first!.vector)).toEqual(bitsOf(second!.vector))
      for (const [i, wanted] of meanOf(vectors, [1, 1]).entries()) {
        expect(Math.abs((first!.vector[i] ?? NaN) - wanted)).toBeLessThanOrEqual(2)
      }
    }
  }
})

test('broadcast brings the bytes of any root to all, and exchange those of each', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.nat(7), fc.nat(3000), async (members, pick, length) => {
      const root = pick % members
      const { rings } = ringOn(createMemoryNetwork(), members, { chunkBytes: 256 })
      const bytes = Uint8Array.from({ length }, (_, i) => i * 31)
      const got = await Promise.all(rings.map((ring, rank) => ring.broadcast(root, rank === root ? bytes : undefined)))
      for (const outcome of got) expect(Buffer.from(valueOf(outcome)).equals(bytes)).toBe(true)
      const exchanged = await Promise.all(rings.map((ring, rank) => ring.exchange(Uint8Array.of(rank, 7))))
      const wanted = rings.map((_, rank) => [rank, 7])
      for (const outcome of exchanged) expect(valueOf(outcome).map((one) => [...one])).toEqual(wanted)
      for (const outcome of await Promise.all(rings.map((ring) => ring.barrier()))) expect(outcome.kind).toBe('done')
    }),
    { numRuns: 30 },
  )
})

test('a member knows how long its predecessor, and no other, has kept it waiting', async () => {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const { rings } = ringOn(network, 3, {}, { clock })
  const begin = (rank: number, step: number) => rings[rank]!.allReduce(step, vectorOf(rank, 20), 1)
  for (const step of [0, 1]) {
    const early = [begin(0, step), begin(2, step)]
    await network.settled()
    clock.increment(100)
    await Promise.all([...early, begin(1, step)])
  }
  expect(rings.map(({ predecessorMs }) => predecessorMs)).toEqual([0, 0, 200])
})
