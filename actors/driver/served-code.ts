/**
 * An experiment's code as its readers get it: parts that are laid out as answers once, when it is read from the store. A thousand workers
 * that begin together are sent the same bytes, and none of them costs a copy.
 * I1 It is read a chunk at a time, and hashed on the way: at no time is more of it held than its parts.
 */
import { createHash } from 'node:crypto'
import { bundleBucket, decode, isProblem, partBytes, readBundle, type ReplyOf } from '../../protocol/index.ts'
import { laidOut, type Bus, type LaidOut } from '../../src/bus/index.ts'

export interface ServedCode {
  readonly bytes: number
  /** From an offset on, as much as fits; nothing after the end. */
  part(offset: number): LaidOut
}

/** Put again meanwhile, its old chunks are gone under the reader: it begins again so often. */
const tries = 3

/** Clients write blindly: what does not have its hash is as if it were not there, and is written again. */
export async function readCode(bus: Bus, sha256: string): Promise<ServedCode | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readOnce(bus, sha256)
    } catch (error) {
      if (!isProblem(error, 'BUS_REFUSED') || attempt === tries) throw error
    }
  }
}

/** I1 */
async function readOnce(bus: Bus, sha256: string): Promise<ServedCode | undefined> {
  const reader = await bus.blobs.reader(bundleBucket, sha256)
  if (reader === undefined) return undefined
  const { bytes } = reader
  const layOut = (data: Uint8Array): LaidOut => laidOut(readBundle, { bytes, sha256, data })
  const hash = createHash('sha256')
  const parts: LaidOut[] = []
  const gathered = new Uint8Array(partBytes)
  let filled = 0
  for (let chunk = await reader.next(); chunk.length > 0; chunk = await reader.next()) {
    hash.update(chunk)
    for (let rest = chunk; rest.length > 0;) {
      const taken = rest.subarray(0, gathered.length - filled)
      gathered.set(taken, filled)
      filled += taken.length
      rest = rest.subarray(taken.length)
      if (filled < gathered.length) continue
      parts.push(layOut(gathered))
      filled = 0
    }
  }
  if (hash.digest('hex') !== sha256) return undefined
  if (filled > 0) parts.push(layOut(gathered.subarray(0, filled)))
  const nothing = layOut(new Uint8Array())
  return {
    bytes,
    part(offset) {
      const whole = parts[Math.floor(offset / partBytes)] ?? nothing
      const skipped = offset % partBytes
      return skipped === 0 || whole === nothing ? whole : layOut(dataIn(whole).subarray(skipped))
    },
  }
}

function dataIn({ bytes }: LaidOut): Uint8Array {
  const { ok } = decode(bytes) as { ok: ReplyOf<typeof readBundle> }
  return ok.data
}
