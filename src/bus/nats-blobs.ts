/** Named bytes in JetStream's object store. */
import { createHash } from 'node:crypto'
import { codeOf, isProblem, problem } from '../../protocol/index.ts'
import type { Blobs } from './bus.ts'

interface BucketInfo {
  readonly size: number
  readonly digest: string
  readonly deleted: boolean
  readonly revision: number
  readonly metadata?: Record<string, string> | undefined
}

/** The part of the client's object store that is used here. */
export interface Bucket {
  info(name: string): Promise<BucketInfo | null>
  putBlob(
    meta: { name: string; metadata?: Record<string, string> },
    data: Uint8Array,
    options?: { previousRevision: number },
  ): Promise<unknown>
  getBlob(name: string): Promise<Uint8Array | null>
  delete(name: string): Promise<unknown>
}

const timeoutMs = 60_000
const tries = 3
/** JetStream's error codes: somebody else has written meanwhile. */
const wrongLastSequence = [10071, 10164]

export function natsBlobs(wire: {
  readonly label: string
  /** Throws unless the connection is up. */
  up(): void
  open(bucket: string): Promise<Bucket>
  /** Rejects with the bus's codes, at once when the connection is lost. */
  whileConnected<T>(work: Promise<T>, subject: string, ms: number): Promise<T>
}): Blobs {
  async function within<T>(bucket: string, name: string, work: (opened: Bucket) => Promise<T>): Promise<T> {
    wire.up()
    const subject = `${bucket}/${name}`
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(problem('BUS_TIMEOUT', { subject, ms: timeoutMs }))
      }, timeoutMs)
    })
    try {
      const result = wire.open(bucket).then(work)
      return await wire.whileConnected(Promise.race([result, late]), subject, timeoutMs)
    } catch (error) {
      if (isProblem(error, 'BUS_NO_RESPONDERS')) throw problem('BUS_NO_JETSTREAM', { server: wire.label })
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async put(bucket, name, data, options) {
      // The client reads it in its own time.
      const copy = new Uint8Array(data)
      await within(bucket, name, async (opened) => {
        if (options !== undefined) await putFenced(opened, `${bucket}/${name}`, name, copy, options.generation)
        else if (!(await holds(opened, name, copy))) await opened.putBlob({ name }, copy)
      })
    },
    async get(bucket, name) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const data = await within(bucket, name, (opened) => opened.getBlob(name))
          return data ?? undefined
        } catch (error) {
          // Put again meanwhile, its old chunks are gone under the reader: the digest is wrong once, not thrice.
          if (codeOf(error) !== 'BUS_REFUSED' || attempt === tries) throw error
        }
      }
    },
    async has(bucket, name) {
      const info = await within(bucket, name, (opened) => opened.info(name))
      return info !== null && !info.deleted
    },
    async delete(bucket, name) {
      await within(bucket, name, async (opened) => {
        const info = await opened.info(name)
        if (info !== null && !info.deleted) await opened.delete(name)
      })
    },
  }
}

/** The server refuses it where the bytes there are not those any more whose generation was looked at. */
async function putFenced(
  bucket: Bucket,
  subject: string,
  name: string,
  data: Uint8Array,
  generation: number,
): Promise<void> {
  for (;;) {
    const info = await bucket.info(name)
    const held = info === null || info.deleted ? 0 : Number(info.metadata?.['generation'] ?? 0)
    if (held > generation) throw problem('BUS_SUPERSEDED', { subject, held, generation })
    try {
      const metadata = { generation: String(generation) }
      await bucket.putBlob({ name, metadata }, data, { previousRevision: info?.revision ?? 0 })
      return
    } catch (error) {
      const code = (error as { api_error?: { err_code?: number } }).api_error?.err_code
      if (code === undefined || !wrongLastSequence.includes(code)) throw error
    }
  }
}

async function holds(bucket: Bucket, name: string, data: Uint8Array): Promise<boolean> {
  const info = await bucket.info(name)
  if (info === null || info.deleted || info.size !== data.length) return false
  const digest = createHash('sha256').update(data).digest('base64url')
  return info.digest.replace(/=+$/, '') === `SHA-256=${digest}`
}
