/** One collective operation under way, as the engine sees it: it takes each chunk once, and says which ones it waits for. */
import { type ChunkHead } from './chunk-frame.ts'
import { problem, type Chunk } from '../../protocol/index.ts'
import type { Parcel } from './sender.ts'

export interface Awaited {
  readonly rank: number
  /** The chunk that is missing, where it can be asked for. */
  readonly index?: number
}

export interface Collective {
  /** Sends the chunks that need no other member's data. */
  begin(): void
  /** Takes a chunk that is intact and of this collective; one that came before changes nothing. Throws RING_MISMATCH. */
  take(chunk: Chunk): void
  /** Whether every chunk has come. */
  readonly complete: boolean
  /** The ranks whose chunks are missing. */
  awaited(): readonly Awaited[]
}

/** The surroundings of a collective. */
export interface Place {
  readonly rank: number
  readonly members: number
  readonly generation: number
  readonly step: number
  send(to: number, parcel: Parcel): void
}

/** Throws RING_MISMATCH unless the chunk fits: the same vector on both sides, and as many bytes as it must have. */
export function requireFit(place: Place, chunk: Chunk, length: number, bytes: number | undefined): Uint8Array {
  const refuse = (reason: string): never => {
    throw problem('RING_MISMATCH', { rank: place.rank, otherRank: chunk.from, reason })
  }
  if (chunk.length !== length) refuse(`${length} elements here, ${chunk.length} there, at step ${chunk.step}`)
  if (bytes === undefined) refuse(`there is no chunk ${chunk.phase}/${chunk.hop}/${chunk.index}`)
  if (chunk.data.length !== bytes) refuse(`${bytes} bytes wanted, ${chunk.data.length} came`)
  return chunk.data
}

export const headOf = (
  place: Place,
  rest: Pick<ChunkHead, 'phase' | 'hop' | 'index' | 'length' | 'weight'>,
): ChunkHead => ({
  generation: place.generation,
  step: place.step,
  from: place.rank,
  ...rest,
})
