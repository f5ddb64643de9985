/**
 * How elements travel. Arithmetic is always done in float32 or better; only what is sent is narrowed.
 * I1 What an encoder sends is what its decoder gives, on every machine: an owner that adopts the decoded value equals all who receive it.
 * I2 A value that is not finite stays visible: a NaN is never sent as a number.
 * Payloads begin at a multiple of four bytes (see protocol/chunk-frame.ts); the word order is that of the machine, little-endian.
 */
import type { Range } from './plan.ts'

export type EncodingName = 'float32' | 'bfloat16' | 'int8'

export interface Encoding {
  /** Bytes that so many elements take. */
  bytesFor(elements: number): number
  /**
   * Writes `source[range] * scale` to `target`. `residual`, where given, is error feedback: what the last encoding of these
   * elements lost is added first, and what this one loses is kept (Seide et al. 2014; Karimireddy et al. 2019).
   */
  encode(source: Float32Array, range: Range, scale: number, target: Uint8Array, residual?: Float32Array): void
  /** `into[range] = payload` */
  decode(payload: Uint8Array, into: Float32Array, range: Range): void
  /** Whether `encode` loses something, so that error feedback helps. */
  readonly feedback: boolean
  /** Whether what is decoded equals what was encoded. */
  readonly exact: boolean
}

const float32: Encoding = {
  feedback: false,
  exact: true,
  bytesFor: (elements) => 4 * elements,
  encode(source, { start, end }, scale, target) {
    const words = new Float32Array(target.buffer, target.byteOffset, end - start)
    if (scale === 1) {
      words.set(source.subarray(start, end))
      return
    }
    for (let i = 0, at = start; at < end; i += 1, at += 1) words[i] = (source[at] as number) * scale
  },
  decode(payload, into, { start, end }) {
    into.set(new Float32Array(payload.buffer, payload.byteOffset, end - start), start)
  },
}

const block = 4096
const scratch = new Float32Array(block)
const scratchBits = new Int32Array(scratch.buffer)

/** The upper half of a float32, rounded to nearest, ties to even. */
const bfloat16: Encoding = {
  feedback: false,
  exact: false,
  bytesFor: (elements) => 2 * elements,
  encode(source, { start, end }, scale, target) {
    const words = new Uint16Array(target.buffer, target.byteOffset, end - start)
    for (let from = start; from < end; from += block) {
      const count = Math.min(block, end - from)
      for (let i = 0; i < count; i += 1) scratch[i] = (source[from + i] as number) * scale
      const base = from - start
      for (let i = 0; i < count; i += 1) {
        const bits = scratchBits[i] as number
        // A NaN whose low half holds its payload would become infinity by rounding (I2).
        words[base + i] =
          (bits & 0x7fffffff) > 0x7f800000 ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
      }
    }
  },
  decode(payload, into, { start, end }) {
    const words = new Uint16Array(payload.buffer, payload.byteOffset, end - start)
    const bits = new Int32Array(into.buffer, into.byteOffset + 4 * start, end - start)
    for (let i = 0; i < words.length; i += 1) bits[i] = (words[i] as number) << 16
  },
}

const scaleBlock = 256

/** One float32 scale for each 256 elements, then a signed byte an element. */
const int8: Encoding = {
  feedback: true,
  exact: false,
  bytesFor: (elements) => 4 * Math.ceil(elements / scaleBlock) + elements,
  encode(source, { start, end }, scale, target, residual) {
    const blocks = Math.ceil((end - start) / scaleBlock)
    const scales = new Float32Array(target.buffer, target.byteOffset, blocks)
    const bytes = new Int8Array(target.buffer, target.byteOffset + 4 * blocks, end - start)
    for (let b = 0; b < blocks; b += 1) {
      const from = start + b * scaleBlock
      const count = Math.min(scaleBlock, end - from)
      let largest = 0
      if (residual === undefined) {
        for (let i = 0; i < count; i += 1) {
          const value = (source[from + i] as number) * scale
          scratch[i] = value
          largest = Math.max(largest, Math.abs(value))
        }
      } else {
        for (let i = 0; i < count; i += 1) {
          const value = (source[from + i] as number) * scale + (residual[from + i] as number)
          scratch[i] = value
          largest = Math.max(largest, Math.abs(value))
        }
      }
      // As float32, for that is what the receiver multiplies with (I1). NaN and infinity pass on into it (I2).
      const unit = Math.fround(largest / 127)
      scales[b] = unit
      const inverse = unit > 0 && unit < Infinity ? 1 / unit : 0
      const base = from - start
      for (let i = 0; i < count; i += 1) {
        // Rounds half up: the sum is positive, so that cutting off is rounding down.
        const level = Math.min(255, ((scratch[i] as number) * inverse + 128.5) | 0) - 128
        bytes[base + i] = level
        if (residual !== undefined) {
          residual[from + i] = inverse === 0 ? 0 : (scratch[i] as number) - Math.fround(level * unit)
        }
      }
    }
  },
  decode(payload, into, { start, end }) {
    const blocks = Math.ceil((end - start) / scaleBlock)
    const scales = new Float32Array(payload.buffer, payload.byteOffset, blocks)
    const bytes = new Int8Array(payload.buffer, payload.byteOffset + 4 * blocks, end - start)
    for (let b = 0; b < blocks; b += 1) {
      const unit = scales[b] as number
      const base = b * scaleBlock
      const last = Math.min(bytes.length, base + scaleBlock)
      // Zero times infinity and zero times NaN are NaN: the whole block shows it (I2).
      for (let i = base; i < last; i += 1) into[start + i] = (bytes[i] as number) * unit
    }
  },
}

export const encodings: Readonly<Record<EncodingName, Encoding>> = { float32, bfloat16, int8 }
