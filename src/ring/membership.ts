/** Membership in one generation, from the side of one of its members. */
import { problem, type RingPlan } from '../../protocol/index.ts'

export interface Membership {
  readonly rank: number
  readonly key: Uint8Array
  /** Where this member is spoken to, by any worker. */
  readonly here: Address & { readonly worker: '*' }
  /** Where this member speaks to another. Throws RING_OUTSIDER for a rank that there is none of. */
  to(rank: number): Address
  /** Every runner of the tenant may speak to this one: throws RING_OUTSIDER, unless it is of a worker that has a part. */
  readonly requireMember: (worker: string) => void
}

/** Tokens in the subjects of chunk, fetch and probe. */
interface Address {
  readonly worker: string
  readonly ring: string
  readonly generation: string
  readonly member: string
  readonly rank: string
}

export function membershipOf(ring: string, { generation, members, rank, key }: RingPlan): Membership {
  const outsider = (worker: string): Error => problem('RING_OUTSIDER', { worker, generation, ring })
  const workerAt = (at: number): string => {
    const worker = members[at]?.worker
    if (worker === undefined) throw outsider(`of rank ${at}`)
    return worker
  }
  const own = workerAt(rank)
  const workers = new Set(members.map(({ worker }) => worker))
  const address = (worker: string, member: string, at: number) => {
    return { worker, ring, generation: String(generation), member, rank: String(at) } as const
  }
  return {
    rank,
    key,
    here: { ...address('*', own, rank), worker: '*' },
    to: (at) => address(own, workerAt(at), at),
    requireMember(worker) {
      if (!workers.has(worker)) throw outsider(worker)
    },
  }
}
