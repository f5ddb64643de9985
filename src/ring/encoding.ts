/**
 * How elements travel. Arithmetic is always done in float32; only what is sent is narrowed.
 * I1 What an encoder sends is what its decoder gives, on every machine: an owner that adopts the decoded value equals all who receive it.
 * I2 A value that is not finite stays visible: a NaN is never sent as a number.
 * Payloads begin at a multiple of four bytes (see chunk-frame.ts), and are little-endian.
 */
import { block, blockElements, kernel, scaleElements } from './kernels.ts'
import type { Range } from './plan.ts'

export type EncodingName = 'float32' | 'bfloat16' | 'int8'

export interface Encoding {
  /** Bytes that the elements of a range take. */
  bytesFor(range: Range): number
  /**
   * Writes `source[range] * scale` to `target`. `residual`, where given, is error feedback: what the last encoding of these
   * elements lost is added first, and what this one loses is kept (Seide et al. 2014; Karimireddy et al. 2019).
   */
  encode(source: Float32Array, range: Range, scale: number, target: Uint8Array, residual?: Float32Array): void
  /** Decodes the payload of a range, a block at a time, into `block.values`. */
  decodeBlocks(payload: Uint8Array, range: Range, taken: (from: number, count: number) => void): void
  /** Whether `encode` loses something that error feedback brings back. */
  readonly feedback: boolean
  /** Whether what is decoded equals what was encoded: the payload is the elements as float32. */
  readonly exact: boolean
}

/** `into[range] = payload` */
export function decodeInto(encoding: Encoding, payload: Uint8Array, into: Float32Array, range: Range): void {
  if (encoding.exact) {
    into.set(new Float32Array(payload.buffer, payload.byteOffset, range.end - range.start), range.start)
    return
  }
  encoding.decodeBlocks(payload, range, (from, count) => {
    into.set(block.values.subarray(0, count), range.start + from)
  })
}

/** Each block of so many elements: where it begins, and how many it has. */
function eachBlock(elements: number, work: (from: number, count: number) => void): void {
  for (let from = 0; from < elements; from += blockElements) work(from, Math.min(blockElements, elements - from))
}

const float32: Encoding = {
  feedback: false,
  exact: true,
  bytesFor: ({ start, end }) => 4 * (end - start),
  encode(source, { start, end }, scale, target) {
    const words = new Float32Array(target.buffer, target.byteOffset, end - start)
    if (scale === 1) {
      words.set(source.subarray(start, end))
      return
    }
    eachBlock(end - start, (from, count) => {
      block.source.set(source.subarray(start + from, start + from + count))
      kernel.scale(4 * count, scale)
      words.set(block.source.subarray(0, count), from)
    })
  },
  decodeBlocks(payload, { start, end }, taken) {
    const elements = end - start
    const words = new Float32Array(payload.buffer, payload.byteOffset, elements)
    eachBlock(elements, (from, count) => {
      block.values.set(words.subarray(from, from + count))
      taken(from, count)
    })
  },
}

/** The upper half of a float32, rounded to the nearest, ties to even. */
const bfloat16: Encoding = {
  feedback: false,
  exact: false,
  bytesFor: ({ start, end }) => 2 * (end - start),
  encode(source, { start, end }, scale, target) {
    const words = new Uint16Array(target.buffer, target.byteOffset, end - start)
    eachBlock(end - start, (from, count) => {
      block.source.set(source.subarray(start + from, start + from + count))
      kernel.narrow(4 * count, scale)
      words.set(block.halves.subarray(0, count), from)
    })
  },
  decodeBlocks(payload, { start, end }, taken) {
    const elements = end - start
    const words = new Uint16Array(payload.buffer, payload.byteOffset, elements)
    eachBlock(elements, (from, count) => {
      block.halves.set(words.subarray(from, from + count))
      kernel.widen(4 * count)
      taken(from, count)
    })
  },
}

/** One float32 unit for each 256 elements, then a signed byte an element. */
const int8: Encoding = {
  feedback: true,
  exact: false,
  bytesFor: ({ start, end }) => 4 * Math.ceil((end - start) / scaleElements) + end - start,
  encode(source, { start, end }, scale, target, residual) {
    const units = new Float32Array(target.buffer, target.byteOffset, Math.ceil((end - start) / scaleElements))
    const bytes = new Int8Array(target.buffer, target.byteOffset + units.byteLength, end - start)
    eachBlock(end - start, (from, count) => {
      const padded = scaleElements * Math.ceil(count / scaleElements)
      const [first, last] = [start + from, start + from + count]
      block.source.set(source.subarray(first, last))
      block.source.fill(0, count, padded)
      if (residual === undefined) block.residual.fill(0, 0, padded)
      else block.residual.set(residual.subarray(first, last))
      block.residual.fill(0, count, padded)
      // What goes is a float32 unit, for that is what the receiver multiplies with (I1). NaN and infinity pass on into it (I2).
      kernel.pack(4 * padded, scale)
      units.set(block.units.subarray(0, padded / scaleElements), from / scaleElements)
      bytes.set(block.bytes.subarray(0, count), from)
      residual?.set(block.residual.subarray(0, count), first)
    })
  },
  decodeBlocks(payload, { start, end }, taken) {
    const elements = end - start
    const units = new Float32Array(payload.buffer, payload.byteOffset, Math.ceil(elements / scaleElements))
    const bytes = new Int8Array(payload.buffer, payload.byteOffset + units.byteLength, elements)
    eachBlock(elements, (from, count) => {
      block.bytes.set(bytes.subarray(from, from + count))
      block.units.set(units.subarray(from / scaleElements, Math.ceil((from + count) / scaleElements)))
      // Zero times infinity and zero times NaN are NaN: all elements of the unit show it (I2).
      kernel.unpack(4 * count)
      taken(from, count)
    })
  },
}

export const encodings: Readonly<Record<EncodingName, Encoding>> = { float32, bfloat16, int8 }

/**
 * The elements from `split` on as float32, those before it encoded: for what must not lose anything beside what may. A payload has the
 * encoded part first, filled up to four bytes.
 */
export function exactFrom(encoding: Encoding, split: number): Encoding {
  const parts = ({ start, end }: Range) => {
    const at = Math.min(end, Math.max(start, split))
    const [lossy, exact] = [
      { start, end: at },
      { start: at, end },
    ]
    return { lossy, exact, lossyBytes: 4 * Math.ceil(encoding.bytesFor(lossy) / 4), whole: at === end }
  }
  return {
    feedback: encoding.feedback,
    exact: false,
    bytesFor(range) {
      const { exact, lossyBytes, whole } = parts(range)
      return whole ? encoding.bytesFor(range) : lossyBytes + float32.bytesFor(exact)
    },
    encode(source, range, scale, target, residual) {
      const { lossy, exact, lossyBytes } = parts(range)
      if (lossy.start < lossy.end) encoding.encode(source, lossy, scale, target, residual)
      if (exact.start < exact.end) float32.encode(source, exact, scale, target.subarray(lossyBytes))
    },
    decodeBlocks(payload, range, taken) {
      const { lossy, exact, lossyBytes } = parts(range)
      if (lossy.start < lossy.end) encoding.decodeBlocks(payload, lossy, taken)
      if (exact.start === exact.end) return
      float32.decodeBlocks(payload.subarray(lossyBytes), exact, (from, count) => {
        taken(exact.start - range.start + from, count)
      })
    },
  }
}
