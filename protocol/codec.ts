/**
 * One msgpack map per message.
 * I1 A typed array other than Uint8Array is refused: msgpackr packs it wrongly and silently. A tensor travels as {dtype, shape, data}.
 * I2 Decoded bytes may lie in memory that the bus uses again: `float32From` copies them.
 * I3 What is decoded was looked over before (plain-bytes.ts), and nothing is encoded that would not be decoded.
 */
import { Packr } from 'msgpackr'
import { problem } from './errors.ts'
import { faultInBytes, plainLimits } from './plain-bytes.ts'

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  int64AsType: 'number',
  skipValues: [undefined],
} as ConstructorParameters<typeof Packr>[0])

/** Encodes a plain value (maps, arrays, strings, numbers, booleans, null, Uint8Array). Throws MESSAGE_INVALID on anything else. */
export function encode(value: unknown, subject = ''): Uint8Array {
  refuseForeign(value, '', subject, { depth: 0, values: 0 })
  return packr.pack(value)
}

/** Encoded values in the place of the empty list with which `head`, an encoded map, ends. The same bytes as if all were encoded at once. */
export function withList(head: Uint8Array, values: readonly Uint8Array[]): Uint8Array {
  const count = values.length
  if (head.at(-1) !== 0x90 || count > 0xffff) throw problem('INTERNAL', { reason: 'no list to put values into' })
  const size = count < 16 ? [0x90 | count] : [0xdc, count >> 8, count & 0xff]
  return new Uint8Array(Buffer.concat([head.subarray(0, -1), Uint8Array.from(size), ...values]))
}

/** Decodes one msgpack value. Throws MESSAGE_MALFORMED. */
export function decode(data: Uint8Array, subject = ''): unknown {
  const reason = faultInBytes(data)
  if (reason !== undefined) throw problem('MESSAGE_MALFORMED', { subject, reason })
  try {
    return packr.unpack(data)
  } catch (error) {
    throw problem('MESSAGE_MALFORMED', { subject, reason: error instanceof Error ? error.message : String(error) })
  }
}

interface Seen {
  depth: number
  values: number
}

function refuseForeign(value: unknown, path: string, subject: string, seen: Seen): void {
  const refuse = (reason: string) => problem('MESSAGE_INVALID', { subject, path: path || '/', reason })
  seen.values += 1
  if (seen.values > plainLimits.values) throw refuse(`comes after ${plainLimits.values} other values: too many`)
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
      throw refuse(`is a ${typeof value}`)
    }
    return
  }
  if (value instanceof Uint8Array) return
  if (seen.depth >= plainLimits.depth) throw refuse('is nested too deeply')
  seen.depth += 1
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseForeign(item, `${path}/${index}`, subject, seen)
  } else {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) {
      throw refuse(`is a ${value.constructor?.name ?? 'object'}, not a plain value`)
    }
    const entries = Object.entries(value)
    if (entries.length > plainLimits.keys) throw refuse(`has ${entries.length} keys; ${plainLimits.keys} are the most`)
    for (const [key, item] of entries) {
      if (key.length * 3 > plainLimits.keyBytes && Buffer.byteLength(key) > plainLimits.keyBytes)
        throw refuse(`has a key of more than ${plainLimits.keyBytes} bytes`)
      seen.values += 1
      refuseForeign(item, `${path}/${key}`, subject, seen)
    }
  }
  seen.depth -= 1
}

/** Bytes as float32 values, copied, for decoded bytes are often not 4-aligned. */
export function float32From(data: Uint8Array): Float32Array {
  // Not data.slice(): bytes from a socket are a Buffer, and a Buffer's slice is a view.
  return new Float32Array(new Uint8Array(data).buffer)
}

/** The bytes of a float32 view, without a copy: do not touch it before the message that carries it is answered. */
export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
