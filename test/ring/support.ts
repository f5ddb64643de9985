/** A ring of members on one in-memory network. */
import type { Chunk, RingPlan } from '../../protocol/index.ts'
import { systemClock, type Clock } from '../../src/actor/index.ts'
import type { Bus, MemoryNetwork } from '../../src/bus/index.ts'
import { createRing, type Ring, type RingOutcome } from '../../src/ring/index.ts'
import type { TestClock } from '../support/clock.ts'

export type PlanOptions = Partial<Omit<RingPlan, 'members' | 'rank'>>

export const timing = { hopMinMs: 250, hopMaxMs: 2_000, silentMs: 4_000, absentMs: 400 }

export function planFor(rank: number, members: number | readonly number[], options: PlanOptions = {}): RingPlan {
  const workers = typeof members === 'number' ? Array.from({ length: members }, (_, at) => at) : members
  return {
    generation: 1,
    key: new Uint8Array(16).fill(1),
    members: workers.map((worker) => ({ worker: `w${worker}`, slot: 0 })),
    rank,
    algorithm: 'ring',
    encoding: 'float32',
    chunkBytes: 64,
    window: 3,
    timing,
    ...options,
  }
}

/** Lets time go by until all outcomes are there. */
export async function elapse<T>(network: MemoryNetwork, clock: TestClock, work: readonly Promise<T>[]): Promise<T[]> {
  const state = { open: true }
  const all = Promise.all(work).finally(() => (state.open = false))
  for (let turn = 0; state.open && turn < 4000; turn += 1) {
    await network.settled()
    clock.increment(25)
  }
  return await all
}

export interface RingWorld {
  readonly buses: readonly Bus[]
  readonly rings: readonly Ring[]
}

/** `wrap` may spoil what a member's bus carries. */
export function ringOn(
  network: MemoryNetwork,
  members: number,
  options: PlanOptions = {},
  {
    clock = systemClock,
    wrap = (bus) => bus,
    ...more
  }: { clock?: Clock; wrap?: (bus: Bus, rank: number) => Bus } & { maxEarlyBytes?: number } = {},
): RingWorld {
  const buses = Array.from({ length: members }, (_, rank) => wrap(network.connect(`w${rank}`), rank))
  const rings = buses.map((bus, rank) =>
    createRing({ bus, ring: 'r', plan: planFor(rank, members, options), clock, ...more }),
  )
  return { buses, rings }
}

/** The value of an outcome that is no fault. */
export function valueOf<T>(outcome: RingOutcome<T>): T {
  if (outcome.kind === 'fault') throw outcome.problem
  return outcome.value
}

/** Deterministic values that float32 sums of a few hold exactly. */
export function vectorOf(rank: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => ((rank + 1) * ((i * 37) % 101) - 50) / 8)
}

/** The weighted mean in float64. */
export function meanOf(vectors: readonly Float32Array[], weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return Array.from({ length: vectors[0]?.length ?? 0 }, (_, i) =>
    total === 0 ? 0 : vectors.reduce((sum, vector, rank) => sum + (vector[i] ?? 0) * (weights[rank] ?? 0), 0) / total,
  )
}

export const bitsOf = (vector: Float32Array): Buffer => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)

/** The key of a chunk, as people write it. */
export const keyOf = ({ generation, step, phase, hop, index, from }: Chunk): string =>
  [generation, step, phase, hop, index, from].join('/')
