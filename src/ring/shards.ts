/**
 * Algorithm `direct`: the chunks of this member's own segment that it has told to all. A chunk is told once, and whoever misses it asks for it
 * (watch.ts); so those of two steps are kept, for a member is at most one step behind.
 */
import { chunk as frameCall, decodePayload, fetchShard, shard, subjectFor, type Chunk } from '../../protocol/index.ts'
import { answer, hear, type Bus, type Subscription } from '../bus/index.ts'
import type { Membership } from './membership.ts'
import { seal, unseal } from './seal.ts'

export interface Shards {
  /** Tells a chunk of a step to all; its bytes stay unchanged. */
  tell(step: number, index: number, frame: Uint8Array): void
  close(): void
}

const stepsKept = 2

export function createShards(options: {
  readonly bus: Bus
  readonly membership: Membership
  /** A chunk of another member's segment. What it throws is of no interest: the chunk is asked for again if it is missing. */
  readonly onShard: (received: Chunk, worker: string) => void
}): Shards {
  const { bus, membership, onShard } = options
  const { key, rank, here, requireMember } = membership
  const { member: worker, ring, generation } = here
  const subject = subjectFor(shard, { worker, ring, generation })
  const steps = new Map<number, Map<number, Uint8Array>>()
  const subscriptions: Subscription[] = [
    hear(bus, shard, { worker: '*', ring, generation }, (received, from) => {
      try {
        onShard(unseal(key, received, shard.name), from.worker)
      } catch {
        // The chunk is damaged or no longer needed, or there is no room for it yet. If it is missing, the watch asks for it.
      }
    }),
    answer(bus, fetchShard, here, ({ step, index }, asking) => {
      requireMember(asking.worker)
      const frame = steps.get(step)?.get(index)
      return { chunk: frame === undefined ? null : decodePayload(frameCall, frame, 'ring.fetch') }
    }),
  ]
  return {
    tell: (step, index, frame) => {
      let frames = steps.get(step)
      if (frames === undefined) {
        frames = new Map()
        steps.set(step, frames)
        for (const old of steps.keys()) if (steps.size > stepsKept) steps.delete(old)
      }
      frames.set(index, frame)
      // In an outage the message is not sent: then the others ask for it.
      bus.publish(subject, seal(key, { from: rank, step, index }, frame, subject))
    },
    close: () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}
