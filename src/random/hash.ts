/**
 * MurmurHash3_x86_32 (Austin Appleby, public domain): names and numbers to 32 bits, the same in every language.
 * Not for secrets.
 */

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

/** Mixes the bits of a 32-bit word so that each depends on all (murmur's finalizer). Unsigned. */
export function mix32(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const scramble = (word: number): number => Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)

/** Unsigned 32 bits. */
export function murmur32(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const whole = bytes.length & ~3
  let h = seed | 0
  for (let at = 0; at < whole; at += 4) {
    h = (Math.imul(rotate(h ^ scramble(view.getUint32(at, true)), 13), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | view.getUint8(at)
  if (bytes.length > whole) h ^= scramble(tail)
  return mix32(h ^ bytes.length)
}
