/** Streams and blobs of the in-memory bus. They outlive connections, as a server's do. */
import { createHash } from 'node:crypto'
import { problem, streams, type MaggyError, type StreamName } from '../../protocol/index.ts'
import { streamOverhead, type Blobs, type BusStatus, type Entry, type Streams } from './bus.ts'
import { subjectMatches } from './subjects.ts'

interface Kept {
  readonly name: StreamName
  entries: Entry[]
  bytes: number
  lastSequence: number
  /** Message ids of the last two minutes, with the time they came and the sequence of their entry. */
  readonly ids: Map<string, { readonly at: number; readonly sequence: number }>
}

/** The part of a connection that the store needs. */
interface ConnectionView {
  /** Throws unless the connection is up. */
  connected(): void
  route(subject: string, data: Uint8Array): number
  /** Whether a message between the connection and the stream arrives. */
  arrives(kind: 'append' | 'acknowledgement' | 'read', subject: string): boolean
  setTimeout(fn: () => void, ms: number): unknown
  readonly maxPayload: number
  status(): BusStatus
  onStatus(listener: () => void): () => void
}

export interface MemoryStore {
  /** Sets the most bytes that a stream holds from now on. */
  limit(name: StreamName, bytes: number): void
  /** Keeps a published message if a stream wants its subject. */
  capture(subject: string, data: Uint8Array): void
  streamsFor(connection: ConnectionView): Streams
  blobsFor(connected: () => void): Blobs
}

const duplicateWindowMs = 120_000
const defaultTimeoutMs = 5000
/** Bytes of a blob that are read at once. */
const memoryPart = 128 * 1024

export function createMemoryStore(options: { now: () => number; maxBytes: number }): MemoryStore {
  const kept = new Map<StreamName, Kept>()
  const buckets = new Map<string, Map<string, { readonly data: Uint8Array; readonly generation: number }>>()
  const limits = new Map<StreamName, number>()
  const waiting = new Set<() => void>()

  function wake(): void {
    for (const waiter of waiting) waiter()
  }

  function streamOf(subject: string): Kept | undefined {
    for (const stream of kept.values()) {
      if (streams[stream.name].subjects.some((pattern) => subjectMatches(pattern, subject))) return stream
    }
    return undefined
  }

  /** As JetStream: a durable stream refuses an entry for which it has no room, the other kind forgets its oldest. undefined: refused. */
  function keep(stream: Kept, subject: string, data: Uint8Array): number | undefined {
    const limit = limits.get(stream.name) ?? options.maxBytes
    const { durable } = streams[stream.name]
    if (durable && stream.bytes + data.length > limit) return undefined
    stream.lastSequence += 1
    stream.entries.push({ sequence: stream.lastSequence, subject, data })
    stream.bytes += data.length
    if (durable) return announce(stream)
    while (stream.bytes > limit && stream.entries.length > 1) {
      stream.bytes -= stream.entries.shift()?.data.length ?? 0
    }
    return announce(stream)
  }

  function announce({ lastSequence }: Kept): number {
    wake()
    return lastSequence
  }

  /** The ids that are still known. */
  function idsOf({ ids }: Kept): Kept['ids'] {
    const now = options.now()
    for (const [old, { at }] of ids) {
      if (now - at < duplicateWindowMs) break
      ids.delete(old)
    }
    return ids
  }

  const full = (subject: string): MaggyError => problem('BUS_FULL', { subject, reason: 'maximum bytes exceeded' })

  const matching = (name: StreamName, filter: string, after: number): Entry[] =>
    (kept.get(name)?.entries ?? []).filter((e) => e.sequence > after && subjectMatches(filter, e.subject))

  const owned = (entry: Entry): Entry => ({ ...entry, data: new Uint8Array(entry.data) })

  function streamsFor(connection: ConnectionView): Streams {
    /** The stream of a subject, once the message may be sent at all. */
    function admit(subject: string, data: Uint8Array): Kept {
      connection.connected()
      const limit = connection.maxPayload - streamOverhead
      if (data.length > limit) throw problem('BUS_TOO_LARGE', { bytes: data.length, subject, limit })
      const stream = streamOf(subject)
      if (stream === undefined) throw problem('BUS_NO_RESPONDERS', { subject })
      return stream
    }

    function changed(signal: AbortSignal): Promise<void> {
      return new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done)
          signal.removeEventListener('abort', done)
          offStatus()
          resolve()
        }
        const offStatus = connection.onStatus(done)
        waiting.add(done)
        signal.addEventListener('abort', done)
      })
    }

    /** Rejects like a request without an answer. */
    function silence(subject: string, ms: number): Promise<never> {
      return new Promise((_, reject) => {
        connection.setTimeout(() => {
          reject(problem('BUS_TIMEOUT', { subject, ms }))
        }, ms)
      })
    }

    /** A question to a stream, answered in time. */
    async function answered(subject: string): Promise<void> {
      connection.connected()
      if (!connection.arrives('read', subject)) await silence(subject, defaultTimeoutMs)
    }

    return {
      async ensure() {
        connection.connected()
        for (const name of Object.keys(streams) as StreamName[]) {
          if (!kept.has(name)) kept.set(name, { name, entries: [], bytes: 0, lastSequence: 0, ids: new Map() })
        }
        await Promise.resolve()
      },
      async append(subject, data, { expectedLast, id, timeoutMs = defaultTimeoutMs }) {
        const stream = admit(subject, data)
        if (!connection.arrives('append', subject)) return await silence(subject, timeoutMs)
        const copy = new Uint8Array(data)
        // As on NATS, listeners of the subject heard the message although the stream refused it.
        connection.route(subject, copy)
        const before = id === undefined ? undefined : idsOf(stream).get(id)?.sequence
        const last = stream.entries.findLast((e) => e.subject === subject)?.sequence ?? 0
        if (before === undefined && last !== expectedLast)
          throw problem('BUS_CONFLICT', { subject, expected: expectedLast })
        const sequence = before ?? keep(stream, subject, copy)
        if (sequence === undefined) throw full(subject)
        if (id !== undefined) stream.ids.set(id, { at: options.now(), sequence })
        if (!connection.arrives('acknowledgement', subject)) return await silence(subject, timeoutMs)
        await Promise.resolve()
        connection.connected()
        return sequence
      },
      async record(subject, data, { id, timeoutMs = defaultTimeoutMs }) {
        const stream = admit(subject, data)
        if (!connection.arrives('append', subject)) await silence(subject, timeoutMs)
        const copy = new Uint8Array(data)
        connection.route(subject, copy)
        if (!idsOf(stream).has(id)) {
          const sequence = keep(stream, subject, copy)
          if (sequence === undefined) throw full(subject)
          stream.ids.set(id, { at: options.now(), sequence })
        }
        if (!connection.arrives('acknowledgement', subject)) await silence(subject, timeoutMs)
        await Promise.resolve()
        connection.connected()
      },
      async *read(name, filter, { after = 0 } = {}) {
        await answered(filter)
        for (const entry of matching(name, filter, after)) yield owned(entry)
      },
      async *follow(name, filter, { after = 0, signal }) {
        let last = after
        while (!signal.aborted && connection.status() !== 'closed') {
          const more = connection.status() === 'connected' ? matching(name, filter, last) : []
          for (const entry of more) {
            if (signal.aborted || connection.status() !== 'connected') break
            last = entry.sequence
            yield owned(entry)
          }
          if (more.length === 0 && !signal.aborted) await changed(signal)
        }
      },
      async last(name, subject) {
        await answered(subject)
        const entry = matching(name, subject, 0).at(-1)
        return entry && owned(entry)
      },
      async subjects(name, filter) {
        await answered(filter)
        return [...new Set(matching(name, filter, 0).map((e) => e.subject))]
      },
      async purge(name, filter) {
        await answered(filter)
        const stream = kept.get(name)
        if (stream === undefined) return
        stream.entries = stream.entries.filter(({ subject }) => !subjectMatches(filter, subject))
        stream.bytes = stream.entries.reduce((sum, { data }) => sum + data.length, 0)
      },
    }
  }

  function blobsFor(connected: () => void): Blobs {
    const put = (bucket: string, name: string, data: Uint8Array, fence?: number): void => {
      const generation = fence ?? 0
      const blobs = buckets.get(bucket) ?? new Map<string, { data: Uint8Array; generation: number }>()
      const held = blobs.get(name)?.generation ?? 0
      if (fence !== undefined && held > generation) {
        throw problem('BUS_SUPERSEDED', { subject: `${bucket}/${name}`, held, generation })
      }
      blobs.set(name, { data: new Uint8Array(data), generation })
      buckets.set(bucket, blobs)
    }
    return {
      async put(bucket, name, data, options) {
        connected()
        put(bucket, name, data, options?.generation)
      },
      async get(bucket, name) {
        connected()
        return buckets.get(bucket)?.get(name)?.data.slice()
      },
      async has(bucket, name) {
        connected()
        return buckets.get(bucket)?.has(name) ?? false
      },
      async names(bucket) {
        connected()
        return [...(buckets.get(bucket)?.keys() ?? [])]
      },
      async delete(bucket, name) {
        connected()
        buckets.get(bucket)?.delete(name)
      },
      writer(bucket, name, options) {
        const parts: Uint8Array[] = []
        return {
          async write(part) {
            connected()
            parts.push(new Uint8Array(part))
          },
          async end() {
            connected()
            put(bucket, name, Buffer.concat(parts), options?.generation)
          },
          async abort() {
            parts.length = 0
          },
        }
      },
      async reader(bucket, name) {
        connected()
        const data = buckets.get(bucket)?.get(name)?.data.slice()
        if (data === undefined) return undefined
        let given = 0
        return {
          bytes: data.length,
          sha256: createHash('sha256').update(data).digest('hex'),
          async next() {
            connected()
            const part = data.slice(given, given + memoryPart)
            given += part.length
            return part
          },
        }
      },
    }
  }

  return {
    limit(name, bytes) {
      limits.set(name, bytes)
    },
    capture(subject, data) {
      const stream = streamOf(subject)
      if (stream) keep(stream, subject, data)
    },
    streamsFor,
    blobsFor,
  }
}
