/**
 * One msgpack map per message.
 * I1 A typed array other than Uint8Array is refused: msgpackr packs it wrongly and silently. A tensor travels as {dtype, shape, data}.
 * I2 Decoded bytes may lie in memory that the bus uses again: `float32From` copies them.
 */
import { Packr } from 'msgpackr'
import { problem } from './errors.ts'

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  int64AsType: 'number',
  skipValues: [undefined],
} as ConstructorParameters<typeof Packr>[0])

/** Encodes a plain value (maps, arrays, strings, numbers, booleans, null, Uint8Array). Throws MESSAGE_INVALID on anything else. */
export function encode(value: unknown, subject = ''): Uint8Array {
  refuseForeign(value, '', subject, 0)
  return packr.pack(value)
}

/** Decodes one msgpack value. Throws MESSAGE_MALFORMED. */
export function decode(data: Uint8Array, subject = ''): unknown {
  try {
    return packr.unpack(data)
  } catch (error) {
    throw problem('MESSAGE_MALFORMED', { subject, reason: error instanceof Error ? error.message : String(error) })
  }
}

const maximumDepth = 32

function refuseForeign(value: unknown, path: string, subject: string, depth: number): void {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
      throw problem('MESSAGE_INVALID', { subject, path: path || '/', reason: `is a ${typeof value}` })
    }
    return
  }
  if (depth > maximumDepth) throw problem('MESSAGE_INVALID', { subject, path, reason: 'is nested too deeply' })
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseForeign(item, `${path}/${index}`, subject, depth + 1)
    return
  }
  if (value instanceof Uint8Array) return
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    const name = value.constructor?.name ?? 'object'
    throw problem('MESSAGE_INVALID', { subject, path: path || '/', reason: `is a ${name}, not a plain value` })
  }
  for (const [key, item] of Object.entries(value)) refuseForeign(item, `${path}/${key}`, subject, depth + 1)
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
