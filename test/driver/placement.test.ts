import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { schedule, type Claimant, type RingNeed, type Position } from '../../actors/driver/fleet/placement.ts'

interface Place extends Position {
  readonly name: string
}

const now = 10_000
const slot = (name: string, change: Partial<Position> = {}): Place => ({
  name,
  offer: { worker: name, labels: {}, can: [], experiments: [], slot: { memoryBytes: 0, cores: 0, gpus: 0 } },
  lease: 'ours',
  idle: true,
  waiting: Infinity,
  ahead: 16,
  runsForLong: false,
  idleSince: 0,
  runsSince: now,
  waitingFor: [],
  yieldedUntil: 0,
  runs: null,
  ...change,
})
const busy = { idle: false, waiting: 0 }
const unleased = { lease: 'none' as const }
const single = (id: string, demand: number, ahead = 0): Claimant => ({
  id,
  queued: () => demand,
  fresh: () => 0,
  needs: () => [],
  places: 0,
  priority: 0,
  share: 1,
  used: 0,
  prompt: true,
  ahead,
  patienceMs: 500,
  suits: () => true,
})
const together = (id: string, ...gangs: RingNeed[]): Claimant => ({ ...single(id, 0), needs: () => gangs })
const gang = (key: number, least: number, most = least): RingNeed => ({ key, least, most })

const told = (slots: readonly Place[], claimants: readonly Claimant[]) =>
  schedule(slots, claimants, now).flatMap((decision) =>
    decision.kind === 'lack'
      ? []
      : decision.kind === 'fill'
        ? `${decision.slot.name} to ${decision.claimant}${decision.trial === undefined ? '' : `/${decision.trial}`}`
        : decision.kind === 'suggest'
          ? `suggest ${decision.count} for ${decision.claimant}`
          : decision.kind === 'yield'
            ? `${decision.slot.name} away to ${decision.claimant}`
            : `${decision.kind} ${decision.slot.name}`,
  )

const lacking = (slots: readonly Place[], claimants: readonly Claimant[]) =>
  schedule(slots, claimants, now).flatMap((decision) =>
    decision.kind === 'lack' ? [`${decision.claimant} ${decision.count}`] : [],
  )

describe('a slot that falls free (I2)', () => {
  const three = ['a', 'b', 'c'].map((name) => slot(name))

  it('goes to the highest priority first, however many places that has', () => {
    const urgent = { ...single('urgent', 2), priority: 1, places: 9 }
    expect(told(three, [single('s', 9), urgent])).toEqual(['a to urgent', 'b to urgent', 'c to s'])
  })

  it('goes to whoever holds the fewest places for its share', () => {
    const double = { ...single('double', 9), share: 2 }
    expect(told(three, [single('s', 9), double])).toEqual(['a to s', 'b to double', 'c to double'])
    expect(
      told(
        [slot('a')],
        [
          { ...single('s', 9), places: 2 },
          { ...double, places: 3 },
        ],
      ),
    ).toEqual(['a to double'])
    const used = { ...double, used: 300 }
    expect(told([slot('a')], [{ ...single('s', 9), used: 200 }, used])).toEqual(['a to double'])
  })
})

describe('places behind what runs', () => {
  const queues = (slots: readonly Place[], claimants: readonly Claimant[]) => told(slots, claimants).join(', ')

  it('are filled in turn, the shortest queues first, as far as trials are short and workers can', () => {
    const slots = [slot('a', busy), slot('b', { ...busy, waiting: 1 }), slot('c', { ...busy, ahead: 1 })]
    expect(queues(slots, [single('s', 9, 2)])).toBe('a to s, c to s, a to s, b to s')
    expect(queues(slots, [single('s', 2, 2)])).toBe('a to s, c to s')
    expect(queues(slots, [single('s', 9)])).toBe('')
  })

  it('are as many as there are trials, and leave no shorter queue that could take one', () => {
    const queue = fc.record({ waiting: fc.nat(40), ahead: fc.integer({ min: 1, max: 32 }) })
    fc.assert(
      fc.property(
        fc.array(queue, { maxLength: 12 }),
        fc.nat(60),
        fc.integer({ min: 1, max: 32 }),
        (all, count, most) => {
          const slots = all.map((one, index) => slot(String(index), { ...busy, ...one }))
          const fills = schedule(slots, [single('s', count, most)], now).flatMap((one) =>
            one.kind === 'fill' ? [one.slot.name] : [],
          )
          const lengths = slots.map(({ name, waiting, ahead }) => {
            const given = fills.filter((one) => one === name).length
            return { given, length: waiting + given, limit: Math.min(ahead, most) }
          })
          const room = slots.reduce((sum, one) => sum + Math.max(0, Math.min(one.ahead, most) - one.waiting), 0)
          expect(fills.length).toBe(Math.min(count, room))
          const longest = Math.max(0, ...lengths.map(({ given, length }) => (given === 0 ? 0 : length)))
          for (const { given, length, limit } of lengths) {
            if (given > 0) expect(length).toBeLessThanOrEqual(limit)
            if (length < limit) expect(length).toBeGreaterThanOrEqual(longest - 1)
          }
        },
      ),
    )
  })

  it('are filled after the slots that are idle (I1)', () => {
    expect(queues([slot('a', busy), slot('b')], [single('s', 2, 4)])).toBe('b to s, a to s')
  })
})

describe('what waits behind an attempt that takes long (I6)', () => {
  const long = { ...busy, waiting: 2, waitingFor: ['s'], runsSince: now - 2000 }

  it('is called back while a slot that suits it is idle, leased or not', () => {
    expect(told([slot('a', long), slot('b')], [single('s', 0, 2)])).toEqual(['release b', 'recall a'])
    expect(told([slot('a', long), slot('b', unleased)], [single('s', 0, 2)])).toEqual(['recall a'])
  })

  it('stays where no other slot is idle, or suits it, or one is wanted by others', () => {
    expect(told([slot('a', long), slot('b', busy)], [single('s', 0, 2)])).toEqual([])
    const choosy = { ...single('s', 0, 2), suits: ({ worker }: { worker: string }) => worker === 'a' }
    expect(told([slot('a', long), slot('b')], [choosy])).toEqual(['release b'])
    expect(told([slot('a', long), slot('b')], [single('s', 0, 2), single('t', 1)])).toEqual(['b to t'])
  })

  it('stays behind a short one', () => {
    const short = { ...long, runsSince: now - 1999 }
    expect(told([slot('a', short), slot('b')], [single('s', 0, 2)])).toEqual(['release b'])
  })

  it('is joined by nothing', () => {
    const slots = [slot('a', { ...long, runsSince: now - 501 }), slot('b', busy)]
    expect(told(slots, [single('s', 9, 3)])).toEqual(['b to s', 'b to s', 'b to s'])
  })
})

describe('slots whose turn is an experiment of another driver (I2)', () => {
  const other = (change: Partial<Claimant> = {}): Claimant => ({ ...single('d2/e', 9), elsewhere: true, ...change })
  const two = ['a', 'b'].map((name) => slot(name))

  it('are released to it, by priority', () => {
    expect(told(two, [single('s', 9), other({ priority: 1 })])).toEqual(['a away to d2/e', 'b away to d2/e'])
    expect(told(two, [{ ...single('s', 9), priority: 1 }, other()])).toEqual(['a to s', 'b to s'])
  })

  it('are released to it while it holds fewer for its share, whatever waits', () => {
    const full = ['c', 'd'].map((name) => slot(name, { ...busy, runs: 's' }))
    const mine = { ...single('s', 9), places: 9 }
    expect(told([...two, ...full], [mine, other({ places: 1 })])).toEqual(['a away to d2/e', 'b to s'])
    expect(told([...two, ...full], [mine, other({ places: 3 })])).toEqual(['a to s', 'b to s'])
    expect(told([...two, ...full], [{ ...mine, share: 3 }, other({ places: 2 })])).toEqual(['a to s', 'b to s'])
  })

  it('are not released without need: neither more than it asks for, nor where it does not fit', () => {
    expect(told(two, [single('s', 9), other({ priority: 1, queued: () => 1 })])).toEqual(['a away to d2/e', 'b to s'])
    expect(told(two, [single('s', 9), other({ priority: 1, suits: () => false })])).toEqual(['a to s', 'b to s'])
  })

  it('are left to it for a while; one that nobody holds is leased by whoever is first', () => {
    expect(told([slot('a', unleased)], [single('s', 9), other({ priority: 1 })])).toEqual(['lease a'])
    expect(told([slot('a', { ...unleased, yieldedUntil: now + 1 })], [single('s', 9)])).toEqual([])
    expect(told([slot('a', { ...unleased, yieldedUntil: now })], [single('s', 9)])).toEqual(['lease a'])
  })

  it('fall free: nothing is put behind what runs there', () => {
    const full = ['a', 'b', 'c', 'd'].map((name) => slot(name, { ...busy, runs: 's' }))
    const mine = { ...single('s', 9, 1), places: 4 }
    expect(told(full, [mine, other()])).toEqual(['c to s', 'd to s'])
    expect(told(full, [mine, other({ places: 4 })])).toEqual(['a to s', 'b to s', 'c to s', 'd to s'])
    expect(told(full, [mine, other({ priority: 1 })])).toEqual([])
  })

  it('are released to one that needs all of them, if they may all fall free here', () => {
    const gangOf = (count: number, id = 'd2/r') => other({ id, together: true, queued: () => count })
    const mine = { ...single('s', 9, 1), places: 1 }
    const one = [slot('a', { ...unleased, yieldedUntil: 0 }), slot('b', { ...busy, runs: 's' })]
    expect(told(one, [mine, gangOf(2)])).toEqual([])
    expect(told(one, [mine, gangOf(3)])).toEqual(['lease a', 'b to s'])
    expect(told(one, [{ ...mine, priority: 1 }, gangOf(2)])).toEqual(['lease a', 'b to s'])
    const ring = slot('c', { ...busy, waiting: Infinity, runsForLong: true, runs: 'ring' })
    expect(told([...one, ring], [mine, gangOf(3)])).toEqual(['lease a', 'b to s'])
    expect(told(two, [{ ...mine, used: 0 }, gangOf(2, 'd3/r'), gangOf(2)])).toEqual([
      'a away to d2/r',
      'b away to d2/r',
    ])
  })

  it('are not asked for while there are some to be had', () => {
    expect(lacking(two, [single('s', 2)])).toEqual([])
    expect(lacking(two, [single('s', 5)])).toEqual(['s 3'])
    expect(lacking([], [{ ...single('s', 0), fresh: () => 4 }])).toEqual(['s 4'])
    const theirs = [slot('c', { lease: 'theirs' }), ...two]
    expect(lacking(theirs, [together('r', gang(1, 3))])).toEqual(['r 3'])
    expect(lacking(theirs, [together('r', gang(1, 4))])).toEqual([])
  })
})

describe('slots that others here wait for, whose trials are not put behind others (I2)', () => {
  const random = (change: Partial<Claimant> = {}): Claimant => ({ ...single('s', 9, 1), ...change })
  const adaptive = (change: Partial<Claimant> = {}): Claimant => ({
    ...single('t', 0),
    fresh: () => 9,
    ...change,
  })
  const running = (runs: string, ...names: string[]) => names.map((name) => slot(name, { ...busy, runs }))

  it('fall free for a higher priority, all of them, and as many as it can use', () => {
    const full = running('s', 'a', 'b')
    expect(told(full, [random({ places: 2 }), adaptive({ priority: 5 })])).toEqual([])
    expect(told(full, [random({ places: 2 }), single('l', 1)])).toEqual(['b to s'])
    expect(told(full, [random({ places: 2 }), { ...single('l', 1), priority: 5 }])).toEqual(['b to s'])
    expect(told(full, [random({ places: 2, priority: 5 }), adaptive()])).toEqual(['a to s', 'b to s'])
  })

  it('fall free by share among equals', () => {
    const full = running('s', 'a', 'b', 'c', 'd')
    expect(told(full, [random({ places: 4 }), adaptive()])).toEqual(['c to s', 'd to s'])
    expect(told(full, [random({ places: 4 }), adaptive({ share: 3 })])).toEqual(['d to s'])
    expect(told(full, [random({ places: 4, share: 3 }), adaptive()])).toEqual(['b to s', 'c to s', 'd to s'])
  })

  it('stay with those that run there, unless it is the turn of whoever would wait behind', () => {
    const both = [...running('t', 'a', 'b'), ...running('s', 'c', 'd')]
    expect(told(both, [random({ places: 2 }), adaptive({ places: 2 })])).toEqual(['c to s', 'd to s'])
    expect(told(running('t', 'a', 'b'), [random(), adaptive({ places: 2 })])).toEqual(['a to s'])
    expect(told(running('t', 'a', 'b'), [random(), adaptive({ places: 2, priority: 5 })])).toEqual([])
    expect(told(running('t', 'a', 'b'), [random({ priority: 5 }), adaptive({ places: 2 })])).toEqual([
      'a to s',
      'b to s',
    ])
    expect(told(running('t', 'a', 'b'), [random(), adaptive({ places: 2, fresh: () => 0 })])).toEqual([
      'a to s',
      'b to s',
    ])
  })
})

describe('places that are of use only together (I4)', () => {
  it('are given together, before those that are given one by one', () => {
    const slots = ['a', 'b', 'c'].map((name) => slot(name))
    expect(told(slots, [single('s', 9), together('g', gang(0, 2))])).toEqual(['a to g/0', 'b to g/0', 'c to s'])
    expect(told(slots, [together('g', gang(0, 2, 3))])).toEqual(['a to g/0', 'b to g/0', 'c to g/0'])
  })

  it('are not held where there can never be enough', () => {
    const slots = [slot('a'), slot('b')]
    expect(told(slots, [together('g', gang(0, 3)), single('s', 1)])).toEqual(['a to s', 'release b'])
    expect(told([slot('a', unleased)], [together('g', gang(0, 2))])).toEqual([])
  })

  it('are leased, and kept idle while others that will do still run', () => {
    const slots = [slot('a'), slot('b', unleased), slot('c', busy)]
    expect(told(slots, [together('g', gang(0, 3)), single('s', 9, 1)])).toEqual(['lease b'])
  })

  it('are not waited for where another driver or a ring holds them', () => {
    const slots = [slot('a'), slot('b', { ...busy, runsForLong: true })]
    expect(told(slots, [together('g', gang(0, 2)), single('s', 1)])).toEqual(['a to s'])
    const theirs = [slot('a'), slot('b', { lease: 'theirs' })]
    expect(told(theirs, [together('g', gang(0, 2))])).toEqual(['release a'])
  })

  it('are kept for the first only: whoever comes after it holds none', () => {
    const slots = [slot('a'), slot('b', busy), slot('c'), slot('d', busy)]
    expect(told(slots, [together('g', gang(0, 3)), together('h', gang(0, 2))])).toEqual([])
    const enough = [slot('a'), slot('b'), slot('c', busy)]
    expect(told(enough, [together('g', gang(0, 3)), together('h', gang(0, 2)), single('s', 1)])).toEqual([])
  })

  it('are given all or none of, whatever there is', () => {
    const position = fc.record({
      lease: fc.constantFrom('none', 'asking', 'ours', 'releasing', 'theirs', 'resting'),
      idle: fc.boolean(),
      runsForLong: fc.boolean(),
    })
    const size = fc.integer({ min: 1, max: 4 })
    fc.assert(
      fc.property(fc.array(position, { maxLength: 10 }), fc.array(size, { maxLength: 5 }), (changes, sizes) => {
        const slots = changes.map((change, index) =>
          slot(String(index), { ...change, waiting: change.idle ? Infinity : 0 }),
        )
        const claimants = sizes.map((least, index) => together(String(index), gang(7, least, least + 1)))
        const decisions = schedule(slots, claimants, now).filter(({ kind }) => kind !== 'lack')
        const given = decisions.flatMap((decision) => (decision.kind === 'fill' ? [decision] : []))
        expect(new Set(decisions.map((decision) => 'slot' in decision && decision.slot)).size).toBe(decisions.length)
        for (const [index, least] of sizes.entries()) {
          const count = given.filter(({ claimant }) => claimant === String(index)).length
          expect(count === 0 || (count >= least && count <= least + 1)).toBe(true)
        }
      }),
    )
  })
})
