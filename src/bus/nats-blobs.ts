/**
 * Named bytes in JetStream's object store (ADR-20: the meta entry of a name under `$O.<bucket>.M.`, its chunks under `$O.<bucket>.C.`),
 * by JetStream's request API alone: no consumer is made, and reading needs nothing but direct gets.
 * I1 A blob is visible once it is whole: its meta entry comes last.
 * I2 A meta entry that says nothing (noise that somebody had the server put there) is passed over: the last one that does counts.
 * I3 A writer of an earlier generation replaces nothing of a later one.
 * I4 Chunks lie in the order in which they were written. In a cluster a leader may go while several are under way, and one that is said
 *    again would come after those that followed it: there they go one at a time.
 */
import { createHash, randomBytes } from 'node:crypto'
import { codeOf, isProblem, problem, streamOfBucket } from '../../protocol/index.ts'
import { streamOverhead, type BlobReader, type Blobs, type BlobWriter, type WriterOptions } from './bus.ts'
import type { JetStreamApi } from './nats-api.ts'
import type { Maker } from './nats-making.ts'
import { isOfDrivers } from './nats-settings.ts'
import type { Wire } from './nats-wire.ts'

const chunkBytes = 128 * 1024
/** Chunks that are under way at once. */
const window = 8
/** Where each waits for the one before (I4). */
const clusterChunkBytes = 512 * 1024
const timeoutMs = 30_000
const tries = 3

/** The fields of a meta entry that are used here. */
interface Meta {
  readonly name: string
  readonly nuid: string
  readonly size: number
  readonly chunks: number
  readonly digest: string
  readonly deleted?: boolean
  readonly metadata?: Readonly<Record<string, string>>
}

export function natsBlobs(wire: Wire, api: JetStreamApi, maker: Maker): Blobs {
  const metaSubject = (bucket: string, name: string): string =>
    `$O.${bucket}.M.${padded(Buffer.from(name).toString('base64url'))}`
  const chunkSubject = (bucket: string, nuid: string): string => `$O.${bucket}.C.${nuid}`

  /** The meta entry of a name, deleted or not, and its sequence. */
  async function foundOf(bucket: string, name: string): Promise<{ meta: Meta | undefined; sequence: number }> {
    const subject = metaSubject(bucket, name)
    const last = await api.last(streamOfBucket(bucket), subject)
    if (last === undefined) return { meta: undefined, sequence: 0 }
    let meta = metaIn(last.data)
    // I2
    if (meta === undefined)
      for await (const { data } of api.entries(streamOfBucket(bucket), subject, 0)) meta = metaIn(data) ?? meta
    return { meta, sequence: last.sequence }
  }

  async function metaOf(bucket: string, name: string): Promise<Meta | undefined> {
    const { meta } = await foundOf(bucket, name)
    return meta?.deleted === true ? undefined : meta
  }

  /** Keeps one entry, once by its id; makes the bucket where there is none yet. */
  async function keep(bucket: string, id: string, subject: string, data: Uint8Array, headers = {}): Promise<void> {
    const known = { ...headers, 'Nats-Msg-Id': id }
    try {
      await api.publishOnce(subject, data, known, timeoutMs)
    } catch (error) {
      if (!isProblem(error, 'BUS_NO_RESPONDERS')) throw error
      await maker.bucket(bucket)
      await api.publishOnce(subject, data, known, timeoutMs)
    }
  }

  async function purge(bucket: string, nuid: string): Promise<void> {
    await api.purge(streamOfBucket(bucket), chunkSubject(bucket, nuid))
  }

  async function keepMeta(meta: Meta & { bucket: string }, fence = {}): Promise<void> {
    const data = new TextEncoder().encode(JSON.stringify(meta))
    const id = `${meta.nuid}-${meta.deleted === true ? 'deleted' : 'meta'}`
    const replacing = isOfDrivers(meta.bucket) ? { 'Nats-Rollup': 'sub' } : {}
    await keep(meta.bucket, id, metaSubject(meta.bucket, meta.name), data, { ...replacing, ...fence })
  }

  /** I3: the server refuses it where the entry there is not the one any more whose generation was looked at. */
  async function replace(meta: Meta & { bucket: string }, generation: number | undefined): Promise<void> {
    const { bucket, name } = meta
    for (;;) {
      const { meta: before, sequence } = await foundOf(bucket, name)
      // Its acknowledgement was lost.
      if (before?.nuid === meta.nuid) return
      const held = before?.deleted === true ? 0 : Number(before?.metadata?.['generation'] ?? 0)
      if (generation !== undefined && held > generation) {
        await purge(bucket, meta.nuid)
        throw problem('BUS_SUPERSEDED', { subject: `${bucket}/${name}`, held, generation })
      }
      const fence = generation === undefined ? {} : { 'Nats-Expected-Last-Subject-Sequence': String(sequence) }
      try {
        await keepMeta(meta, fence)
      } catch (error) {
        if (isProblem(error, 'BUS_CONFLICT')) continue
        throw error
      }
      if (before !== undefined && before.deleted !== true) await purge(bucket, before.nuid)
      return
    }
  }

  function writer(bucket: string, name: string, { generation, blind = false }: WriterOptions = {}): BlobWriter {
    const nuid = randomBytes(11).toString('hex')
    const subject = chunkSubject(bucket, nuid)
    const hash = createHash('sha256')
    const inCluster = wire.members() > 0
    const largest = Math.min(inCluster ? clusterChunkBytes : chunkBytes, wire.maxPayload - streamOverhead)
    let size = 0
    let chunks = 0
    return {
      async write(part) {
        // I4: one connection's entries lie in their order.
        for (let at = 0; at < part.length;) {
          const sent: Promise<void>[] = []
          // The first one alone: it may make the bucket.
          const most = chunks === 0 || inCluster ? 1 : window
          for (; at < part.length && sent.length < most; at += largest) {
            const chunk = part.subarray(at, at + largest)
            sent.push(keep(bucket, `${nuid}-${chunks}`, subject, chunk))
            chunks += 1
          }
          await Promise.all(sent)
        }
        hash.update(part)
        size += part.length
      },
      async end() {
        const digest = `SHA-256=${padded(hash.digest('base64url'))}`
        const metadata = generation === undefined ? {} : { metadata: { generation: String(generation) } }
        const meta: Meta & { bucket: string } = { name, bucket, nuid, size, chunks, digest, ...metadata }
        if (blind) await keepMeta(meta)
        else await replace(meta, generation)
      },
      abort: () => (chunks === 0 ? Promise.resolve() : purge(bucket, nuid)),
    }
  }

  async function reader(bucket: string, name: string): Promise<BlobReader | undefined> {
    const meta = await metaOf(bucket, name)
    if (meta === undefined) return undefined
    const subject = chunkSubject(bucket, meta.nuid)
    const chunks = api.entries(streamOfBucket(bucket), subject, 0)[Symbol.asyncIterator]()
    const hash = createHash('sha256')
    let read = 0
    let finished = false
    return {
      bytes: meta.size,
      sha256: Buffer.from(meta.digest.replace('SHA-256=', ''), 'base64url').toString('hex'),
      async next() {
        if (finished) return new Uint8Array()
        const got = read < meta.size ? await chunks.next() : { done: true as const }
        if (got.done !== true) {
          hash.update(got.value.data)
          read += got.value.data.length
          return got.value.data
        }
        finished = true
        if (read !== meta.size || padded(hash.digest('base64url')) !== meta.digest.replace('SHA-256=', '')) {
          // Put again meanwhile, its old chunks are gone under the reader.
          throw problem('BUS_REFUSED', { subject: `${bucket}/${name}`, reason: 'it is not whole' })
        }
        return new Uint8Array()
      },
    }
  }

  async function get(bucket: string, name: string): Promise<Uint8Array | undefined> {
    const opened = await reader(bucket, name)
    if (opened === undefined) return undefined
    const parts: Uint8Array[] = []
    for (let part = await opened.next(); part.length > 0; part = await opened.next()) parts.push(part)
    return new Uint8Array(Buffer.concat(parts))
  }

  return {
    writer,
    reader,
    async put(bucket, name, data, options) {
      const copy = new Uint8Array(data)
      if (options === undefined) {
        const there = await metaOf(bucket, name)
        const digest = padded(createHash('sha256').update(copy).digest('base64url'))
        if (there?.size === copy.length && there.digest === `SHA-256=${digest}`) return
      }
      const written = writer(bucket, name, options)
      await written.write(copy)
      await written.end()
    },
    async get(bucket, name) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await get(bucket, name)
        } catch (error) {
          if (codeOf(error) !== 'BUS_REFUSED' || attempt === tries) throw error
        }
      }
    },
    async names(bucket) {
      const prefix = metaSubject(bucket, '')
      const subjects = await api.subjects(streamOfBucket(bucket), `${prefix}*`)
      return subjects.map((subject) => Buffer.from(subject.slice(prefix.length), 'base64url').toString())
    },
    has: async (bucket, name) => (await metaOf(bucket, name)) !== undefined,
    async delete(bucket, name) {
      const { meta, sequence } = await foundOf(bucket, name)
      // First what is seen, so that nobody finds half of it.
      if (sequence > 0) await api.purge(streamOfBucket(bucket), metaSubject(bucket, name))
      if (meta !== undefined) await purge(bucket, meta.nuid)
    },
  }
}

/** As ADR-20 has it. */
const padded = (base64url: string): string => base64url.padEnd(Math.ceil(base64url.length / 4) * 4, '=')

function metaIn(data: Uint8Array): Meta | undefined {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(data))
  } catch {
    return undefined
  }
  const { name, nuid, size, chunks, digest = '', deleted = false, metadata = {} } = (value ?? {}) as Partial<Meta>
  if (typeof name !== 'string' || typeof nuid !== 'string' || !/^[A-Za-z0-9_-]+$/.test(nuid)) return undefined
  if (typeof digest !== 'string' || !Number.isSafeInteger(size) || !Number.isSafeInteger(chunks)) return undefined
  return { name, nuid, size: size ?? 0, chunks: chunks ?? 0, digest, deleted, metadata }
}
