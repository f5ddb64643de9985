/**
 * All-reduce round the ring: each chunk travels by itself, so that sending, receiving and adding overlap.
 * I1 Every element is added once from each rank, in the order of the ring: the same sums however chunks are delayed or doubled.
 * I2 The owner of a segment takes the decoded value that it sends, and the others pass on its bytes: replicas are equal bit for bit.
 */
import type { Chunk } from '../../protocol/index.ts'
import { headOf, requireFit, type Collective, type Place } from './collective.ts'
import { decode, encode, type Encoding, type Mixture } from './encoding.ts'
import {
  chunkAt,
  chunkCount,
  hops,
  predecessorOf,
  segmentAt,
  segmentReceived,
  segmentSent,
  successorOf,
  type Phase,
  type Range,
} from './plan.ts'
import type { Workspace } from './workspace.ts'

export interface Reduction {
  readonly space: Workspace
  /** Read only. */
  readonly vector: Float32Array
  /** How many samples it is the mean of. */
  readonly weight: number
  /** Becomes the weighted mean over all ranks. */
  readonly into: Float32Array
  readonly encoding: Encoding
  /** Elements of a chunk. */
  readonly chunkElements: number
  /** The error of lossy encodings so far, one element each. */
  readonly residual: Float32Array | undefined
}

export interface ReduceCollective extends Collective {
  /** Samples over all ranks, once it is complete. */
  readonly totalWeight: number
}

/** The weight of a rank's vector: a rank without samples adds nothing, whatever its vector holds. */
export const contribution = ({ vector, weight }: Reduction): Pick<Mixture, 'own' | 'weight'> => ({
  own: weight === 0 ? undefined : vector,
  weight,
})

export function ringReduce(place: Place, reduction: Reduction): ReduceCollective {
  const { rank, members } = place
  const { space, vector, weight, into, encoding, chunkElements, residual } = reduction
  const { length } = vector
  const mine = { ...contribution(reduction), residual }
  const successor = successorOf(rank, members)
  const lastHop = hops(members) - 1
  const seen = new Set<number>()
  let totalWeight = weight

  const segment = (index: number): Range => segmentAt(length, members, index)
  const expected = (['reduce', 'gather'] as const)
    .flatMap((phase) => Array.from({ length: hops(members) }, (_, hop) => segmentReceived(rank, members, phase, hop)))
    .reduce((sum, index) => sum + chunkCount(segment(index), chunkElements), 0)

  function send(
    phase: Phase,
    hop: number,
    index: number,
    range: Range,
    carried: number,
    content: Mixture | Uint8Array,
  ): void {
    const head = headOf(place, { phase, hop, index, length, weight: carried })
    place.send(successor, {
      head,
      bytes: encoding.bytesFor(range),
      content:
        content instanceof Uint8Array
          ? content
          : (data) => {
              encode(space, encoding, range, content, data)
            },
    })
  }

  function takeReduced({ hop, index, weight: before, data }: Chunk, range: Range): void {
    const carried = before + weight
    const mixture = { ...mine, payload: data }
    if (hop !== lastHop) {
      send('reduce', hop + 1, index, range, carried, mixture)
      return
    }
    totalWeight = carried
    // I2
    send('gather', 0, index, range, carried, { ...mixture, factor: carried > 0 ? 1 / carried : 1, into })
  }

  function takeGathered({ hop, index, weight: carried, data }: Chunk, range: Range): void {
    totalWeight = carried
    decode(space, encoding, range, data, into)
    if (hop !== lastHop) send('gather', hop + 1, index, range, carried, data)
  }

  return {
    begin() {
      const own = segment(segmentSent(rank, members, 'reduce', 0))
      for (let index = 0; index < chunkCount(own, chunkElements); index += 1) {
        send('reduce', 0, index, chunkAt(own, chunkElements, index), weight, mine)
      }
    },
    take(received) {
      const { phase, hop, index, from } = received
      const known = phase === 'reduce' || phase === 'gather'
      const whole = known && hop <= lastHop ? segment(segmentReceived(rank, members, phase, hop)) : undefined
      const fits = whole && index < chunkCount(whole, chunkElements) && from === predecessorOf(rank, members)
      const range = fits ? chunkAt(whole, chunkElements, index) : undefined
      requireFit(place, received, length, range && encoding.bytesFor(range))
      const key = (2 * hop + (phase === 'reduce' ? 0 : 1)) * (length + 1) + index
      if (seen.has(key) || range === undefined) return
      seen.add(key)
      if (phase === 'reduce') takeReduced(received, range)
      else takeGathered(received, range)
    },
    get complete() {
      return seen.size === expected
    },
    get totalWeight() {
      return totalWeight
    },
    awaited: () => (seen.size === expected ? [] : [{ rank: predecessorOf(rank, members) }]),
  }
}

/** A ring of one: its own vector, unchanged to the bit. */
export function aloneReduce({ vector, weight, into }: Reduction): ReduceCollective {
  return {
    begin() {
      if (weight === 0) into.fill(0)
      else into.set(vector)
    },
    take() {},
    complete: true,
    totalWeight: weight,
    awaited: () => [],
  }
}
