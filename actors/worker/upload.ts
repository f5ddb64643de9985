/** A runner's artifact on its way to the driver that owns the experiment (protocol/artifact.ts), a part at a time. */
import { createHash, randomBytes } from 'node:crypto'
import { codeOf, partBytes, problem, writeArtifact, type ArtifactKind, type AttemptRef } from '../../protocol/index.ts'
import { ask, type Bus } from '../../src/bus/index.ts'

/** A driver that dies over a question leaves it without a word. */
const timeoutMs = 5_000
/** Content that arrives with another hash is sent again so often. */
const tries = 3

export interface Outgoing {
  readonly attempt: AttemptRef
  readonly name: string
  readonly kind: ArtifactKind
  readonly bytes: number
  /** So many bytes from there on; fewer only where it ends. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>
}

/**
 * Resolves once it is in the log. The driver says from which byte it goes on: after an outage, or from another driver, the rest is sent
 * and no more. `lasting` calls again what an outage hinders.
 */
export async function uploadArtifact(
  bus: Bus,
  worker: string,
  outgoing: Outgoing,
  lasting: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<void> {
  for (let left = tries; ; left -= 1) {
    try {
      return await uploadOnce(bus, worker, outgoing, lasting)
    } catch (error) {
      if (codeOf(error) !== 'ARTIFACT_CORRUPT' || left === 1) throw error
    }
  }
}

async function uploadOnce(
  bus: Bus,
  worker: string,
  { attempt: { experiment, trial, attempt }, name, kind, bytes, read }: Outgoing,
  lasting: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<void> {
  const upload = randomBytes(9).toString('hex')
  const hash = createHash('sha256')
  /** Bytes that are in the hash: what is sent again is not hashed again. */
  let hashed = 0
  let sha256: string | undefined
  for (let offset = 0; ;) {
    const data = await read(offset, Math.min(partBytes, bytes - offset))
    if (data.length < Math.min(partBytes, bytes - offset)) {
      throw problem('ARTIFACT_INVALID', {
        name,
        reason: `it has fewer than ${bytes} bytes by now: it was written into`,
      })
    }
    const end = offset + data.length
    if (end > hashed) {
      hash.update(data.subarray(hashed - offset))
      hashed = end
    }
    if (end === bytes) sha256 ??= hash.digest('hex')
    const said = { trial, attempt, name, kind, bytes, upload, offset, data }
    const part = end === bytes && sha256 !== undefined ? { ...said, sha256 } : said
    const { next, kept } = await lasting(() => ask(bus, writeArtifact, { worker, experiment }, part, { timeoutMs }))
    if (kept) return
    // Where a driver knows more than was sent, it is not of this upload.
    if (next > end) throw problem('ARTIFACT_CORRUPT', { name })
    offset = next
  }
}
