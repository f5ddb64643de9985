/** A worker and its runners read and write the store by way of drivers (protocol/store.ts), in parts. */
import { createHash, randomBytes } from 'node:crypto'
import {
  codeOf,
  partBytes,
  problem,
  readBundle,
  readCheckpoint,
  writeCheckpoint,
  type AttemptRef,
} from '../../protocol/index.ts'
import type { Clock } from '../../src/actor/index.ts'
import { ask, jittered, type Bus } from '../../src/bus/index.ts'

/** Outages and elections: of the bus itself, or of the store behind the driver that was asked. */
const passing: readonly string[] = [
  'BUS_DISCONNECTED',
  'BUS_TIMEOUT',
  'BUS_NO_RESPONDERS',
  'BUS_NO_LEADER',
  'BUS_NO_JETSTREAM',
  'STORE_BUSY',
  'DRIVER_FENCED',
]
export const passes = (error: unknown): boolean => passing.includes(codeOf(error) ?? '')

/**
 * Whether a driver has refused an attempt's question for a checkpoint. It may pass: a driver that has lost the experiment and does not know
 * it yet refuses an attempt that only the other one's log knows.
 */
export const isRefused = (error: unknown): boolean => codeOf(error) === 'CHECKPOINT_REFUSED'

/** A driver that dies over a question leaves it without a word. */
const timeoutMs = 5_000
const tries = 5

interface Part {
  readonly bytes: number
  readonly sha256: string
  readonly data: Uint8Array
}

/** The bytes that come part by part; undefined: there are none. Begins again when they are replaced meanwhile. */
async function whole(subject: string, next: (offset: number) => Promise<Part | null>): Promise<Uint8Array | undefined> {
  for (let left = tries; ; left -= 1) {
    const parts: Uint8Array[] = []
    const hash = createHash('sha256')
    let read = 0
    for (;;) {
      const part = await next(read)
      if (part === null) return undefined
      parts.push(new Uint8Array(part.data))
      hash.update(part.data)
      read += part.data.length
      if (read < part.bytes && part.data.length > 0) continue
      if (read === part.bytes && hash.digest('hex') === part.sha256) return new Uint8Array(Buffer.concat(parts))
      break
    }
    if (left === 0) throw problem('BUS_REFUSED', { subject, reason: 'what came is not whole' })
  }
}

interface Reading {
  readonly bus: Bus
  readonly clock: Clock
  readonly worker: string
}

/** In vain, a part is asked for so often. */
const partTries = 20
const pauses = { firstMs: 200, longestMs: 4_000 }

/**
 * A part of an experiment's code. One that has begun goes on from where it is: where a thousand read at once, those that began anew would
 * never let the others end. The pauses are random, so that these do not come back together.
 */
export async function bundlePart({ bus, clock, worker }: Reading, sha256: string, offset: number): Promise<Part> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask(bus, readBundle, { worker, bundle: sha256 }, { offset }, { timeoutMs })
    } catch (error) {
      if (tries === partTries || !passes(error)) throw error
      await new Promise<void>((resolve) => clock.setTimeout(resolve, jittered(tries, pauses, Math.random)))
    }
  }
}

/** An experiment's code, or undefined if the store has none of that hash. */
export async function fetchBundle(reading: Reading, sha256: string): Promise<Uint8Array | undefined> {
  try {
    return await whole('bundle.read', (offset) => bundlePart(reading, sha256, offset))
  } catch (error) {
    if (codeOf(error) === 'BUNDLE_MISSING') return undefined
    throw error
  }
}

/** Whose checkpoint: the trial's own, or the state of the ring that trains it. */
export interface CheckpointOf {
  readonly attempt: AttemptRef
  readonly ring: boolean
}

/** `of`: another trial of the experiment, the one that this one continues. */
export async function fetchCheckpoint(
  bus: Bus,
  worker: string,
  { attempt: { experiment, trial, attempt }, ring }: CheckpointOf,
  of?: number,
): Promise<Uint8Array | undefined> {
  const other = of === undefined || of === trial ? {} : { of }
  return await whole('checkpoint.read', async (offset) => {
    const question = { trial, attempt, ring, offset, ...other }
    return (await ask(bus, readCheckpoint, { worker, experiment }, question, { timeoutMs })).part
  })
}

export async function storeCheckpoint(
  bus: Bus,
  worker: string,
  { attempt: { experiment, trial, attempt }, ring }: CheckpointOf,
  data: Uint8Array,
  generation?: number,
): Promise<void> {
  const fence = generation === undefined ? {} : { generation }
  for (let left = tries; ; left -= 1) {
    try {
      const upload = randomBytes(9).toString('hex')
      let offset = 0
      do {
        const part = data.subarray(offset, offset + partBytes)
        const said = { trial, attempt, ring, upload, offset, bytes: data.length, data: part, ...fence }
        await ask(bus, writeCheckpoint, { worker, experiment }, said, { timeoutMs })
        offset += part.length
      } while (offset < data.length)
      return
    } catch (error) {
      if (codeOf(error) !== 'UPLOAD_UNKNOWN' || left === 0) throw error
    }
  }
}
