/** What a bus can do to a ring, and what may come of it: the right result or a code, never a wrong weight (I1 of ring.ts). */
import { requireIntact } from '../../src/ring/chunk-frame.ts'
import { createWorkspace } from '../../src/ring/workspace.ts'
import { TestClock } from '../support/clock.ts'
import { describe, expect, test } from 'vitest'
import { chunk, codeOf, decodePayload, encode, subjectFor, type RingAlgorithm } from '../../protocol/index.ts'
import { askEncoded, createMemoryNetwork, type Bus } from '../../src/bus/index.ts'
import { createRing, type Reduced, type RingOutcome } from '../../src/ring/index.ts'
import { bitsOf, elapse, planFor, ringOn, valueOf, vectorOf, type PlanOptions, type RingWorld } from './support.ts'

type Spoil = (data: Uint8Array, nth: number, send: (data: Uint8Array) => Promise<Uint8Array>) => Promise<Uint8Array>

/** A bus whose chunks go through `spoil`. */
function spoilt(bus: Bus, spoil: Spoil): Bus {
  let count = 0
  return {
    ...bus,
    get status() {
      return bus.status
    },
    request(subject, data, options) {
      const send = (bytes: Uint8Array): Promise<Uint8Array> => bus.request(subject, bytes, options)
      if (!subject.endsWith('.chunk')) return send(data)
      return spoil(data, (count += 1), send)
    },
  }
}

function world(members: number, options: PlanOptions, spoil: Spoil) {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const made = ringOn(network, members, options, { clock, wrap: (bus) => spoilt(bus, spoil) })
  return { clock, network, ...made }
}

const length = 100
const reduceAll = ({ rings }: RingWorld, step = 0): Promise<RingOutcome<Reduced>>[] =>
  rings.map((ring, rank) => ring.allReduce(step, vectorOf(rank, length), rank + 1))

async function expected(members: number, algorithm: RingAlgorithm): Promise<Buffer> {
  const [first] = await Promise.all(reduceAll(ringOn(createMemoryNetwork(), members, { algorithm })))
  if (first === undefined) throw new Error('no member')
  return Buffer.from(bitsOf(valueOf(first).vector))
}

const flipped = (data: Uint8Array, bit: number): Uint8Array => {
  const copy = new Uint8Array(data)
  const at = bit >> 3
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7))
  return copy
}

/** One in five, without a rhythm that a retry could fall into. */
function sometimes(nth: number): boolean {
  const mixed = Math.imul(nth ^ (nth >>> 3), 0x85ebca6b)
  return ((mixed ^ (mixed >>> 13)) >>> 4) % 5 === 0
}

const spoilers: Record<string, Spoil> = {
  'doubled, at once': async (data, _, send) => {
    const [reply] = await Promise.all([send(data), send(data)])
    return reply
  },
  'replayed much later': async (data, nth, send) => {
    const copy = new Uint8Array(data)
    if (sometimes(nth)) setTimeout(() => void send(copy).catch(() => undefined), 0)
    return await send(data)
  },
  'lost, now and then': async (data, nth, send) => (sometimes(nth) ? await never() : await send(data)),
  'taken, but the answer lost, now and then': async (data, nth, send) => {
    const reply = await send(data)
    if (sometimes(nth)) throw (await lost()) as Error
    return reply
  },
  'cut short, now and then': async (data, nth, send) =>
    await send(sometimes(nth) ? data.subarray(0, data.length - 5) : data),
  'emptied, now and then': async (data, nth, send) => await send(sometimes(nth) ? new Uint8Array() : data),
  'with a bit flipped, now and then': async (data, nth, send) =>
    await send(sometimes(nth) ? flipped(data, (nth * 7919) % (8 * data.length)) : data),
  'in another order': async (data, nth, send) => {
    const copy = new Uint8Array(data)
    for (let i = 0; i < (nth * 5) % 7; i += 1) await Promise.resolve()
    return await send(copy)
  },
}

/** What a request that nothing came of ends with. */
async function lost(): Promise<unknown> {
  const clock = new TestClock()
  const bus = createMemoryNetwork({ clock }).connect()
  bus.subscribe('x', () => {})
  const failing = bus.request('x', new Uint8Array(), { timeoutMs: 1 }).catch((error: unknown) => error)
  clock.increment(1)
  return await failing
}

async function never(): Promise<Uint8Array> {
  throw (await lost()) as Error
}

describe.each(['ring', 'direct'] as const)('%s', (algorithm) => {
  test.each(Object.keys(spoilers))('chunks %s: the result is the same to the bit', async (name) => {
    const wanted = await expected(3, algorithm)
    const made = world(3, { algorithm }, spoilers[name] as Spoil)
    for (const step of [0, 1, 2]) {
      const outcomes = await elapse(made.network, made.clock, reduceAll(made, step))
      for (const outcome of outcomes) expect(bitsOf(valueOf(outcome).vector).equals(wanted)).toBe(true)
    }
  })

  test('chunks damaged every time end as RING_CHUNK_CORRUPT or a code that follows from it, on all ranks', async () => {
    const made = world(3, { algorithm }, async (data, _, send) => await send(flipped(data, 8 * (data.length - 3))))
    const outcomes = await elapse(made.network, made.clock, reduceAll(made))
    const codes = outcomes.map((outcome) => (outcome.kind === 'fault' ? outcome.code : 'done'))
    expect(codes).toContain('RING_CHUNK_CORRUPT')
    for (const code of codes) expect(['RING_CHUNK_CORRUPT', 'RING_ABANDONED']).toContain(code)
  })
})

test('any one bit of a frame that flips is noticed', async () => {
  const frames: Uint8Array[] = []
  const made = world(2, {}, async (data, _, send) => {
    frames.push(new Uint8Array(data))
    return await send(data)
  })
  await elapse(made.network, made.clock, reduceAll(made))
  const [frame] = frames
  if (frame === undefined) throw new Error('no frame')
  const whole = decodePayload(chunk, frame, 'x')
  const space = createWorkspace(4096, 0)
  requireIntact(space, whole)
  for (let bit = 0; bit < 8 * frame.length; bit += 1) {
    let taken: unknown
    try {
      const one = decodePayload(chunk, flipped(frame, bit), 'x')
      requireIntact(space, one)
      taken = one
    } catch {
      continue
    }
    // What passes says the very same: a number written another way.
    expect(taken).toEqual(whole)
  }
})

test('shards that the server loses are asked for', async () => {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  let published = 0
  const { rings } = ringOn(
    network,
    3,
    { algorithm: 'direct' },
    {
      clock,
      wrap: (bus) => ({
        ...bus,
        publish: (subject, data) => ((published += 1) % 2 === 0 ? 'sent' : bus.publish(subject, data)),
      }),
    },
  )
  const outcomes = await elapse(
    network,
    clock,
    rings.map((ring, rank) => ring.allReduce(0, vectorOf(rank, length), rank + 1)),
  )
  const wanted = await expected(3, 'direct')
  for (const outcome of outcomes) expect(bitsOf(valueOf(outcome).vector).equals(wanted)).toBe(true)
})

test('a chunk of a generation that is over finds nobody; one that says so of itself is refused', async () => {
  const network = createMemoryNetwork()
  const frames: [string, Uint8Array][] = []
  const { rings, buses } = ringOn(
    network,
    2,
    {},
    {
      wrap: (bus) => ({
        ...bus,
        request(subject, data, options) {
          frames.push([subject, new Uint8Array(data)])
          return bus.request(subject, data, options)
        },
      }),
    },
  )
  await Promise.all(rings.map((ring, rank) => ring.allReduce(0, vectorOf(rank, 8), 1)))
  for (const ring of rings) ring.abandon()
  const next = buses.map((bus, rank) =>
    createRing({ bus, ring: 'r', plan: planFor(rank, 2, { generation: 2 }), clock: new TestClock(), finished: 0 }),
  )
  const [subject, frame] = frames[0] ?? ['', new Uint8Array()]
  const bus = network.connect('replayer')
  expect(await bus.request(subject, frame, { timeoutMs: 100 }).catch(codeOf)).toBe('BUS_NO_RESPONDERS')
  const forged = subject.replace('.1.', '.2.')
  expect(await askEncoded(bus, chunk, forged, frame, { timeoutMs: 100 }).catch(codeOf)).toBe('RING_STALE')
  const [a, b] = await Promise.all(next.map((ring, rank) => ring.allReduce(1, vectorOf(rank, 8), 1)))
  expect(a?.kind).toBe('done')
  expect(b?.kind).toBe('done')
})

test('a chunk in the name of another worker is refused', async () => {
  const network = createMemoryNetwork()
  ringOn(network, 2, { generation: 2 })
  const bus = network.connect('stranger')
  const payload = encode(chunk.example.payload)
  const said = (worker: string) => {
    const subject = subjectFor(chunk, { worker, ring: 'r', generation: '2', member: 'w1', rank: '1' })
    return askEncoded(bus, chunk, subject, payload, { timeoutMs: 100 }).catch(codeOf)
  }
  // The one has no part in the generation, and the other is not of the rank that the chunk names.
  expect(await said('w7')).toBe('RING_OUTSIDER')
  expect(await said('w1')).toBe('RING_CHUNK_CORRUPT')
})

test('ranks whose vectors differ in length all end with a code', async () => {
  const made = world(3, {}, async (data, _, send) => await send(data))
  const outcomes = await elapse(
    made.network,
    made.clock,
    made.rings.map((ring, rank) => ring.allReduce(0, vectorOf(rank, rank === 1 ? 99 : 100), 1)),
  )
  const codes = outcomes.map((outcome) => (outcome.kind === 'fault' ? outcome.code : 'done'))
  expect(codes).toContain('RING_MISMATCH')
  expect(codes).not.toContain('done')
})

test('a member that computes for a minute is waited for; one that is gone is named', async () => {
  const made = world(3, {}, async (data, _, send) => await send(data))
  const [a, b, c] = made.rings
  if (!a || !b || !c) throw new Error('no ring')
  const early = [a.allReduce(0, vectorOf(0, length), 1), b.allReduce(0, vectorOf(1, length), 1)]
  for (let turn = 0; turn < 240; turn += 1) {
    await made.network.settled()
    made.clock.increment(250)
  }
  expect(a.fault).toBeUndefined()
  const outcomes = await elapse(made.network, made.clock, [...early, c.allReduce(0, vectorOf(2, length), 1)])
  expect(outcomes.map(({ kind }) => kind)).toEqual(['done', 'done', 'done'])
  await made.buses[2]?.close()
  const [, lostB] = await elapse(made.network, made.clock, [
    a.allReduce(1, vectorOf(0, length), 1),
    b.allReduce(1, vectorOf(1, length), 1),
  ])
  expect(lostB).toMatchObject({ kind: 'fault', code: 'RING_PEER_LOST', suspect: 2 })
  expect(a.fault).toBeDefined()
})

test('an outage of a member, or of all, is waited for', async () => {
  const wanted = await expected(3, 'ring')
  const made = world(3, {}, async (data, _, send) => await send(data))
  const running = reduceAll(made)
  made.network.outage()
  for (let turn = 0; turn < 100; turn += 1) {
    await made.network.settled()
    made.clock.increment(100)
  }
  made.network.restore()
  const outcomes = await elapse(made.network, made.clock, running)
  for (const outcome of outcomes) expect(bitsOf(valueOf(outcome).vector).equals(wanted)).toBe(true)
})
