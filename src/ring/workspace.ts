/**
 * The memory in which a ring's kernels work. A vector inside it is worked on where it is. Other vectors are copied, block by block, to a
 * place in it and back; copying a vector takes as long as all arithmetic together.
 * I1 It is shared memory, so another thread can read it.
 * I2 It only grows, and up to a limit. A part that was given out is never given out again.
 * I3 Bytes are copied between addresses that are equal modulo eight: V8 then copies shared memory eight bytes at a time, otherwise one.
 * I4 A block that is no multiple of 256 elements is always copied: kernels work on whole groups, and the next bytes may be in use.
 */
import { kernelModule } from './kernels.wasm.ts'
import type { Range } from './plan.ts'

/** Elements that are worked on at once: two or three such blocks stay in the cache of a core. */
const blockElements = 16_384
/** Elements that kernels work on at least, and that share a unit in int8. */
export const groupElements = 256
const groupBytes = 4 * groupElements
const pageBytes = 65_536
const pagesAtMost = 65_536
const lanesBytes = 64

/** Places for a block each. */
type Slot = 'own' | 'values' | 'residual' | 'into'
const slots: readonly Slot[] = ['own', 'values', 'residual', 'into']

/** See src/ring/assembly/kernels.ts: addresses and lengths. */
interface Kernels {
  digest(data: number, bytes: number, lanes: number): void
  mixFloat32(own: number, weight: number, payload: number, factor: number, out: number, into: number, n: number): void
  decodeFloat32(payload: number, into: number, n: number): void
  mixBfloat16(own: number, weight: number, payload: number, factor: number, out: number, into: number, n: number): void
  decodeBfloat16(payload: number, into: number, n: number): void
  mixInt8(
    own: number,
    weight: number,
    units: number,
    payload: number,
    factor: number,
    residual: number,
    outUnits: number,
    out: number,
    into: number,
    n: number,
    scratch: number,
  ): void
  decodeInt8(units: number, payload: number, into: number, n: number): void
}

interface Memory {
  readonly buffer: SharedArrayBuffer
  grow(pages: number): void
}

/** Node's types have no values for it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: Kernels }
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => Memory
}

const compiled = new WebAssembly.Module(kernelModule)

export interface Workspace {
  readonly kernels: Kernels
  /** Where kernels may keep a group of 256 elements. */
  readonly scratch: number
  /** A vector in shared memory (I1): this one, as long as there is room for it. */
  allocate(elements: number): Float32Array
  /** Copies bytes into the workspace, and returns their address; it is valid until the next call. */
  stage(bytes: Uint8Array): number
  /** Copies to `target` the bytes that `write` puts to an address. */
  deliver(target: Uint8Array, write: (address: number) => void): void
  /** Where a part of a vector can be read. */
  read(slot: Slot, vector: Float32Array, from: number, count: number): number
  /** The address at which these bytes can be read as a group, filled up with zeros. */
  group(address: number, bytes: number): number
  /** The address of a block for temporary values. */
  place(slot: Slot): number
  /** Where as many zeros can be read. */
  zeros(slot: Slot, count: number): number
  /** Where a part of a vector can be written to, to be read from there by `written`. */
  write(slot: Slot, vector: Float32Array, from: number, count: number): number
  written(slot: Slot, vector: Float32Array, from: number, count: number): void
  /** The digest that protocol/ring.ts describes: sixteen words, valid until the next one. */
  digest(data: Uint8Array): Uint32Array
}

/** `payloadBytes`: the size of the largest payload; `vectors`: the most vectors that the workspace holds. */
export function createWorkspace(payloadBytes: number, vectorsAtMost: number): Workspace {
  const incomingBytes = Math.max(pageBytes, 64 * Math.ceil(payloadBytes / 64))
  const memory = new WebAssembly.Memory({ initial: 1, maximum: pagesAtMost, shared: true })
  /** Growing makes another object of the same memory. */
  const buffers = new WeakSet<object>([memory.buffer])
  let pages = 1
  // An address of 0 means that there is none.
  let end = 64
  let vectors = 0

  function reserve(bytes: number): number | undefined {
    const wanted = Math.ceil((end + bytes) / pageBytes) - pages
    if (pages + wanted > pagesAtMost) return undefined
    if (wanted > 0) {
      try {
        memory.grow(wanted)
      } catch {
        // The machine has no more memory: further vectors lie elsewhere.
        return undefined
      }
      buffers.add(memory.buffer)
      pages += wanted
    }
    const at = end
    end = 64 * Math.ceil((end + bytes) / 64)
    return at
  }
  function required(bytes: number): number {
    const at = reserve(bytes)
    if (at === undefined) throw new RangeError('no memory for a ring')
    return at
  }

  const lanesAt = required(lanesBytes)
  const scratch = required(groupBytes)
  const groupAt = required(groupElements)
  // Room behind a payload, for kernels read and write the whole of its last group.
  const incomingAt = required(incomingBytes + 8 + groupBytes)
  const outgoingAt = required(incomingBytes + 8 + groupBytes)
  const slotsAt = Object.fromEntries(slots.map((slot) => [slot, required(4 * blockElements)])) as Record<Slot, number>
  const { buffer } = memory
  const group = new Uint8Array(buffer, groupAt, groupElements)
  const lanes = new Uint32Array(buffer, lanesAt, lanesBytes / 4)
  const incoming = new Uint8Array(buffer, incomingAt, incomingBytes + 8)
  const outgoing = new Uint8Array(buffer, outgoingAt, incomingBytes + 8)
  const blocks = Object.fromEntries(
    slots.map((slot) => [slot, new Float32Array(buffer, slotsAt[slot], blockElements)]),
  ) as Record<Slot, Float32Array>
  const kernels = new WebAssembly.Instance(compiled, { env: { memory } }).exports
  let staged: Uint8Array | undefined
  let digested: Uint8Array | undefined

  const isHere = (view: ArrayBufferView): boolean => buffers.has(view.buffer)
  const isInPlace = (vector: Float32Array, count: number): boolean => count % groupElements === 0 && isHere(vector)

  function stage(bytes: Uint8Array): number {
    // I3
    const shift = bytes.byteOffset % 8
    if (staged !== bytes) incoming.set(bytes, shift)
    staged = bytes
    return incomingAt + shift
  }

  /** Goes on with the lanes. The last bytes of all are filled up with zeros, where they are. */
  function digestAt(address: number, bytes: number): void {
    const whole = 64 * Math.ceil(bytes / 64)
    new Uint8Array(buffer, address + bytes, whole - bytes).fill(0)
    kernels.digest(address, whole, lanesAt)
  }

  return {
    kernels,
    scratch,
    allocate(elements) {
      const at = vectors < vectorsAtMost ? reserve(4 * elements) : undefined
      if (at === undefined) return sharedVector(elements)
      vectors += 1
      return new Float32Array(memory.buffer, at, elements)
    },
    stage,
    deliver(target, write) {
      const shift = target.byteOffset % 8
      write(outgoingAt + shift)
      lanes.fill(0)
      digestAt(outgoingAt + shift, target.length)
      digested = target
      target.set(outgoing.subarray(shift, shift + target.length))
    },
    read(slot, vector, from, count) {
      if (isInPlace(vector, count)) return vector.byteOffset + 4 * from
      blocks[slot].set(vector.subarray(from, from + count))
      blocks[slot].fill(0, count, padded(count))
      return slotsAt[slot]
    },
    group(address, bytes) {
      group.fill(0).set(new Uint8Array(buffer, address, bytes))
      return groupAt
    },
    place: (slot) => slotsAt[slot],
    zeros(slot, count) {
      blocks[slot].fill(0, 0, padded(count))
      return slotsAt[slot]
    },
    write: (slot, vector, from, count) => (isInPlace(vector, count) ? vector.byteOffset + 4 * from : slotsAt[slot]),
    written(slot, vector, from, count) {
      if (!isInPlace(vector, count)) vector.set(blocks[slot].subarray(0, count), from)
    },
    digest(data) {
      if (digested === data) return lanes
      lanes.fill(0)
      for (let from = 0; from < data.length; from += incomingBytes) {
        const part = data.length <= incomingBytes ? data : data.subarray(from, from + incomingBytes)
        digestAt(stage(part), part.length)
      }
      digested = data
      return lanes
    },
  }
}

/** A vector in shared memory of its own, which has a byte at least. */
export const sharedVector = (elements: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(Math.max(4, 4 * elements)), 0, elements)

/** The number of elements that kernels work on for a range of this length. */
export const padded = (count: number): number => groupElements * Math.ceil(count / groupElements)

/** A range in blocks: each has as many whole groups as fit, and the last one has the rest (I4). */
export function eachBlock({ start, end }: Range, work: (from: number, count: number) => void): void {
  for (let from = start; from < end;) {
    const left = end - from
    const count =
      left < groupElements ? left : Math.min(blockElements, groupElements * Math.floor(left / groupElements))
    work(from, count)
    from += count
  }
}
