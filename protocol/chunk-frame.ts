/**
 * A chunk's msgpack bytes, laid out by hand so that its data are written where they are sent from, and need no copy on either side.
 * I1 `decode(frame)` equals the chunk: the frame is an ordinary msgpack map, if not the shortest one (all numbers have a fixed width).
 * I2 The data begin at a multiple of four bytes, so that a receiver may look at them as float32 where they are.
 * The checksum is two sums of 32-bit words (Fletcher 1982, modulo 2^32): the plain one notices any bit that flips, the one of its
 * running values notices words that change places. It is as fast as memory, where zlib's CRC-32 would take longer than the reduction.
 */
import { problem } from './errors.ts'
import type { Chunk, ChunkPhase } from './ring.ts'

export type ChunkHead = Omit<Chunk, 'checksum' | 'data'>

const phaseNumbers: Readonly<Record<ChunkPhase, number>> = { reduce: 0, gather: 1, broadcast: 2, exchange: 3 }

interface Layout {
  readonly head: Uint8Array
  readonly at: Readonly<Record<'generation' | 'step' | 'hop' | 'index' | 'from' | 'length' | 'weight', number>>
  readonly checksumAt: number
  readonly sizeAt: number
}

const text = new TextEncoder()
const layouts = new Map<ChunkPhase, Layout>()

/** The bytes before the data for a phase. As many names get a longer prefix as it takes to bring the data to a multiple of four. */
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
  // 53 bits are what a number holds: the checksum is a float64 that is a whole number.
  name('checksum')
  bytes.push(0xcb)
  const checksumAt = bytes.length
  bytes.push(0, 0, 0, 0, 0, 0, 0, 0)
  name('data')
  bytes.push(0xc6)
  const sizeAt = bytes.length
  bytes.push(0, 0, 0, 0)
  if (bytes.length % 4 !== 0) return layoutOf(phase, longNames + 1)
  const layout: Layout = { head: new Uint8Array(bytes), at: at as Layout['at'], checksumAt, sizeAt }
  layouts.set(phase, layout)
  return layout
}

/** Bytes of a frame besides its data, at most. */
export const frameOverhead = 192

export interface ChunkFrame {
  /** To be filled by the caller; then `seal`. */
  readonly data: Uint8Array
  /** Writes the checksum, and gives the bytes to send. */
  seal(): Uint8Array
}

/** Lays a frame into `memory`, which begins at a multiple of four bytes and is `frameOverhead` longer than the data at least. */
export function chunkFrame(memory: Uint8Array, head: ChunkHead, dataBytes: number): ChunkFrame {
  const { head: fixed, at, checksumAt, sizeAt } = layoutOf(head.phase)
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
    seal() {
      view.setFloat64(checksumAt, checksumOf(head, data))
      return frame
    },
  }
}

const weightWords = new Uint32Array(new Float64Array(1).buffer)
const weightValue = new Float64Array(weightWords.buffer)

/** Of head and data; a whole number below 2^53. */
export function checksumOf(head: ChunkHead, data: Uint8Array): number {
  const whole = data.byteLength >>> 2
  const aligned = data.byteOffset % 4 === 0 ? data : new Uint8Array(data)
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, whole)
  let sum = 0
  let running = 0
  const four = whole & ~3
  let i = 0
  for (; i < four; i += 4) {
    const a = words[i] as number
    const b = words[i + 1] as number
    const c = words[i + 2] as number
    const d = words[i + 3] as number
    // Four steps of `sum += word; running += sum` at once, without waiting for one another.
    running = (running + 4 * sum + 4 * a + 3 * b + 2 * c + d) | 0
    sum = (sum + a + b + c + d) | 0
  }
  const add = (word: number): void => {
    sum = (sum + word) | 0
    running = (running + sum) | 0
  }
  for (; i < whole; i += 1) add(words[i] as number)
  for (let at = 4 * whole; at < aligned.byteLength; at += 1) add(aligned[at] as number)
  weightValue[0] = head.weight
  const { generation, step, hop, index, from, length } = head
  const fields = [data.byteLength, generation, step, phaseNumbers[head.phase], hop, index, from, length]
  for (const field of fields) add(field)
  for (const word of weightWords) add(word)
  // 32 bits of the plain sum, 21 of the other.
  return (running & 0x1fffff) * 2 ** 32 + (sum >>> 0)
}

/** Throws RING_CHUNK_CORRUPT. */
export function requireIntact(received: Chunk): void {
  if (checksumOf(received, received.data) === received.checksum) return
  const { generation, step, phase, hop, index } = received
  throw problem('RING_CHUNK_CORRUPT', { chunk: [generation, step, phase, hop, index].join('/') })
}
