/**
 * Workers read and write the store by way of the driver that owns the experiment (protocol/store.ts).
 * I1 Only the worker to which the log assigned the attempt writes the trial's checkpoint, or reads it and the one that it continues.
 * I2 Bounded: so many uploads and so many readings at once, each a part at a time.
 * I3 The hash of a checkpoint is in the log before it is kept, and nobody is given one whose hash is not there.
 */
import { createHash, type Hash } from 'node:crypto'
import {
  checkpointBucket,
  checkpointName,
  decodePayload,
  metrics,
  partBytes,
  problem,
  readCheckpoint,
  readRecorded,
  ringCheckpointName,
  ringName,
  subjectFor,
  writeCheckpoint,
  type PayloadOf,
  type ReplyOf,
} from '../../../protocol/index.ts'
import { answer, type Bus, type OnDropped, type Subscription } from '../../../src/bus/index.ts'
import type { BlobReader, BlobWriter } from '../../../src/bus/index.ts'

type Write = PayloadOf<typeof writeCheckpoint>
type Read = PayloadOf<typeof readCheckpoint>
type Recorded = ReplyOf<typeof readRecorded>

interface Upload {
  readonly writer: BlobWriter
  readonly hash: Hash
  readonly worker: string
  readonly name: string
  next: number
  busy: boolean
}

interface Reading {
  readonly reader: BlobReader
  /** Bytes that were read and not yet given. */
  left: Uint8Array
  next: number
}

const atOnce = 64

interface Saved {
  readonly trial: number
  readonly attempt: number
  readonly worker: string
  readonly ring: boolean
  readonly sha256: string
  readonly bytes: number
}

export interface StoreOptions {
  readonly bus: Bus
  readonly experiment: string
  /** Whether the log says that the worker has the attempt now. */
  readonly isAssigned: (worker: string, trial: number, attempt: number) => boolean
  /** Whether a trial continues another one. */
  readonly continues: (trial: number, other: number) => boolean
  /** Writes into the log that the checkpoint was received; resolves once that is kept, rejects if it cannot be. */
  readonly saved: (checkpoint: Saved) => Promise<void>
  /** Whether the log holds the hash of this checkpoint. */
  readonly hasSaved: (trial: number, ring: boolean, sha256: string) => boolean
  readonly onDropped: OnDropped
}

/** Answers an experiment's workers. */
export function serveStore(options: StoreOptions): Subscription[] {
  const { bus, experiment, isAssigned, onDropped } = options
  const uploads = new Map<string, Upload>()
  const readings = new Map<string, Reading>()

  const nameOf = (trial: number, ring: boolean): string =>
    ring ? ringCheckpointName(ringName(experiment, trial)) : checkpointName(experiment, trial)

  /** I1 */
  const requireAssigned = (worker: string, { trial, attempt }: Write | Read): void => {
    if (!isAssigned(worker, trial, attempt)) throw problem('CHECKPOINT_REFUSED', { worker, trial, attempt })
  }

  /** I2: what was used longest ago goes first. */
  function bounded<T>(of: Map<string, T>, drop: (value: T) => void): void {
    const [oldest] = of
    if (of.size <= atOnce || oldest === undefined) return
    of.delete(oldest[0])
    drop(oldest[1])
  }

  async function write(worker: string, said: Write): Promise<Record<string, never>> {
    requireAssigned(worker, said)
    const { upload, offset, bytes, data, trial, ring, generation } = said
    const key = `${worker}/${upload}`
    const unknown = (): Error => problem('UPLOAD_UNKNOWN', { upload, offset })
    if (offset === 0) {
      const name = nameOf(trial, ring)
      const writer = bus.blobs.writer(checkpointBucket, name, { generation })
      uploads.set(key, { writer, hash: createHash('sha256'), worker, name, next: 0, busy: false })
      bounded(uploads, ({ writer }) => void writer.abort().catch(() => undefined)) // it takes room, and does no other harm
    }
    const found = uploads.get(key)
    if (found === undefined || found.next !== offset || found.busy) throw unknown()
    if (offset + data.length > bytes) {
      uploads.delete(key)
      throw unknown()
    }
    found.busy = true
    try {
      await found.writer.write(data)
      found.hash.update(data)
      found.next += data.length
      if (found.next < bytes) return {}
      uploads.delete(key)
      // The log may have given the trial to another meanwhile.
      requireAssigned(worker, said)
      // I3
      const { attempt } = said
      await options.saved({ trial, attempt, worker, ring, sha256: found.hash.digest('hex'), bytes })
      await found.writer.end()
      return {}
    } catch (error) {
      uploads.delete(key)
      await found.writer.abort().catch(() => undefined) // the fault that counts is told
      throw error
    } finally {
      found.busy = false
    }
  }

  async function read(worker: string, said: Read): Promise<ReplyOf<typeof readCheckpoint>> {
    requireAssigned(worker, said)
    const { trial, attempt, ring, offset, of = trial } = said
    if (of !== trial && !options.continues(trial, of)) throw problem('CHECKPOINT_REFUSED', { worker, trial, attempt })
    const key = `${worker}/${trial}/${attempt}/${ring}/${of}`
    if (offset === 0) {
      const reader = await bus.blobs.reader(checkpointBucket, nameOf(of, ring))
      // I3: of a trial that was never said to have one, there is none.
      if (reader === undefined || !options.hasSaved(of, ring, reader.sha256)) return { part: null }
      readings.set(key, { reader, left: new Uint8Array(), next: 0 })
      bounded(readings, () => undefined)
    }
    const found = readings.get(key)
    // Its reader begins again, for the hash of what it has does not fit.
    if (found?.next !== offset) throw problem('UPLOAD_UNKNOWN', { upload: key, offset })
    const parts = [found.left]
    let length = found.left.length
    while (length < partBytes) {
      const more = await found.reader.next()
      if (more.length === 0) break
      parts.push(more)
      length += more.length
    }
    const all = new Uint8Array(Buffer.concat(parts))
    const data = all.subarray(0, partBytes)
    found.left = all.slice(partBytes)
    found.next += data.length
    const { bytes, sha256 } = found.reader
    if (found.next >= bytes) readings.delete(key)
    return { part: { bytes, sha256, data } }
  }

  async function recorded(worker: string, { trial, attempt }: PayloadOf<typeof readRecorded>): Promise<Recorded> {
    const subject = subjectFor(metrics, { worker, experiment, trial: String(trial) })
    const nothing = { latest: {}, points: 0 }
    const entry = await bus.streams.last('telemetry', subject)
    if (entry === undefined) return nothing
    const batch = decodePayload(metrics, entry.data, subject)
    if (batch.attempt !== attempt) return nothing
    const latest: Record<string, number | null> = {}
    for (const { values } of batch.points) Object.assign(latest, values)
    return { latest, points: batch.first + batch.points.length }
  }

  const here = { worker: '*', experiment }
  return [
    answer(bus, writeCheckpoint, here, (said, { worker }) => write(worker, said), { onDropped }),
    answer(bus, readCheckpoint, here, (said, { worker }) => read(worker, said), { onDropped }),
    answer(bus, readRecorded, here, (said, { worker }) => recorded(worker, said), { onDropped }),
  ]
}
