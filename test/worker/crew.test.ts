import { describe, expect, test } from 'vitest'
import { createCrew } from '../../actors/worker/crew.ts'
import type { FromRunner } from '../../actors/worker/runner-messages.ts'
import type { Loss } from '../../actors/worker/settlement.ts'
import { createMemoryNetwork, hear } from '../../src/bus/index.ts'
import { attemptKey, runnerNotice, runnerStop, type Assignment } from '../../protocol/index.ts'
import { TestClock } from '../support/clock.ts'
import { fakeSpawn } from '../support/fake-runner.ts'
import { assignmentOf } from '../support/worker-assignment.ts'

const microtask = () => new Promise<void>((resolve) => queueMicrotask(resolve))

/** Runners that are all warm; what a slot hands over is the trial of its number. */
function setUp(size: number, atOnce: number) {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const bus = network.connect()
  const { spawn, runners } = fakeSpawn()
  const told: string[] = []
  const losses: Loss[] = []
  const crew = createCrew({
    worker: 'w1',
    bus,
    clock,
    size,
    atOnce,
    spawn,
    maxServed: 1_000,
    maxRssBytes: 1_000,
    onWarm: () => undefined,
    onUnfit: ({ message }) => void told.push(`unfit: ${message}`),
    onNotice: () => undefined,
  })
  const ready: FromRunner = { type: 'ready', backend: 'tensorflow', versions: {} }
  for (let started = 0; started < runners.length; started += 1) runners[started]?.says(ready)
  const ofSlot = (slot: number): Assignment => assignmentOf(slot, { slot })
  const keyOf = (slot: number): string => attemptKey(ofSlot(slot).attempt)
  const hears = {
    started: ({ slot }: Assignment) => void told.push(`started ${slot}`),
    ended: ({ slot }: Assignment, { outcome }: { readonly outcome: { readonly kind: string } }) =>
      void told.push(`${outcome.kind} ${slot}`),
    lost: (loss: Loss) => {
      told.push(`lost ${loss.assignment.slot}`)
      losses.push(loss)
    },
    line: ({ slot }: Assignment, _: string, text: string) => void told.push(`${slot}: ${text}`),
  }
  /** What each runner was told to begin, by slot. */
  const begun = (): number[][] =>
    runners.map(({ heard }) => heard.flatMap((each) => (each.type === 'begin' ? [each.assignment.slot] : [])))
  const holder = (slot: number) => runners.findLast((_, at) => begun()[at]?.at(-1) === slot)
  return {
    clock,
    network,
    bus,
    crew,
    runners,
    told,
    losses,
    begun,
    holder,
    ready,
    hand: async (...slots: number[]) => {
      for (const slot of slots) crew.begin(ofSlot(slot), 'file', hears)
      await microtask()
    },
    begins: (slot: number) => holder(slot)?.says({ type: 'started', key: keyOf(slot), at: 0 }),
    /** It took so many ms, by its runner's word. */
    ends: async (slot: number, tookMs = 1) => {
      const outcome = { kind: 'done' as const, metrics: {} }
      const rest = { points: 0, rssBytes: 1, last: false }
      holder(slot)?.says({ type: 'ended', key: keyOf(slot), outcome, startedAt: 0, endedAt: tookMs, ...rest })
      await microtask()
    },
  }
}

describe('a crew', () => {
  test('gives what waits to whoever was at work last, in the order in which it was handed over (I3)', async () => {
    const { begun, hand, ends, told } = setUp(4, 1)
    await hand(3, 0, 2)
    expect(begun()).toEqual([[3], [], [], []])
    await ends(3)
    await hand(3)
    await ends(0)
    await ends(2)
    expect(begun()).toEqual([[3, 0, 2, 3], [], [], []])
    expect(told).toEqual(['done 3', 'done 0', 'done 2'])
  })

  test('has so many at work at once, and more where trials take long', async () => {
    const { clock, begun, hand } = setUp(6, 2)
    await hand(0, 1, 2, 3, 4)
    expect(begun().flat()).toEqual([0, 1])
    clock.increment(2)
    expect(begun().flat()).toEqual([0, 1])
    clock.increment(1)
    expect(begun().flat()).toEqual([0, 1, 2, 3])
    clock.increment(3)
    expect(begun().flat()).toEqual([0, 1, 2, 3, 4])
  })

  test('leaves a share of the cores to others, the larger the shorter trials are', async () => {
    for (const [tookMs, atWork] of [
      [0, 1],
      [1, 3],
      [2, 3],
      [6, 4],
    ] as const) {
      const { begun, hand, ends } = setUp(6, 4)
      await hand(0)
      await ends(0, tookMs)
      await hand(0, 1, 2, 3, 4)
      expect([tookMs, begun().flat().length - 1]).toEqual([tookMs, atWork])
    }
  })

  test('is patient with one among short trials, and takes it for a sign that they are short no more', async () => {
    const { clock, begun, hand, ends } = setUp(6, 1)
    await hand(0)
    await ends(0)
    await hand(0, 1, 2, 3)
    clock.increment(49)
    expect(begun().flat()).toEqual([0, 0])
    clock.increment(3)
    expect(begun().flat()).toEqual([0, 0, 1])
    clock.increment(3)
    expect(begun().flat()).toEqual([0, 0, 1, 2])
    clock.increment(3)
    expect(begun().flat()).toEqual([0, 0, 1, 2, 3])
  })

  test('is not misled by a long trial that goes on beside short ones', async () => {
    const { clock, begun, hand, ends } = setUp(6, 1)
    await hand(0, 1)
    clock.increment(3)
    await ends(1)
    for (let trial = 0; trial < 50; trial += 1) {
      await hand(1, 2)
      clock.increment(4)
      await ends(1)
      await ends(2)
    }
    expect(begun().filter((slots) => slots.length > 0)).toHaveLength(2)
  })

  test('tells of what waits and is stopped or handed back, and does not begin it (I1)', async () => {
    const { crew, begun, hand, ends, told } = setUp(2, 1)
    await hand(0, 1)
    crew.stop(1, 'pruned')
    expect(told).toEqual(['stopped 1'])
    await hand(1)
    crew.handBack(1)
    expect(told).toEqual(['stopped 1', 'returned 1'])
    await ends(0)
    expect(begun()).toEqual([[0], []])
    // What is not here any more.
    crew.stop(1, 'pruned')
    crew.handBack(0)
    expect(told).toHaveLength(3)
  })

  test('has its runner stop what runs, or ends the runner where nobody can wait', async () => {
    const { bus, network, crew, runners, hand, begins, told } = setUp(2, 2)
    const heard: string[] = []
    hear(bus, runnerStop, { worker: 'w1', runner: '*' }, ({ attempt, reason }, { runner }) => {
      heard.push(`${runner} ${attempt.trial} ${reason}`)
    })
    await hand(0, 1)
    begins(0)
    begins(1)
    crew.stop(0, 'pruned')
    expect(runners[0]?.heard.at(-1)).toMatchObject({ type: 'stop', cause: 'pruned' })
    await network.settled()
    expect(heard).toEqual(['0 0 pruned'])
    crew.handBack(1)
    expect(runners[1]?.killed).toBe(true)
    runners[1]?.exits('SIGKILL')
    expect(told).toEqual(['started 0', 'started 1', 'lost 1'])
  })

  test('gives what has not begun to another when its runner goes, three times, and before what came later (I2, I3)', async () => {
    const { runners, begun, hand, told, losses } = setUp(4, 1)
    await hand(0, 1)
    for (const runner of [0, 1]) {
      runners[runner]?.exits('SIGSEGV')
      await microtask()
    }
    expect(begun().slice(0, 4)).toEqual([[0], [0], [0], []])
    expect(told).toEqual([])
    runners[2]?.exits('SIGSEGV')
    await microtask()
    expect(told).toEqual(['lost 0'])
    expect(losses[0]).toMatchObject({ startedAt: null, reason: 'SIGSEGV' })
    expect(begun()[3]).toEqual([1])
  })

  test('does not begin again what has begun, or was told to stop (I2)', async () => {
    const { crew, runners, hand, begins, told } = setUp(4, 2)
    await hand(0, 1)
    begins(0)
    runners[0]?.exits('SIGSEGV')
    crew.stop(1, 'cancelled')
    runners[1]?.exits('SIGSEGV')
    await microtask()
    expect(told).toEqual(['started 0', 'lost 0', 'lost 1'])
  })

  test('waits for a runner where none is free', async () => {
    const { runners, begun, hand, ready } = setUp(1, 1)
    runners[0]?.exits('SIGSEGV')
    await hand(0)
    expect(begun().flat()).toEqual([])
    runners[1]?.says(ready)
    await microtask()
    expect(begun()).toEqual([[], [0]])
  })

  test('hands back what waits, and what comes later, when none of its runners can be started any more (I1)', async () => {
    const { clock, runners, hand, told } = setUp(1, 1)
    runners[0]?.exits('SIGSEGV')
    await hand(0)
    for (let start = 1; start < 5; start += 1) {
      runners[start]?.exits('exit code 1')
      clock.increment(2_000)
    }
    await microtask()
    expect(told).toEqual([expect.stringContaining('unfit'), 'returned 0'])
    await hand(0)
    expect(told.slice(2)).toEqual(['returned 0'])
  })

  test('passes on what a runner prints, and that the host goes', async () => {
    const { bus, network, crew, hand, holder, told } = setUp(2, 1)
    const noticed: string[] = []
    hear(
      bus,
      runnerNotice,
      { worker: 'w1', runner: '*' },
      ({ attempt }, { runner }) => void noticed.push(`${runner} ${attempt.trial}`),
    )
    await hand(1, 0)
    holder(1)?.prints('a line')
    expect(told).toEqual(['1: a line'])
    crew.giveNotice()
    await network.settled()
    expect(noticed).toEqual(['0 1'])
  })

  test('is gone when all its runners are', async () => {
    const { crew, runners } = setUp(2, 2)
    let isGone = false
    const gone = (async () => {
      await crew.dismiss()
      isGone = true
    })()
    for (const { heard } of runners) expect(heard.at(-1)?.type).toBe('leave')
    runners[0]?.exits('exit code 0')
    await microtask()
    expect(isGone).toBe(false)
    runners[1]?.exits('exit code 0')
    await gone
    expect(isGone).toBe(true)
  })
})
