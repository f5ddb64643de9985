/** What every bus promises (I1 to I6 of src/bus/bus.ts, streams, blobs). A new implementation runs it with its own world. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, decode, log, metrics, subjectFor } from '../../protocol/index.ts'
import { streamOverhead, type Bus, type Entry } from '../../src/bus/index.ts'

/** One network with two connections, and its outages. */
export interface BusWorld {
  readonly a: Bus
  readonly b: Bus
  /** Takes the network away from both; resolves once both have noticed. */
  outage(): Promise<void>
  restore(): Promise<void>
  /** How many handlers have thrown so far. */
  faults(): number
  end(): Promise<void>
}

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values)
const timeoutMs = 5_000

async function codeFrom(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return 'no error'
  } catch (error) {
    return codeOf(error)
  }
}

function codeThrown(work: () => unknown): string | undefined {
  try {
    work()
    return 'no error'
  } catch (error) {
    return codeOf(error)
  }
}

async function all(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const found: Entry[] = []
  for await (const entry of entries) found.push(entry)
  return found
}

/** Collects deliveries; `count(n)` resolves once there are n. */
function collector(bus: Bus, subject: string, options?: { queue?: string }) {
  const data: Uint8Array[] = []
  let wake = (): void => {}
  bus.subscribe(
    subject,
    (delivery) => {
      data.push(delivery.data)
      wake()
    },
    options,
  )
  return {
    data,
    async count(n: number): Promise<void> {
      while (data.length < n) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

export function busContract(name: string, createWorld: () => Promise<BusWorld>): void {
  describe(`${name} keeps the promises of a bus`, () => {
    let world: BusWorld
    let a: Bus
    let b: Bus

    beforeEach(async () => {
      world = await createWorld()
      a = world.a
      b = world.b
    })
    afterEach(async () => {
      await world.end()
    })

    test('a message reaches all who subscribe, by name and by wildcard, and nobody else', async () => {
      const heard = [collector(b, 'x.y.z'), collector(b, 'x.*.z'), collector(b, 'x.>'), collector(a, 'x.y.z')]
      const deaf = [collector(b, 'x.y'), collector(b, 'x.*'), collector(b, 'y.>')]
      await b.flush()
      await a.flush()
      expect(a.publish('x.y.z', bytes(7))).toBe('sent')
      for (const each of heard) await each.count(1)
      expect(heard.map((h) => [...(h.data[0] ?? [])])).toEqual([[7], [7], [7], [7]])
      expect(deaf.map((d) => d.data.length)).toEqual([0, 0, 0])
    })

    test('one member of a queue group hears each message', async () => {
      const first = collector(a, 'work', { queue: 'q' })
      const second = collector(b, 'work', { queue: 'q' })
      const every = collector(b, 'work')
      await a.flush()
      await b.flush()
      for (let i = 0; i < 50; i += 1) a.publish('work', bytes(i))
      await every.count(50)
      await a.flush()
      await b.flush()
      const heard = [...first.data, ...second.data].map((d) => d[0] ?? -1).toSorted((x, y) => x - y)
      expect(heard).toEqual(Array.from({ length: 50 }, (_, i) => i))
    })

    test('I6: a thousand messages of one publisher arrive in order', async () => {
      const heard = collector(b, 'n')
      await b.flush()
      for (let i = 0; i < 1000; i += 1) a.publish('n', bytes(i % 256, i >> 8))
      await heard.count(1000)
      expect(heard.data.map((d) => (d[0] ?? 0) + 256 * (d[1] ?? 0))).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    })

    test('a request is answered, and an answer after the first is ignored', async () => {
      b.subscribe('double', async (delivery) => {
        expect(delivery.wantsReply).toBe(true)
        await Promise.resolve()
        delivery.respond(bytes((delivery.data[0] ?? 0) * 2))
        delivery.respond(bytes(99))
      })
      await b.flush()
      const replies = await Promise.all([1, 2, 3].map((n) => a.request('double', bytes(n), { timeoutMs })))
      expect(replies.map((r) => [...r])).toEqual([[2], [4], [6]])
    })

    test('I5: a request that nobody hears fails at once', async () => {
      expect(await codeFrom(a.request('nobody', bytes(), { timeoutMs: 60_000 }))).toBe('BUS_NO_RESPONDERS')
    })

    test('a request that is heard but not answered times out', async () => {
      b.subscribe('silence', () => {})
      await b.flush()
      expect(await codeFrom(a.request('silence', bytes(), { timeoutMs: 50 }))).toBe('BUS_TIMEOUT')
    })

    test('I1: a handler that throws, at once or later, answers INTERNAL, is counted, and goes on hearing', async () => {
      let calls = 0
      b.subscribe('bad', () => {
        calls += 1
        throw new Error('at once')
      })
      b.subscribe('worse', async () => {
        calls += 1
        await Promise.resolve()
        throw new Error('later')
      })
      await b.flush()
      for (const subject of ['bad', 'worse', 'bad', 'worse']) {
        const reply = decode(await a.request(subject, bytes(), { timeoutMs }))
        expect(reply).toMatchObject({ error: { code: 'INTERNAL' } })
      }
      a.publish('bad', bytes())
      expect(decode(await a.request('bad', bytes(), { timeoutMs }))).toMatchObject({ error: { code: 'INTERNAL' } })
      expect(calls).toBe(6)
      expect(world.faults()).toBe(6)
    })

    test('I3: a payload may be used again as soon as the call returns', async () => {
      const heard = collector(b, 'reuse')
      b.subscribe('echo', (delivery) => {
        delivery.respond(delivery.data)
        delivery.data.fill(0)
      })
      await b.flush()
      const payload = Buffer.from([1, 2, 3])
      a.publish('reuse', payload)
      payload.fill(9)
      const other = Buffer.from([4, 5, 6])
      const reply = a.request('echo', other, { timeoutMs })
      other.fill(9)
      await heard.count(1)
      expect([...(heard.data[0] ?? [])]).toEqual([1, 2, 3])
      expect([...(await reply)]).toEqual([4, 5, 6])
    })

    test('I3: a payload that is lent arrives, and is as it was when the request has settled', async () => {
      b.subscribe('echo', (delivery) => {
        const answer = new Uint8Array(delivery.data)
        delivery.data.fill(0)
        delivery.respond(answer)
      })
      await b.flush()
      const payload = Uint8Array.from({ length: 100_000 }, (_, i) => i)
      const reply = await a.request('echo', payload, { timeoutMs, lend: true })
      expect(Buffer.compare(reply, payload)).toBe(0)
      expect(payload[99]).toBe(99)
    })

    test('I3: an answer that is lent is the same to all who ask', async () => {
      const answer = Uint8Array.from({ length: 100_000 }, (_, i) => i)
      b.subscribe('lent', (delivery) => {
        delivery.respond(answer, { lend: true })
      })
      await b.flush()
      const replies = await Promise.all([1, 2, 3].map(() => a.request('lent', bytes(), { timeoutMs })))
      const same = Uint8Array.from({ length: 100_000 }, (_, i) => i)
      for (const reply of replies) expect(Buffer.compare(reply, same)).toBe(0)
      expect(Buffer.compare(answer, same)).toBe(0)
    })

    test('I4: what is too large is refused before it is sent, as message, request, answer, append and record', async () => {
      const large = new Uint8Array(a.maxPayload + 1)
      let refused: string | undefined
      b.subscribe('large', (delivery) => {
        refused = codeThrown(() => {
          delivery.respond(large)
        })
        delivery.respond(bytes(1))
      })
      await b.flush()
      expect(codeThrown(() => a.publish('large', large))).toBe('BUS_TOO_LARGE')
      expect(await codeFrom(a.request('large', large, { timeoutMs }))).toBe('BUS_TOO_LARGE')
      expect([...(await a.request('large', bytes(), { timeoutMs }))]).toEqual([1])
      expect(refused).toBe('BUS_TOO_LARGE')
      await a.streams.ensure()
      const fits = new Uint8Array(a.maxPayload - streamOverhead)
      expect(await a.streams.append(logOf('e1'), fits, { expectedLast: 0 })).toBe(1)
      const slightly = new Uint8Array(a.maxPayload - streamOverhead + 1)
      expect(await codeFrom(a.streams.append(logOf('e1'), slightly, { expectedLast: 1 }))).toBe('BUS_TOO_LARGE')
      expect(await codeFrom(a.streams.record(metricsOf('e1'), slightly, { id: 'x' }))).toBe('BUS_TOO_LARGE')
      expect(a.status).toBe('connected')
    })

    test('I2: in an outage publishes are void, requests fail at once, and all comes back by itself', async () => {
      const statuses: string[] = []
      a.onStatus((status) => statuses.push(status))
      b.subscribe('silence', () => {})
      const heard = collector(b, 'after')
      await b.flush()
      const waiting = codeFrom(a.request('silence', bytes(), { timeoutMs: 60_000 }))
      await world.outage()
      expect(await waiting).toBe('BUS_DISCONNECTED')
      expect(a.status).toBe('disconnected')
      expect(a.publish('after', bytes(1))).toBe('void')
      expect(await codeFrom(a.request('silence', bytes(), { timeoutMs: 60_000 }))).toBe('BUS_DISCONNECTED')
      expect(await codeFrom(a.flush())).toBe('BUS_DISCONNECTED')
      expect(await codeFrom(a.streams.record(metricsOf('e1'), bytes(1), { id: 'x' }))).toBe('BUS_DISCONNECTED')
      const late = collector(b, 'after')
      const unwanted = b.subscribe('unwanted', () => {})
      unwanted.unsubscribe()
      await world.restore()
      expect(a.status).toBe('connected')
      await b.flush()
      expect(a.publish('after', bytes(2))).toBe('sent')
      await heard.count(1)
      await late.count(1)
      expect(heard.data.map((d) => [...d])).toEqual([[2]])
      expect(late.data.map((d) => [...d])).toEqual([[2]])
      expect(await codeFrom(a.request('unwanted', bytes(), { timeoutMs }))).toBe('BUS_NO_RESPONDERS')
      expect(statuses).toEqual(['disconnected', 'connected'])
    })

    test('who has unsubscribed hears nothing more', async () => {
      const data: number[] = []
      const subscription = b.subscribe('u', (delivery) => void data.push(delivery.data[0] ?? -1))
      const other = collector(b, 'u')
      await b.flush()
      a.publish('u', bytes(1))
      await other.count(1)
      subscription.unsubscribe()
      await b.flush()
      a.publish('u', bytes(2))
      await other.count(2)
      expect(data).toEqual([1])
    })

    test('a closed bus says so, and its waiting requests fail', async () => {
      b.subscribe('silence', () => {})
      await b.flush()
      const waiting = codeFrom(a.request('silence', bytes(), { timeoutMs: 60_000 }))
      await a.close()
      await a.close()
      expect(await waiting).toBe('BUS_CLOSED')
      expect(a.status).toBe('closed')
      expect(codeThrown(() => a.publish('x', bytes()))).toBe('BUS_CLOSED')
      expect(codeThrown(() => a.subscribe('x', () => {}))).toBe('BUS_CLOSED')
      expect(await codeFrom(a.request('x', bytes(), { timeoutMs }))).toBe('BUS_CLOSED')
    })

    const logOf = (experiment: string): string => subjectFor(log, { experiment })
    const metricsOf = (experiment: string, trial = '0'): string =>
      subjectFor(metrics, { worker: 'w1', experiment, trial })

    test('an append is fenced by the last sequence on its subject', async () => {
      await a.streams.ensure()
      await b.streams.ensure()
      const first = await a.streams.append(logOf('e1'), bytes(1), { expectedLast: 0 })
      const other = await b.streams.append(logOf('e2'), bytes(2), { expectedLast: 0 })
      const second = await a.streams.append(logOf('e1'), bytes(3), { expectedLast: first })
      expect([first, other, second]).toEqual([1, 2, 3])
      expect(await codeFrom(b.streams.append(logOf('e1'), bytes(4), { expectedLast: first }))).toBe('BUS_CONFLICT')
      expect(await codeFrom(b.streams.append(logOf('e1'), bytes(4), { expectedLast: 0 }))).toBe('BUS_CONFLICT')
      const kept = await all(b.streams.read('log', logOf('e1')))
      expect(kept.map((e) => [e.sequence, e.subject, [...e.data]])).toEqual([
        [1, logOf('e1'), [1]],
        [3, logOf('e1'), [3]],
      ])
      expect((await all(b.streams.read('log', logOf('*'), { after: 1 }))).map((e) => e.sequence)).toEqual([2, 3])
      expect(await b.streams.last('log', logOf('e1'))).toMatchObject({ sequence: 3, subject: logOf('e1') })
      expect(await b.streams.last('log', logOf('e9'))).toBeUndefined()
      expect(await b.streams.last('log', logOf('*'))).toMatchObject({ sequence: 3, subject: logOf('e1') })
      expect((await b.streams.subjects('log', logOf('*'))).toSorted()).toEqual([logOf('e1'), logOf('e2')])
      expect(await b.streams.subjects('log', logOf('e9'))).toEqual([])
      expect(await all(b.streams.read('log', logOf('e9')))).toEqual([])
    })

    test('an append that is said again under its id is the same, whatever came after it; another id is fenced', async () => {
      await a.streams.ensure()
      const append = (bus: Bus, id: string, expectedLast: number) =>
        bus.streams.append(logOf('e1'), bytes(expectedLast), { expectedLast, id })
      expect(await append(a, 'x', 0)).toBe(1)
      expect(await append(a, 'y', 1)).toBe(2)
      expect(await append(b, 'x', 0)).toBe(1)
      expect(await codeFrom(append(b, 'z', 0))).toBe('BUS_CONFLICT')
      expect(await append(b, 'z', 2)).toBe(3)
      expect((await all(b.streams.read('log', logOf('e1')))).map((e) => e.sequence)).toEqual([1, 2, 3])
    })

    test('an append where no stream listens fails', async () => {
      expect(await codeFrom(a.streams.append(logOf('e1'), bytes(1), { expectedLast: 0 }))).toBe('BUS_NO_RESPONDERS')
    })

    test('what is recorded twice under one id is kept once, and hearers hear it', async () => {
      await a.streams.ensure()
      const heard = collector(b, metricsOf('e1', '*'))
      await b.flush()
      for (const id of ['m0', 'm1', 'm0', 'm1', 'm2']) {
        await a.streams.record(metricsOf('e1'), bytes(Number(id[1])), { id })
      }
      await heard.count(5)
      const kept = await all(a.streams.read('telemetry', metricsOf('e1', '*')))
      expect(kept.map((e) => [...e.data])).toEqual([[0], [1], [2]])
    })

    test('a thousand entries are read in order', async () => {
      await a.streams.ensure()
      const records = Array.from({ length: 1000 }, (_, i) =>
        a.streams.record(metricsOf('e1', String(i % 3)), bytes(i % 256, i >> 8), { id: String(i) }),
      )
      await Promise.all(records)
      const kept = await all(b.streams.read('telemetry', metricsOf('e1', '*')))
      expect(kept.map((e) => (e.data[0] ?? 0) + 256 * (e.data[1] ?? 0))).toEqual(
        Array.from({ length: 1000 }, (_, i) => i),
      )
      expect((await all(b.streams.read('telemetry', metricsOf('e1', '1')))).length).toBe(333)
    })

    test('who follows gets what is there, then what comes, across an outage, each once, until told to end', async () => {
      await a.streams.ensure()
      const controller = new AbortController()
      const subject = logOf('e1')
      let last = await a.streams.append(subject, bytes(0), { expectedLast: 0 })
      const got: number[] = []
      let wake = (): void => {}
      const following = (async () => {
        for await (const entry of b.streams.follow('log', subject, { signal: controller.signal })) {
          got.push(entry.data[0] ?? -1)
          wake()
        }
      })()
      const upTo = async (n: number): Promise<void> => {
        while (got.length < n) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
      await upTo(1)
      for (const value of [1, 2]) last = await a.streams.append(subject, bytes(value), { expectedLast: last })
      await upTo(3)
      await world.outage()
      await world.restore()
      for (const value of [3, 4]) last = await a.streams.append(subject, bytes(value), { expectedLast: last })
      await upTo(5)
      controller.abort()
      await following
      expect(got).toEqual([0, 1, 2, 3, 4])
    })

    test('who follows from a sequence gets what comes after it; closing the bus ends it too', async () => {
      await a.streams.ensure()
      let last = 0
      for (const value of [0, 1, 2]) last = await a.streams.append(logOf('e1'), bytes(value), { expectedLast: last })
      const { signal } = new AbortController()
      const got: number[] = []
      for await (const entry of b.streams.follow('log', logOf('*'), { after: 1, signal })) {
        got.push(entry.data[0] ?? -1)
        if (got.length === 2) void b.close()
      }
      expect(got).toEqual([1, 2])
    })

    test('a blob is kept whole, and putting it again changes nothing', async () => {
      const data = new Uint8Array(300_000).map((_, i) => i % 251)
      expect(await a.blobs.has('bucket', 'blob')).toBe(false)
      expect(await a.blobs.get('bucket', 'blob')).toBeUndefined()
      await a.blobs.put('bucket', 'blob', data)
      await b.blobs.put('bucket', 'blob', data)
      expect(await b.blobs.has('bucket', 'blob')).toBe(true)
      const got = await b.blobs.get('bucket', 'blob')
      expect(Buffer.compare(got ?? bytes(), data)).toBe(0)
      await a.blobs.put('bucket', 'empty', bytes())
      expect(await b.blobs.get('bucket', 'empty')).toHaveLength(0)
      await a.blobs.delete('bucket', 'blob')
      await a.blobs.delete('bucket', 'blob')
      expect(await b.blobs.has('bucket', 'blob')).toBe(false)
      expect(await b.blobs.get('bucket', 'blob')).toBeUndefined()
      await a.blobs.put('bucket', 'blob', data)
      expect(await b.blobs.get('bucket', 'blob')).toEqual(data)
    })

    test('what was asked before a close is answered', async () => {
      a.subscribe('last.word', (delivery) => {
        void a.close()
        delivery.respond(bytes(7))
      })
      await a.flush()
      expect([...(await b.request('last.word', bytes(), { timeoutMs }))]).toEqual([7])
    })

    test('a blob that is written and read part by part is whole, and is not there before it is whole', async () => {
      const part = (from: number) => new Uint8Array(200_000).map((_, i) => (i + from) % 251)
      const writer = a.blobs.writer('bucket', 'parts')
      await writer.write(part(0))
      await writer.write(part(1))
      expect(await b.blobs.reader('bucket', 'parts')).toBeUndefined()
      await writer.end()
      const reader = await b.blobs.reader('bucket', 'parts')
      const read: Uint8Array[] = []
      for (let next = await reader?.next(); next !== undefined && next.length > 0; next = await reader?.next())
        read.push(next)
      expect(Buffer.compare(Buffer.concat(read), Buffer.concat([part(0), part(1)]))).toBe(0)
      expect(reader?.bytes).toBe(400_000)
      const given = await b.blobs.get('bucket', 'parts')
      expect(reader?.sha256).toBe(
        createHash('sha256')
          .update(given ?? bytes())
          .digest('hex'),
      )
      const abandoned = a.blobs.writer('bucket', 'abandoned')
      await abandoned.write(part(2))
      await abandoned.abort()
      expect(await b.blobs.has('bucket', 'abandoned')).toBe(false)
    })

    test('a blob of a later generation is not replaced by one of an earlier, however late that comes', async () => {
      const put = (bus: Bus, value: number, generation: number) =>
        codeFrom(bus.blobs.put('bucket', 'fenced', bytes(value), { generation }))
      expect(await put(a, 1, 1)).toBe('no error')
      expect(await put(a, 2, 1)).toBe('no error')
      expect(await put(b, 3, 2)).toBe('no error')
      expect(await put(a, 4, 1)).toBe('BUS_SUPERSEDED')
      expect([...((await b.blobs.get('bucket', 'fenced')) ?? [])]).toEqual([3])
      expect(await put(b, 5, 2)).toBe('no error')
      // Both at once: whichever comes first, the later generation's stays.
      const both = await Promise.all([put(a, 6, 3), put(b, 7, 4)])
      expect(both[1]).toBe('no error')
      expect([...((await a.blobs.get('bucket', 'fenced')) ?? [])]).toEqual([7])
      await b.blobs.delete('bucket', 'fenced')
      expect(await put(a, 8, 1)).toBe('no error')
    })
  })
}
