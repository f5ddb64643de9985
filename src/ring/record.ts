/**
 * The results of collectives that user code was told: a few numbers each. A member that comes late runs the training function from its
 * start, and is told these numbers in place of collectives in which it took no part.
 * I1 It is the same on all members, and complete up to `next`.
 */
import { Type } from 'typebox'
import { check, decode, encode } from '../../protocol/index.ts'

export interface CollectiveRecord {
  /** The first collective that is not in it. */
  readonly next: number
  /** A collective is over. Numbers may be passed over: these told nothing. */
  over(collective: number): void
  /** Told by the collective that was over last. */
  tell(values: ArrayLike<number>): void
  read(collective: number): Float64Array
  /** The numbers from a collective on, as many as fit into the bytes given. `next`: the first collective that is not in it. */
  part(from: number, maxBytes?: number): { readonly bytes: Uint8Array; readonly next: number }
  /** Takes over another member's numbers, beyond those that are here. */
  take(part: Uint8Array): void
}

const Part = Type.Object({
  from: Type.Number(),
  counts: Type.Unsafe<Uint8Array>({}),
  values: Type.Unsafe<Uint8Array>({}),
})

export function createRecord(): CollectiveRecord {
  /** Where the numbers of a collective begin; one more than there are collectives. */
  let starts = new Uint32Array(1024)
  let values = new Float64Array(1024)
  let next = 0

  const length = (): number => starts[next] as number
  function add(one: ArrayLike<number>): void {
    const end = length() + one.length
    if (end > values.length) values = grown(values, Float64Array, end)
    values.set(one, length())
    starts[next] = end
  }
  function over(collective: number): void {
    for (; next <= collective; next += 1) {
      if (next + 1 >= starts.length) starts = grown(starts, Uint32Array, next + 2)
      starts[next + 1] = starts[next] as number
    }
  }

  return {
    get next() {
      return next
    },
    over,
    tell: add,
    read: (collective) =>
      collective < next ? values.slice(starts[collective], starts[collective + 1]) : new Float64Array(),
    part: (from, maxBytes = Infinity) => {
      const first = Math.min(from, next)
      const bytesTo = (to: number): number =>
        4 * (to - first) + 8 * ((starts[to] as number) - (starts[first] as number))
      let end = maxBytes === Infinity ? next : Math.min(first + 1, next)
      while (end < next && bytesTo(end + 1) <= maxBytes) end += 1
      const counts = Uint32Array.from(
        { length: end - first },
        (_, at) => (starts[first + at + 1] as number) - (starts[first + at] as number),
      )
      const bytes = encode({
        from: first,
        counts: bytesIn(counts),
        values: bytesIn(values.slice(starts[first], starts[end])),
      })
      return { bytes, next: end }
    },
    take: (bytes) => {
      const part = check(Part, decode(bytes), 'ring record')
      const counts = new Uint32Array(new Uint8Array(part.counts).buffer)
      const numbers = new Float64Array(new Uint8Array(part.values).buffer)
      let at = 0
      for (const [index, count] of counts.entries()) {
        const collective = part.from + index
        if (collective === next) {
          over(collective)
          add(numbers.subarray(at, at + count))
        }
        at += count
      }
    },
  }
}

function grown<A extends Uint32Array | Float64Array>(before: A, kind: new (length: number) => A, wanted: number): A {
  const after = new kind(Math.max(wanted, 2 * before.length))
  after.set(before)
  return after
}

const bytesIn = (view: Uint32Array | Float64Array): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
