/** Why a generation cannot go on: a value, for the loss of a member is an expected thing. */
import type { MaggyError } from '../../protocol/index.ts'

export interface RingFault {
  readonly kind: 'fault'
  /** RING_PEER_LOST, RING_STALE, RING_CHUNK_CORRUPT, RING_ABANDONED, RING_MISMATCH, or a code of the bus. */
  readonly code: string
  /** The rank that the fault points to; null: no other rank. */
  readonly suspect: number | null
  readonly problem: MaggyError
}

interface RingDone<T> {
  readonly kind: 'done'
  readonly value: T
}

export type RingOutcome<T> = RingDone<T> | RingFault

export const faultOf = (problem: MaggyError, suspect: number | null): RingFault => ({
  kind: 'fault',
  code: problem.code,
  suspect,
  problem,
})
