/** Short digests of what must be the same on all ranks: MurmurHash3's mixing (Austin Appleby, 2008), in four lanes. */

const lanes = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f] as const
const multiplier = 0x5bd1e995

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** Of a tensor's values, to the bit: 0 and -0 differ. Four lanes, for one would wait for itself. */
export function digestOfValues(values: Float32Array | Int32Array | Uint8Array): number {
  const data = values instanceof Uint8Array ? values : new Int32Array(values.buffer, values.byteOffset, values.length)
  let [a, b, c, d]: [number, number, number, number] = [...lanes]
  const { length } = data
  const even = length - (length % 4)
  for (let at = 0; at < even; at += 4) {
    a = Math.imul(a ^ (data[at] as number), multiplier)
    b = Math.imul(b ^ (data[at + 1] as number), multiplier)
    c = Math.imul(c ^ (data[at + 2] as number), multiplier)
    d = Math.imul(d ^ (data[at + 3] as number), multiplier)
    a ^= a >>> 15
    b ^= b >>> 15
    c ^= c >>> 15
    d ^= d >>> 15
  }
  let hash = length
  for (const lane of [a, b, c, d]) hash = finish(hash ^ lane)
  for (let at = even; at < length; at += 1) hash = finish(hash ^ (data[at] as number))
  return hash
}

export function digestOfText(text: string): number {
  let hash: number = lanes[0]
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), multiplier)
    hash ^= hash >>> 15
  }
  return finish(hash)
}
