/**
 * All-reduce without hops: each rank sends every other rank the segment that the other one owns. The owner adds them up and publishes the
 * mean once; the server fans it out. Two steps for any N, and (N - 1)/N of the vector sent in the first, 1/N in the second.
 * I1 The owner adds in the order of ranks, whatever the order of arrival: the same sums every time.
 * I2 The owner takes the decoded value that it tells.
 */
import { chunkFrame, frameOverhead } from './chunk-frame.ts'
import { type Chunk } from '../../protocol/index.ts'
import { headOf, requireFit, type Place } from './collective.ts'
import { accumulate, decode, encode, type Mixture } from './encoding.ts'
import { chunkAt, chunkCount, segmentAt, type Range } from './plan.ts'
import { contribution, type ReduceCollective, type Reduction } from './ring-reduce.ts'

/** Publishes a frame; its bytes stay unchanged, for ranks that ask for them again. */
export type TellShard = (index: number, frame: Uint8Array) => void

export function directReduce(place: Place, reduction: Reduction, tell: TellShard): ReduceCollective {
  const { rank, members } = place
  const { space, vector, weight, into, encoding, chunkElements, residual } = reduction
  const { length } = vector
  const mine = { ...contribution(reduction), residual }
  const others = Array.from({ length: members - 1 }, (_, i) => (rank + 1 + i) % members)
  const segment = (index: number): Range => segmentAt(length, members, index)
  const chunksOf = (index: number): number => chunkCount(segment(index), chunkElements)
  /** For each chunk of this rank's segment: the payloads that came, by rank. */
  const parts = Array.from({ length: chunksOf(rank) }, () => new Map<number, Chunk>())
  const told = new Set<number>()
  /** By rank: the chunks of its segment that came. */
  const gathered = new Map(others.map((other) => [other, new Set<number>()]))
  let totalWeight = weight

  function own(index: number): void {
    const came = parts[index]
    if (came === undefined || came.size < others.length || told.has(index)) return
    told.add(index)
    const range = chunkAt(segment(rank), chunkElements, index)
    const inOrder = [...came.values()].toSorted((a, b) => a.from - b.from)
    const carried = inOrder.reduce((sum, part) => sum + part.weight, weight)
    totalWeight = carried
    const factor = carried > 0 ? 1 / carried : 1
    let sum: Pick<Mixture, 'own' | 'weight'> = mine
    for (const part of inOrder.slice(0, -1)) {
      accumulate(space, encoding, range, { ...sum, payload: part.data, into })
      sum = { own: into, weight: 1 }
    }
    const bytes = encoding.bytesFor(range)
    const head = headOf(place, { phase: 'gather', hop: 0, index, length, weight: carried })
    const frame = chunkFrame(space, new Uint8Array(bytes + frameOverhead), head, bytes)
    // I2
    encode(space, encoding, range, { ...sum, payload: inOrder.at(-1)?.data, factor, residual, into }, frame.data)
    came.clear()
    tell(index, frame.seal())
  }

  const complete = (): boolean =>
    told.size === parts.length && others.every((other) => gathered.get(other)?.size === chunksOf(other))

  return {
    begin() {
      for (const to of others) {
        for (let index = 0; index < chunksOf(to); index += 1) {
          const range = chunkAt(segment(to), chunkElements, index)
          const head = headOf(place, { phase: 'reduce', hop: 0, index, length, weight })
          const content = (data: Uint8Array): void => {
            encode(space, encoding, range, mine, data)
          }
          place.send(to, { head, bytes: encoding.bytesFor(range), content })
        }
      }
    },
    take(received) {
      const { phase, hop, index, from } = received
      const owner = phase === 'reduce' ? rank : phase === 'gather' ? from : undefined
      const fits = owner !== undefined && hop === 0 && from !== rank && from < members && index < chunksOf(owner)
      const range = fits ? chunkAt(segment(owner), chunkElements, index) : undefined
      requireFit(place, received, length, range && encoding.bytesFor(range))
      if (range === undefined) return
      if (phase === 'reduce') {
        if (!told.has(index)) parts[index]?.set(from, received)
        own(index)
        return
      }
      const came = gathered.get(from)
      if (came === undefined || came.has(index)) return
      came.add(index)
      totalWeight = received.weight
      decode(space, encoding, range, received.data, into)
    },
    get complete() {
      return complete()
    },
    get totalWeight() {
      return totalWeight
    },
    awaited() {
      const missing = others.flatMap((other) => {
        const came = gathered.get(other)
        return Array.from({ length: chunksOf(other) }, (_, index) => index)
          .filter((index) => came?.has(index) !== true)
          .map((index) => ({ rank: other, index }))
      })
      const late = parts.flatMap((came, index) =>
        told.has(index) ? [] : others.filter((other) => !came.has(other)).map((other) => ({ rank: other })),
      )
      return [...missing, ...late]
    },
  }
}
