/** Bytes that go round as they are: one member's to all (broadcast), or small ones of each to all (exchange). */
import { problem, type Chunk } from '../../protocol/index.ts'
import { headOf, requireFit, type Collective, type Place } from './collective.ts'
import { chunkAt, chunkCount, hops, predecessorOf, successorOf } from './plan.ts'

export interface BytesCollective extends Collective {
  /** Once it is complete: of the root, or of each rank in order. */
  result(): readonly Uint8Array[]
}

/** `mine` at the root; undefined elsewhere. Goes from the root to its successor and on, chunk by chunk, until all have it. */
export function broadcastRound(
  place: Place,
  root: number,
  mine: Uint8Array | undefined,
  chunkBytes: number,
): BytesCollective {
  const { rank, members } = place
  const distance = (rank - root + members) % members
  const seen = new Set<number>()
  let bytes = mine
  // There is always one chunk at least, for it tells the length.
  const count = (length: number): number => Math.max(1, chunkCount({ start: 0, end: length }, chunkBytes))

  const pass = (index: number, data: Uint8Array, length: number): void => {
    if (distance === hops(members)) return
    const head = headOf(place, { phase: 'broadcast', hop: distance, index, length, weight: 0 })
    place.send(successorOf(rank, members), { head, bytes: data.length, content: data })
  }

  return {
    begin() {
      if (mine === undefined) return
      for (let index = 0; index < count(mine.length); index += 1) {
        const { start, end } = chunkAt({ start: 0, end: mine.length }, chunkBytes, index)
        pass(index, mine.subarray(start, end), mine.length)
      }
    },
    take(received) {
      const { hop, index, length, from } = received
      const fits = mine === undefined && hop === distance - 1 && from === predecessorOf(rank, members)
      const isIn = fits && index < count(length)
      const { start, end } = chunkAt({ start: 0, end: length }, chunkBytes, index)
      const data = requireFit(place, received, bytes?.length ?? length, isIn ? Math.max(0, end - start) : undefined)
      bytes ??= new Uint8Array(length)
      if (seen.has(index)) return
      seen.add(index)
      bytes.set(data, start)
      pass(index, data, length)
    },
    get complete() {
      return mine !== undefined || (bytes !== undefined && seen.size === count(bytes.length))
    },
    awaited() {
      return this.complete ? [] : [{ rank: predecessorOf(rank, members) }]
    },
    result: () => (bytes === undefined ? [] : [bytes]),
  }
}

/** Each rank's bytes, one chunk each, to all: an all-gather with a hop for each other rank. */
export function exchangeRound(place: Place, mine: Uint8Array, limit: number): BytesCollective {
  const { rank, members } = place
  if (mine.length > limit) {
    throw problem('BUS_TOO_LARGE', { bytes: mine.length, subject: 'an exchange', limit })
  }
  const all = new Map([[rank, mine]])

  const pass = (hop: number, data: Uint8Array): void => {
    if (hop === hops(members)) return
    const head = headOf(place, { phase: 'exchange', hop, index: 0, length: members, weight: 0 })
    place.send(successorOf(rank, members), { head, bytes: data.length, content: data })
  }

  return {
    begin() {
      pass(0, mine)
    },
    take(received: Chunk) {
      const { hop, index, from } = received
      const fits = hop < hops(members) && index === 0 && from === predecessorOf(rank, members)
      const data = requireFit(place, received, members, fits ? received.data.length : undefined)
      const origin = (rank - 1 - hop + 2 * members) % members
      if (all.has(origin)) return
      // The bytes may be part of a larger buffer: a copy does not keep that buffer alive.
      all.set(origin, new Uint8Array(data))
      pass(hop + 1, data)
    },
    get complete() {
      return all.size === members
    },
    awaited: () => (all.size === members ? [] : [{ rank: predecessorOf(rank, members) }]),
    result: () => Array.from({ length: members }, (_, at) => all.get(at) ?? new Uint8Array()),
  }
}
