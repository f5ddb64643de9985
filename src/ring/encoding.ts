/**
 * How elements travel. Arithmetic is always done in float32; only the bytes that are sent are narrower.
 * I1 Decoding gives the same values on every machine, so an owner that adopts the decoded values equals all receivers.
 * I2 A value that is not finite stays visible: a NaN is never sent as a number.
 * Payloads are little-endian.
 */
import type { Range } from './plan.ts'
import { eachBlock, groupElements, padded, type Workspace } from './workspace.ts'

export type EncodingName = 'float32' | 'bfloat16' | 'int8'

/** The values to be sent: `(own * weight + payload) * factor`, computed in one pass. */
export interface Mixture {
  /** Undefined: nothing of one's own. */
  readonly own: Float32Array | undefined
  readonly weight: number
  /** Encoded alike; undefined: nothing of others yet, and a factor of 1. */
  readonly payload?: Uint8Array | undefined
  readonly factor?: number
  /**
   * Error feedback: the error of the last encoding of these elements is added, and the error of this one is kept (Seide et al. 2014;
   * Karimireddy et al. 2019).
   */
  readonly residual?: Float32Array | undefined
  /** Gets the values that the receiver will decode. */
  readonly into?: Float32Array | undefined
}

type TakeDecoded = (from: number, count: number, put: (address: number) => void) => void

export interface Encoding {
  /** Bytes that the elements of a range take. */
  bytesFor(range: Range): number
  /** Whether encoding loses something that error feedback brings back. */
  readonly feedback: boolean
  /** Whether decoding gives exactly the values that were encoded: the payload is the elements as float32. */
  readonly exact: boolean
  /** Writes the range of a mixture to the address `out`; the mixture's payload is at the address `payload`. */
  mix(space: Workspace, range: Range, mixture: Mixture, payload: number, out: number): void
  /** Decodes the payload at the address `payload`, block by block: `put` decodes a block to an address. */
  eachDecoded(space: Workspace, range: Range, payload: number, take: TakeDecoded): void
}

/** Writes the range of a mixture to `target`. */
export function encode(space: Workspace, encoding: Encoding, range: Range, mixture: Mixture, target: Uint8Array): void {
  const payload = mixture.payload === undefined ? 0 : space.stage(mixture.payload)
  space.deliver(target, (out) => {
    encoding.mix(space, range, mixture, payload, out)
  })
}

/** `into[range] = payload` */
export function decode(
  space: Workspace,
  encoding: Encoding,
  range: Range,
  payload: Uint8Array,
  into: Float32Array,
): void {
  encoding.eachDecoded(space, range, space.stage(payload), (from, count, put) => {
    put(space.write('into', into, from, count))
    space.written('into', into, from, count)
  })
}

/** `into[range] = own[range] * weight + payload`. `own` and `into` may be the same. */
export function accumulate(
  space: Workspace,
  encoding: Encoding,
  range: Range,
  mixture: Mixture & { readonly payload: Uint8Array; readonly into: Float32Array },
): void {
  encoding.eachDecoded(space, range, space.stage(mixture.payload), (from, count, put) => {
    const own = ownPart(space, mixture, from, count)
    const values = space.place('values')
    put(values)
    adopted(mixture, space, from, count, (into) => {
      space.kernels.mixFloat32(own, mixture.weight, values, 1, values, into, padded(count))
    })
  })
}

/** Where a block of one's own is to be read. */
const ownPart = (space: Workspace, { own }: Mixture, from: number, count: number): number =>
  own === undefined ? space.zeros('own', count) : space.read('own', own, from, count)

/** Has `write` put a block of the decoded values where the mixture wants them, if it does. */
function adopted(
  { into }: Mixture,
  space: Workspace,
  from: number,
  count: number,
  write: (into: number) => void,
): void {
  write(into === undefined ? 0 : space.write('into', into, from, count))
  if (into !== undefined) space.written('into', into, from, count)
}

/** Each element is encoded by itself, in a fixed number of bytes. */
const elementwise = (
  bytes: number,
  exact: boolean,
  kernels: { readonly mix: 'mixFloat32' | 'mixBfloat16'; readonly decode: 'decodeFloat32' | 'decodeBfloat16' },
): Encoding => ({
  feedback: false,
  exact,
  bytesFor: ({ start, end }) => bytes * (end - start),
  mix(space, range, mixture, payload, out) {
    const { weight, factor = 1 } = mixture
    eachBlock(range, (from, count) => {
      const at = bytes * (from - range.start)
      const own = ownPart(space, mixture, from, count)
      adopted(mixture, space, from, count, (into) => {
        const given = payload === 0 ? 0 : payload + at
        space.kernels[kernels.mix](own, weight, given, factor, out + at, into, padded(count))
      })
    })
  },
  eachDecoded(space, range, payload, take) {
    eachBlock(range, (from, count) => {
      take(from, count, (address) => {
        space.kernels[kernels.decode](payload + bytes * (from - range.start), address, padded(count))
      })
    })
  },
})

const float32 = elementwise(4, true, { mix: 'mixFloat32', decode: 'decodeFloat32' })
/** The upper half of a float32, rounded to the nearest, ties to even. */
const bfloat16 = elementwise(2, false, { mix: 'mixBfloat16', decode: 'decodeBfloat16' })

const unitBytes = ({ start, end }: Range): number => 4 * Math.ceil((end - start) / groupElements)

/** One float32 unit for each 256 elements; behind all units, a signed byte an element. */
const int8: Encoding = {
  feedback: true,
  exact: false,
  bytesFor: (range) => unitBytes(range) + range.end - range.start,
  mix(space, range, mixture, payload, out) {
    const { weight, factor = 1, residual } = mixture
    const units = unitBytes(range)
    eachBlock(range, (from, count) => {
      const at = from - range.start
      const unitsAt = (4 * at) / groupElements
      const own = ownPart(space, mixture, from, count)
      const lost =
        residual === undefined ? space.zeros('residual', count) : space.read('residual', residual, from, count)
      adopted(mixture, space, from, count, (into) => {
        // Values behind the last elements must not count for their unit.
        const came = payload + units + at
        const given = payload === 0 ? 0 : count < groupElements ? space.group(came, count) : came
        space.kernels.mixInt8(
          own,
          weight,
          payload + unitsAt,
          given,
          factor,
          lost,
          out + unitsAt,
          out + units + at,
          into,
          padded(count),
          space.scratch,
        )
      })
      if (residual !== undefined) space.written('residual', residual, from, count)
    })
  },
  eachDecoded(space, range, payload, take) {
    const values = payload + unitBytes(range)
    eachBlock(range, (from, count) => {
      const at = from - range.start
      take(from, count, (address) => {
        space.kernels.decodeInt8(payload + (4 * at) / groupElements, values + at, address, padded(count))
      })
    })
  },
}

export const encodings: Readonly<Record<EncodingName, Encoding>> = { float32, bfloat16, int8 }

/**
 * The elements before `split` are encoded, those from `split` on are sent as float32, for they must lose nothing. A payload has the
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
    mix(space, range, mixture, payload, out) {
      const { lossy, exact, lossyBytes } = parts(range)
      // In this order: the first may write up to a group too many.
      encoding.mix(space, lossy, mixture, payload, out)
      float32.mix(space, exact, mixture, payload === 0 ? 0 : payload + lossyBytes, out + lossyBytes)
    },
    eachDecoded(space, range, payload, take) {
      const { lossy, exact, lossyBytes } = parts(range)
      encoding.eachDecoded(space, lossy, payload, take)
      float32.eachDecoded(space, exact, payload + lossyBytes, take)
    },
  }
}

/** For a vector of this length whose elements from `split` on lose nothing on their way. */
export function encodingFor(name: EncodingName, length: number, split: number): Encoding {
  const encoding = encodings[name]
  if (encoding.exact || split >= length) return encoding
  return split === 0 ? encodings.float32 : exactFrom(encoding, split)
}
