/**
 * Probes the members whose chunks are missing: a member that computes for a long time answers, a member that is gone does not.
 * With the algorithm `direct`, a shard that got lost on its way is asked for here.
 * I1 A member is given up only after a probe that it heard was not answered for `silentMs`, or after no process listened for `absentMs`.
 * I2 An outage of this connection counts against no member.
 */
import { codeOf, fetchShard, probeMember, problem, type Chunk, type RingPlan } from '../../protocol/index.ts'
import type { Clock } from '../actor/index.ts'
import { ask, type Bus } from '../bus/index.ts'
import type { Awaited } from './collective.ts'
import { faultOf, type RingFault } from './fault.ts'
import type { Membership } from './membership.ts'

export interface Watch {
  /** A collective is under way. */
  start(): void
  /** None is. */
  rest(): void
  stop(): void
  /** Something came from this rank. */
  heard(rank: number): void
}

export interface WatchOptions {
  readonly bus: Bus
  readonly ring: string
  readonly plan: RingPlan
  readonly membership: Membership
  readonly clock: Clock
  readonly awaited: () => readonly Awaited[]
  readonly step: () => number | undefined
  readonly onShard: (chunk: Chunk) => void
  readonly onFault: (fault: RingFault) => void
}

/** A probe that was under way when a member died is never answered; the next one finds no listener. */
const probeMs = 1_000
/** Shards asked for at once. */
const fetchesAtOnce = 4

export function createWatch(options: WatchOptions): Watch {
  const { bus, ring, plan, membership, clock, awaited, step, onShard, onFault } = options
  const { members, generation, timing } = plan
  const lastHeard = new Map<number, number>()
  const silentSince = new Map<number, number>()
  const absentSince = new Map<number, number>()
  const asking = new Set<number>()
  let timer: unknown
  let stopped = false
  let began = 0

  function arm(ms: number): void {
    clock.clearTimeout(timer)
    if (stopped) return
    timer = clock.setTimeout(look, ms)
  }

  function look(): void {
    const missing = awaited()
    const now = clock.elapsed()
    for (const at of new Set(missing.map((one) => one.rank))) {
      const quietSince = Math.max(began, lastHeard.get(at) ?? 0)
      if (now - quietSince < timing.hopMinMs || asking.has(at)) continue
      const indices = missing.flatMap((one) => (one.rank === at && one.index !== undefined ? [one.index] : []))
      void inquire(at, indices.slice(0, fetchesAtOnce))
    }
    arm(missing.length === 0 ? timing.hopMinMs : Math.max(10, Math.min(timing.hopMinMs, timing.absentMs / 4)))
  }

  /** Asks a member whether it is there, and for a shard that it may have sent already. */
  async function inquire(at: number, indices: readonly number[]): Promise<void> {
    asking.add(at)
    const askedAt = clock.elapsed()
    const current = step()
    try {
      await ask(bus, probeMember, membership.to(at), {}, { timeoutMs: Math.min(probeMs, timing.hopMaxMs) })
      silentSince.delete(at)
      absentSince.delete(at)
      if (current === undefined) return
      for (const index of indices) {
        const asked = { step: current, index }
        const reply = await ask(bus, fetchShard, membership.to(at), asked, { timeoutMs: timing.hopMaxMs })
        if (reply.chunk !== null && !stopped) onShard(reply.chunk)
      }
    } catch (error) {
      if (!stopped) judge(at, error, askedAt)
    } finally {
      asking.delete(at)
    }
  }

  function judge(at: number, error: unknown, askedAt: number): void {
    const code = codeOf(error)
    if (code === 'BUS_DISCONNECTED') {
      // I2
      silentSince.clear()
      absentSince.clear()
      return
    }
    if (code === 'RING_ABANDONED' || code === 'RING_STALE') {
      onFault(faultOf(problem('RING_ABANDONED', { generation, ring }, { cause: error }), null))
      return
    }
    const since = code === 'BUS_NO_RESPONDERS' ? absentSince : code === 'BUS_TIMEOUT' ? silentSince : undefined
    if (since === undefined) return
    const first = since.get(at) ?? askedAt
    since.set(at, first)
    const patience = code === 'BUS_NO_RESPONDERS' ? timing.absentMs : timing.silentMs
    if (clock.elapsed() - first < patience) return
    onFault(faultOf(problem('RING_PEER_LOST', { rank: at, worker: members[at]?.worker ?? '?', ring }), at))
  }

  return {
    start() {
      began = clock.elapsed()
      silentSince.clear()
      absentSince.clear()
      arm(timing.hopMinMs)
    },
    rest() {
      clock.clearTimeout(timer)
    },
    stop() {
      stopped = true
      clock.clearTimeout(timer)
    },
    heard(from) {
      lastHeard.set(from, clock.elapsed())
      silentSince.delete(from)
      absentSince.delete(from)
    },
  }
}
