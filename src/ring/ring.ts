/**
 * One generation of a ring, seen from one of its members: collectives over the bus. Runs where the event loop is never blocked.
 * I1 The outcome is right, or it is a fault: never a wrong value.
 * I2 No vector that is handed in is written to; it must stay as it is until the outcome is there.
 * I3 A fault ends the generation for this member: it refuses further chunks, so that its neighbours learn of the fault at once, and waits
 *    to be abandoned. With `holding` and `lastReduced` it can go on in the next generation.
 * I4 The reduced vector of the last step is kept until the one after it is reduced: two vectors, by turns (vectors.ts).
 */
import { requireIntact, frameOverhead } from './chunk-frame.ts'
import {
  chunk as chunkCall,
  MaggyError,
  probeMember,
  problem,
  toProblem,
  type Chunk,
  type ChunkPhase,
  type RingPlan,
} from '../../protocol/index.ts'
import type { Clock } from '../actor/index.ts'
import { answer, type Bus, type Subscription } from '../bus/index.ts'
import type { Collective, Place } from './collective.ts'
import { directReduce } from './direct-reduce.ts'
import { encodingFor } from './encoding.ts'
import { faultOf, type RingFault, type RingOutcome } from './fault.ts'
import { broadcastRound, exchangeRound, type BytesCollective } from './pass-round.ts'
import { membershipOf } from './membership.ts'
import { predecessorOf } from './plan.ts'
import { createPredecessorWait } from './predecessor.ts'
import { createQueue, type CollectiveQueue } from './queue.ts'
import { aloneReduce, ringReduce, type ReduceCollective } from './ring-reduce.ts'
import { sealOverhead } from './seal.ts'
import { createSender } from './sender.ts'
import { createShards } from './shards.ts'
import { createVectors, vectorsAtMost } from './vectors.ts'
import { createWatch } from './watch.ts'
import { createWorkspace } from './workspace.ts'

export interface RingOptions {
  readonly bus: Bus
  readonly ring: string
  readonly plan: RingPlan
  readonly clock: Clock
  /** The last step that was reduced in an earlier generation; -1 (default): none. */
  readonly finished?: number
  /** The collective that this member's training function has reached, in words; null: none. */
  readonly doing?: () => string | null
  /** Bytes that are kept of chunks of a family that came before their time; further ones stay with their senders. Default: 256 MiB. */
  readonly maxEarlyBytes?: number
}

export interface Reduced {
  /** The weighted mean over all ranks, in shared memory. Valid until the reduction after the next one ends. */
  readonly vector: Float32Array
  /** Samples over all ranks. */
  readonly weight: number
  readonly step: number
  /** In which it was reduced. */
  readonly generation: number
  /** Shared memory for the next vector of this key and length: the ring reads a vector there without copying it. */
  readonly next?: Float32Array
}

interface ReduceKind {
  /** Vectors of one key have one length, buffers of their own, and one error feedback. Default: their length. */
  readonly key?: string
  /** Elements from this one on are sent as float32, whatever the ring's encoding is; 0: all. Default: none. */
  readonly exactFrom?: number
}

export interface Ring {
  readonly plan: RingPlan
  /** The weighted mean of all ranks' vectors; steps grow. A weight of 0 counts nothing of the vector. */
  allReduce(step: number, vector: Float32Array, weight: number, kind?: ReduceKind): Promise<RingOutcome<Reduced>>
  /** The root's bytes on all ranks. */
  broadcast(root: number, bytes?: Uint8Array): Promise<RingOutcome<Uint8Array>>
  /** Each rank's bytes, a chunk's worth at most, by rank. */
  exchange(bytes: Uint8Array): Promise<RingOutcome<readonly Uint8Array[]>>
  /** Resolves when all ranks have called it. */
  barrier(): Promise<RingOutcome<void>>
  /** The vector that was reduced last, for members that missed it. */
  readonly lastReduced: Reduced | undefined
  readonly fault: RingFault | undefined
  /**
   * Milliseconds of reductions before the predecessor's first chunk came. That chunk needs no other member's data, so this is how long
   * the predecessor alone kept this member waiting.
   */
  readonly predecessorMs: number
  /** Leaves the generation: a collective under way ends with RING_ABANDONED, and members that still send find no listener. */
  abandon(): void
}

const familyOf: Readonly<Record<ChunkPhase, 'reduce' | 'broadcast' | 'exchange'>> = {
  reduce: 'reduce',
  gather: 'reduce',
  broadcast: 'broadcast',
  exchange: 'exchange',
}

/** Joins a generation of a ring: listens at once. Members that are not there yet are waited for as long as `absentMs`. */
export function createRing(options: RingOptions): Ring {
  const { bus, ring, plan, clock } = options
  const { rank, members, generation, algorithm } = plan
  const room = bus.maxPayload - frameOverhead - sealOverhead
  const chunkBytes = Math.min(plan.chunkBytes, room)
  /** The encoding of bytes that travel unchanged. */
  const passBytes = Math.min(Math.max(plan.chunkBytes, 1024), room)
  const space = createWorkspace(passBytes, vectorsAtMost)
  const membership = membershipOf(ring, plan)
  const { here, requireMember } = membership
  const subscriptions: Subscription[] = []

  let fault: RingFault | undefined
  let abandoned = false
  let settle: (() => void) | undefined
  const vectorsFor = createVectors(space, members.length, chunkBytes)
  let lastReduced: Reduced | undefined
  const predecessor = createPredecessorWait(clock, predecessorOf(rank, members.length))
  const turns = { broadcast: 0, exchange: 0 }

  const queue = { finished: -1, rank, maxBytes: options.maxEarlyBytes ?? 2 ** 28, lockstep: false }
  const queues = {
    reduce: createQueue<ReduceCollective>({ ...queue, finished: options.finished ?? -1, lockstep: true }),
    broadcast: createQueue<BytesCollective>(queue),
    exchange: createQueue<BytesCollective>(queue),
  }
  const running = (): Collective | undefined =>
    queues.reduce.current ?? queues.broadcast.current ?? queues.exchange.current

  function fail(found: RingFault): void {
    if (fault !== undefined) return
    fault = found
    sender.stop()
    watch.stop()
    settle?.()
  }

  const sender = createSender({
    bus,
    space,
    ring,
    plan,
    membership,
    clock,
    onFault: fail,
    onIdle: () => settle?.(),
  })

  const watch = createWatch({
    bus,
    ring,
    plan,
    membership,
    clock,
    awaited: () => running()?.awaited() ?? [],
    step: () => queues.reduce.currentStep,
    onShard: (received) => {
      take(received)
    },
    onFault: fail,
  })

  /** Takes a chunk in. Throws the error that the sender is to be told. */
  function take(received: Chunk, worker = members[received.from]?.worker): void {
    if (fault !== undefined) throw problem('RING_ABANDONED', { generation, ring })
    // This comes first, for no field of a damaged chunk can be trusted.
    requireIntact(space, received)
    if (received.generation !== generation) {
      throw problem('RING_STALE', { generation: received.generation, ring, current: generation })
    }
    // The chunk names another sender than the one that sent it.
    if (members[received.from]?.worker !== worker) throw problem('RING_CHUNK_CORRUPT', { chunk: `of ${worker ?? '?'}` })
    watch.heard(received.from)
    predecessor.heard(received, queues.reduce.currentStep)
    try {
      queues[familyOf[received.phase]].take(received)
    } catch (error) {
      if (error instanceof MaggyError && error.code === 'RING_MISMATCH') fail(faultOf(error, received.from))
      throw error
    }
    settle?.()
  }

  subscriptions.push(
    answer(bus, chunkCall, here, (received, { worker }) => {
      requireMember(worker)
      take(received, worker)
      return {}
    }),
    answer(bus, probeMember, here, (_, { worker }) => {
      requireMember(worker)
      // A member that asks after a mismatch is told what this member is doing.
      if (fault !== undefined && fault.code !== 'RING_MISMATCH') throw problem('RING_ABANDONED', { generation, ring })
      const doing = options.doing?.() ?? null
      return { reducing: queues.reduce.currentStep ?? null, finished: queues.reduce.finished, doing }
    }),
  )
  const shards =
    algorithm === 'direct'
      ? createShards({
          bus,
          membership,
          onShard: (received, worker) => {
            if (received.from !== rank && fault === undefined) take(received, worker)
          },
        })
      : undefined

  const place = (step: number): Place => ({
    rank,
    members: members.length,
    generation,
    step,
    send: (to, parcel) => {
      sender.send(to, parcel)
    },
  })

  /**
   * Runs one collective to its end: every chunk has come, and every chunk was sent once. Chunks that were not answered are sent again while
   * this member goes on. A neighbour is at most this one collective behind, for the next one needs its part.
   */
  async function run<C extends Collective, T>(
    queue: CollectiveQueue<C>,
    step: number,
    collective: C,
    result: () => T,
  ): Promise<RingOutcome<T>> {
    if (fault !== undefined) return fault
    if (running() !== undefined) throw problem('INTERNAL', { reason: 'two collectives of a ring at once' })
    try {
      await new Promise<void>((resolve) => {
        settle = () => {
          if (fault !== undefined || (collective.complete && sender.idle)) resolve()
        }
        watch.start()
        queue.open(step, collective)
        settle()
      })
    } catch (error) {
      const known = error instanceof MaggyError ? error : problem('INTERNAL', { reason: toProblem(error).message })
      fail(faultOf(known, null))
    }
    settle = undefined
    watch.rest()
    if (fault !== undefined) return fault
    const value = result()
    queue.close()
    return { kind: 'done', value }
  }

  return {
    plan,
    async allReduce(step, vector, weight, { key = String(vector.length), exactFrom: split = Infinity } = {}) {
      const encoding = encodingFor(plan.encoding, vector.length, split)
      const { results, residual, next, chunkElements } = vectorsFor(`${key} ${split}`, vector.length, encoding)
      const [a, b] = results
      const into = lastReduced?.vector === a ? b : a
      const reduction = { space, vector, weight, into, encoding, chunkElements, residual }
      const at = place(step)
      predecessor.begin()
      const tell = (index: number, frame: Uint8Array): void => {
        shards?.tell(step, index, frame)
      }
      const make = {
        alone: () => aloneReduce(reduction),
        ring: () => ringReduce(at, reduction),
        direct: () => directReduce(at, reduction, tell),
      }
      const collective = make[members.length === 1 ? 'alone' : algorithm]()
      return await run(queues.reduce, step, collective, () => {
        lastReduced = { vector: into, weight: collective.totalWeight, step, generation, next }
        return lastReduced
      })
    },
    async broadcast(root, bytes) {
      const step = turns.broadcast++
      const collective = broadcastRound(
        place(step),
        root,
        root === rank ? (bytes ?? new Uint8Array()) : undefined,
        passBytes,
      )
      return await run(queues.broadcast, step, collective, () => collective.result()[0] ?? new Uint8Array())
    },
    async exchange(bytes) {
      const step = turns.exchange++
      const collective = exchangeRound(place(step), bytes, passBytes)
      return await run(queues.exchange, step, collective, () => collective.result())
    },
    async barrier() {
      const outcome = await this.exchange(new Uint8Array())
      return outcome.kind === 'done' ? { kind: 'done', value: undefined } : outcome
    },
    get lastReduced() {
      return lastReduced
    },
    get fault() {
      return fault
    },
    get predecessorMs() {
      return predecessor.ms
    },
    abandon() {
      if (abandoned) return
      abandoned = true
      for (const subscription of subscriptions) subscription.unsubscribe()
      shards?.close()
      fail(faultOf(problem('RING_ABANDONED', { generation, ring }), null))
      sender.stop()
      watch.stop()
    },
  }
}
