/** A member is killed at every point of a step that there is; the others form the next generation and go on (G5). */
import { TestClock } from '../support/clock.ts'
import { describe, expect, test } from 'vitest'
import type { RingEncoding, RingHolding } from '../../protocol/index.ts'
import { createMemoryNetwork, type Bus } from '../../src/bus/index.ts'
import { createRing, decideRecovery, recover, type Reduced, type Ring } from '../../src/ring/index.ts'
import { bitsOf, meanOf, planFor, valueOf, vectorOf } from './support.ts'

const holding = (finished: number, pending: number | null = finished + 1, fresh = false): RingHolding => ({
  finished,
  pending,
  fresh,
})

describe('what is done with the step that was under way', () => {
  test('all at the same step run the next one again', () => {
    expect(decideRecovery('r', [holding(4), holding(4)])).toEqual({
      kind: 'rerun',
      next: 5,
      fresh: [],
      source: 0,
      counting: undefined,
    })
  })

  test('those that are ahead hand their reduced vector over', () => {
    expect(decideRecovery('r', [holding(4), holding(5, null), holding(4), holding(5)])).toEqual({
      kind: 'handover',
      step: 5,
      from: 1,
      to: [0, 2],
      next: 6,
      fresh: [],
      source: 1,
    })
  })

  test('where the next step is the first of all, one counts in it; else newcomers count nothing', () => {
    const late = { ...holding(4), late: true }
    const fresh = holding(-1, 0, true)
    expect(decideRecovery('r', [late, late, fresh])).toMatchObject({ kind: 'rerun', source: 0, counting: 0 })
    expect(decideRecovery('r', [holding(4), late, fresh])).toMatchObject({ kind: 'rerun', counting: undefined })
  })

  test('newcomers are told by one that is furthest ahead; where all are new they begin', () => {
    const fresh = holding(-1, 0, true)
    expect(decideRecovery('r', [fresh, holding(4), holding(5)])).toMatchObject({
      kind: 'handover',
      to: [1],
      fresh: [0],
      source: 2,
    })
    expect(decideRecovery('r', [fresh, fresh])).toEqual({
      kind: 'rerun',
      next: 0,
      fresh: [0, 1],
      source: undefined,
      counting: undefined,
    })
  })

  test('members more than a step apart are a broken invariant', () => {
    expect(() => decideRecovery('r', [holding(3), holding(5)])).toThrow('more than one step apart')
  })
})

/** A bus whose process is killed as it sends for the nth time: nothing of it is heard afterwards. */
function mortal(bus: Bus, dieAt: number): { bus: Bus; sent: () => number } {
  let sent = 0
  const count = (): void => {
    sent += 1
    if (sent === dieAt) void bus.close()
  }
  return {
    sent: () => sent,
    bus: {
      ...bus,
      get status() {
        return bus.status
      },
      publish(subject, data) {
        count()
        return bus.status === 'closed' || sent >= dieAt ? 'void' : bus.publish(subject, data)
      },
      async request(subject, data, options) {
        count()
        return await bus.request(subject, data, options)
      },
    },
  }
}

interface Survivor {
  readonly rank: number
  readonly result: Reduced
}

const length = 36
const steps = 2

/** Two steps of a ring in which `victim` dies as it sends for the nth time. Says what the survivors have applied at each step. */
async function killed(
  members: number,
  victim: number,
  dieAt: number,
  options: { algorithm: 'ring' | 'direct'; encoding: RingEncoding },
) {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const doomed = mortal(network.connect(`w${victim}`), dieAt)
  const buses = Array.from({ length: members }, (_, rank) =>
    rank === victim ? doomed.bus : network.connect(`w${rank}`),
  )
  const rings = buses.map((bus, rank) => createRing({ bus, ring: 'r', plan: planFor(rank, members, options), clock }))
  const survivors = rings.map((_, rank) => rank).filter((rank) => rank !== victim)
  const applied = rings.map((): Map<number, Reduced> => new Map())
  const keep = (rank: number, { vector, weight, step, generation }: Reduced): void => {
    applied[rank]?.set(step, { vector: Float32Array.from(vector), weight, step, generation })
  }
  const gradient = (rank: number, step: number): Float32Array => vectorOf(rank + 3 * step, length)

  /** A member trains until it is done or its generation is. */
  async function train(ring: Ring, rank: number, from: number): Promise<void> {
    for (let step = from; step < steps; step += 1) {
      const outcome = await ring.allReduce(step, gradient(rank, step), rank + 1)
      if (outcome.kind === 'fault') return
      keep(rank, outcome.value)
    }
    // Nobody goes before all are done.
    await ring.barrier()
  }

  async function elapse(work: readonly Promise<void>[]): Promise<void> {
    const state = { open: true }
    const all = Promise.all(work).finally(() => (state.open = false))
    for (let turn = 0; state.open && turn < 2000; turn += 1) {
      await network.settled()
      clock.increment(50)
    }
    if (state.open) throw new Error('it never ends')
    await all
  }

  const first = rings.map((ring, rank) => train(ring, rank, 0))
  // As a driver would: once one survivor has found a fault, or all are done, the generation is over.
  await elapse(survivors.map((rank) => first[rank] ?? Promise.resolve()))
  const died = survivors.some((rank) => rings[rank]?.fault !== undefined)
  if (died) {
    for (const rank of survivors) rings[rank]?.abandon()
    await elapse(
      survivors.map(async (rank, newRank) => {
        const finished = Math.max(-1, ...(applied[rank]?.keys() ?? []))
        const plan = planFor(newRank, survivors, { ...options, generation: 2 })
        const bus = buses[rank]
        if (bus === undefined) throw new Error('no bus')
        const ring = createRing({ bus, ring: 'r', plan, clock, finished })
        const pending = finished + 1 < steps ? finished + 1 : null
        const recovered = valueOf(
          await recover(ring, 'r', { finished, pending, fresh: false }, rings[rank]?.lastReduced),
        )
        if (recovered.handed) keep(rank, recovered.handed)
        await train(ring, rank, recovered.decision.next)
        ring.abandon()
      }),
    )
  }
  for (const ring of rings) ring.abandon()
  return { applied, survivors, died, sent: doomed.sent(), gradient }
}

type Run = Awaited<ReturnType<typeof killed>>

/** Every survivor has every step; all the same to the bit; each step the mean over all, or over the survivors: nobody half. */
function requireRight({ applied, survivors, gradient }: Run, members: number, tolerance: number): void {
  const everyone = Array.from({ length: members }, (_, rank) => rank)
  for (let step = 0; step < steps; step += 1) {
    const results: Survivor[] = survivors.map((rank) => {
      const result = applied[rank]?.get(step)
      if (result === undefined) throw new Error(`rank ${rank} has no step ${step}`)
      return { rank, result }
    })
    const [reference] = results
    if (reference === undefined) throw new Error('no survivor')
    for (const { result } of results) expect(bitsOf(result.vector).equals(bitsOf(reference.result.vector))).toBe(true)
    const total = (ranks: readonly number[]): number => ranks.reduce((sum, rank) => sum + rank + 1, 0)
    const counted = [everyone, survivors].find((ranks) => total(ranks) === reference.result.weight)
    if (counted === undefined) throw new Error(`${reference.result.weight} samples at step ${step}`)
    const wanted = meanOf(
      counted.map((rank) => gradient(rank, step)),
      counted.map((rank) => rank + 1),
    )
    for (const [i, value] of wanted.entries()) {
      expect(Math.abs((reference.result.vector[i] ?? NaN) - value)).toBeLessThanOrEqual(tolerance)
    }
  }
}

describe.each([
  ['ring', 'float32', 2, 0.001],
  ['ring', 'float32', 3, 0.001],
  ['ring', 'int8', 3, 60],
  ['direct', 'float32', 3, 0.001],
  ['direct', 'bfloat16', 4, 30],
  ['ring', 'bfloat16', 4, 30],
] as const)('%s, %s, %i members', (algorithm, encoding, members, tolerance) => {
  test('whoever is killed, whenever it sends: the survivors end with equal and right results', async () => {
    const options = { algorithm, encoding }
    const undisturbed = await killed(members, 0, Infinity, options)
    expect(undisturbed.died).toBe(false)
    let deaths = 0
    for (let victim = 0; victim < members; victim += 1) {
      for (let dieAt = 1; dieAt <= undisturbed.sent; dieAt += 1) {
        const run = await killed(members, victim, dieAt, options)
        requireRight(run, members, tolerance)
        if (run.died) deaths += 1
      }
    }
    expect(deaths).toBeGreaterThan(members)
  })
})
