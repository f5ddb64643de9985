/**
 * A chunk's msgpack bytes, laid out by hand so that its data are written where they are sent from, and need no copy on either side.
 * I1 `decode(frame)` equals the chunk: the frame is an ordinary msgpack map, if not the shortest one (all numbers have a fixed width).
 * I2 The data begin at a multiple of eight bytes of a frame (I3 of workspace.ts).
 */
import { crc32 } from 'node:zlib'
import { problem, type Chunk, type ChunkPhase } from '../../protocol/index.ts'
import type { Workspace } from './workspace.ts'

export type ChunkHead = Omit<Chunk, 'checksum' | 'data'>

const phaseNumbers: Readonly<Record<ChunkPhase, number>> = { reduce: 0, gather: 1, broadcast: 2, exchange: 3 }

interface Layout {
  readonly head: Uint8Array
  readonly at: Readonly<
    Record<'generation' | 'step' | 'hop' | 'index' | 'from' | 'length' | 'weight' | 'checksum', number>
  >
  readonly sizeAt: number
}

const text = new TextEncoder()
const layouts = new Map<ChunkPhase, Layout>()

/** The bytes before the data for a phase. As many names get a longer prefix as it takes to bring the data to a multiple of eight. */
function layoutOf(phase: ChunkPhase, longNames = 0): Layout {
  const known = layouts.get(phase)
  if (known !== undefined) return known
  const bytes: number[] = []
  const at: Record<string, number> = {}
  let long = longNames
  const name = (key: string): void => {
    const encoded = text.encode(key)
    if (long > 0) bytes.push(0xd9, encoded.length)
    else bytes.push(0xa0 | encoded.length)
    long -= 1
    bytes.push(...encoded)
  }
  const uint32 = (key: string): void => {
    name(key)
    bytes.push(0xce)
    at[key] = bytes.length
    bytes.push(0, 0, 0, 0)
  }
  bytes.push(0x80 | 10)
  for (const key of ['generation', 'step']) uint32(key)
  name('phase')
  const value = text.encode(phase)
  bytes.push(0xa0 | value.length, ...value)
  for (const key of ['hop', 'index', 'from', 'length']) uint32(key)
  name('weight')
  bytes.push(0xcb)
  at['weight'] = bytes.length
  bytes.push(0, 0, 0, 0, 0, 0, 0, 0)
  uint32('checksum')
  name('data')
  bytes.push(0xc6)
  const sizeAt = bytes.length
  bytes.push(0, 0, 0, 0)
  if (bytes.length % 8 !== 0) return layoutOf(phase, longNames + 1)
  const layout: Layout = { head: new Uint8Array(bytes), at: at as Layout['at'], sizeAt }
  layouts.set(phase, layout)
  return layout
}

/** Bytes of a frame besides its data, at most. */
export const frameOverhead = 192

export interface ChunkFrame {
  /** To be filled by the caller; then `seal`. */
  readonly data: Uint8Array
  /** Writes the checksum, and gives the bytes to send. `digested`: the same data, if they were looked at already. */
  seal(digested?: Uint8Array): Uint8Array
}

/** Lays a frame into `memory`, which begins at a multiple of eight bytes and is `frameOverhead` longer than the data at least. */
export function chunkFrame(space: Workspace, memory: Uint8Array, head: ChunkHead, dataBytes: number): ChunkFrame {
  const { head: fixed, at, sizeAt } = layoutOf(head.phase)
  memory.set(fixed)
  const view = new DataView(memory.buffer, memory.byteOffset, fixed.length + dataBytes)
  view.setUint32(at.generation, head.generation)
  view.setUint32(at.step, head.step)
  view.setUint32(at.hop, head.hop)
  view.setUint32(at.index, head.index)
  view.setUint32(at.from, head.from)
  view.setUint32(at.length, head.length)
  view.setFloat64(at.weight, head.weight)
  view.setUint32(sizeAt, dataBytes)
  const frame = memory.subarray(0, fixed.length + dataBytes)
  const data = frame.subarray(fixed.length)
  return {
    data,
    seal(digested = data) {
      view.setUint32(at.checksum, checksumOf(head, dataBytes, space.digest(digested)))
      return frame
    },
  }
}

const lanes = 16
const fields = new DataView(new ArrayBuffer(40 + 4 * lanes))
const fieldBytes = new Uint8Array(fields.buffer)

/**
 * Of head and data; below 2^32 (protocol/ring.ts says how). A CRC over all of the data would take a sixth of the time of a reduction.
 */
function checksumOf(head: ChunkHead, dataBytes: number, digest: Uint32Array): number {
  for (let lane = 0; lane < lanes; lane += 1) fields.setUint32(40 + 4 * lane, digest[lane] ?? 0)
  const { generation, step, phase, hop, index, from, length, weight } = head
  const numbers = [dataBytes, generation, step, phaseNumbers[phase], hop, index, from, length]
  for (const [at, number] of numbers.entries()) fields.setUint32(4 * at, number)
  fields.setFloat64(32, weight)
  return crc32(fieldBytes)
}

/** Throws RING_CHUNK_CORRUPT. */
export function requireIntact(space: Workspace, received: Chunk): void {
  if (checksumOf(received, received.data.byteLength, space.digest(received.data)) === received.checksum) return
  const { generation, step, phase, hop, index } = received
  throw problem('RING_CHUNK_CORRUPT', { chunk: [generation, step, phase, hop, index].join('/') })
}
