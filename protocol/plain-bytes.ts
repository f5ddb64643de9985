/**
 * Looks over a message's bytes before they are decoded: what a peer says of lengths and depths is not believed, and nothing is allocated
 * for it. One pass over the heads; text and bytes are stepped over.
 * I1 Only what JSON knows, and bin: no extension types, so no dates, sets, cycles, big integers or records.
 * I2 Keys of maps are text.
 * I3 No more values, depth and keys than `plainLimits`: what decoding costs follows from the number of bytes.
 */

/** What one message may hold. */
export const plainLimits = {
  /** Values and keys, all told. */
  values: 2 ** 20,
  /** Maps and arrays within each other. */
  depth: 32,
  /** Of one map. */
  keys: 8192,
  /** Of one key. */
  keyBytes: 1024,
} as const

const cutShort = 'it is cut short'

/** Why these bytes are no message; undefined: they are one. */
export function faultInBytes(data: Uint8Array): string | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const end = data.length
  /** Of the maps and arrays around the one that is read: what is left of each, as `left`. */
  const around: number[] = []
  /** Values that the innermost array still takes; in a map keys and values, below zero: a key is next where it is even. */
  let left = 1
  let values = 0
  let at = 0
  while (left !== 0) {
    const isKey = left < 0 && left % 2 === 0
    left += left < 0 ? 1 : -1
    values += 1
    if (values > plainLimits.values) return `it holds more than ${plainLimits.values} values`
    const head = data[at]
    if (head === undefined) return cutShort
    const kind = kindOf(head)
    if (kind === 'foreign') return `byte ${at} is 0x${head.toString(16)}, an extension type`
    if (isKey && kind !== 'text') return 'a key is no text'
    const sizeBytes = sizeBytesOf(head)
    if (at + 1 + sizeBytes > end) return cutShort
    const size = sizeBytes === 0 ? sizeIn(head) : readSize(view, at + 1, sizeBytes)
    at += 1 + sizeBytes
    if (kind === 'map' || kind === 'array') {
      const inside = kind === 'map' ? 2 * size : size
      // Each value takes a byte at least.
      if (inside > end - at) return cutShort
      if (kind === 'map' && size > plainLimits.keys) return `a map has more than ${plainLimits.keys} keys`
      if (around.length >= plainLimits.depth) return `it is nested deeper than ${plainLimits.depth}`
      around.push(left)
      left = kind === 'map' ? -inside : inside
    } else {
      if (isKey && size > plainLimits.keyBytes) return `a key is longer than ${plainLimits.keyBytes} bytes`
      if (size > end - at) return cutShort
      at += size
    }
    while (left === 0 && around.length > 0) left = around.pop() ?? 0
  }
  return at === end ? undefined : `there are ${end - at} bytes after its end`
}

type Kind = 'value' | 'text' | 'map' | 'array' | 'foreign'

/** By the first byte of a value (github.com/msgpack/msgpack, spec.md). */
function kindOf(head: number): Kind {
  if (head <= 0x7f || head >= 0xe0) return 'value'
  if (head <= 0x8f) return 'map'
  if (head <= 0x9f) return 'array'
  if (head <= 0xbf) return 'text'
  if (head === 0xc1 || (head >= 0xc7 && head <= 0xc9) || (head >= 0xd4 && head <= 0xd8)) return 'foreign'
  if (head >= 0xd9 && head <= 0xdb) return 'text'
  if (head >= 0xdc && head <= 0xdd) return 'array'
  return head >= 0xde ? 'map' : 'value'
}

/** How many bytes after the first one say the size. */
function sizeBytesOf(head: number): number {
  switch (head) {
    case 0xc4:
    case 0xd9:
      return 1
    case 0xc5:
    case 0xda:
    case 0xdc:
    case 0xde:
      return 2
    case 0xc6:
    case 0xdb:
    case 0xdd:
    case 0xdf:
      return 4
    default:
      return 0
  }
}

function readSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at)
  return bytes === 2 ? view.getUint16(at) : view.getUint32(at)
}

/** A size that the first byte says: bytes of a text or a number, entries of a map or an array. */
function sizeIn(head: number): number {
  if (head <= 0x7f || head >= 0xe0) return 0
  if (head <= 0x9f) return head & 0x0f
  if (head <= 0xbf) return head & 0x1f
  // float32, float64; unsigned and signed integers of 1, 2, 4 and 8 bytes; nil, false, true.
  if (head === 0xca) return 4
  if (head === 0xcb) return 8
  if (head >= 0xcc && head <= 0xcf) return 2 ** (head - 0xcc)
  return head >= 0xd0 && head <= 0xd3 ? 2 ** (head - 0xd0) : 0
}
