import { describe, expect, test } from 'vitest'
import { createActor, fromPromise } from 'xstate'
import { slotMachine, type Recorded, type SlotEvent } from '../../actors/worker/slot.machine.ts'
import type { Loss } from '../../actors/worker/settlement.ts'
import { TestClock } from '../support/clock.ts'
import { assignmentOf } from '../support/worker-assignment.ts'

const visited = new Set<string>()
/** What the outside answers while a slot waits for it. */
type Answer = { readonly loads: string } | { readonly fails: string } | { readonly reads: Recorded }

/** Plays events, answers of the outside, and times (ms), and tells the state and the effects of the last of them. */
async function play(...steps: (SlotEvent | Answer | number)[]) {
  const clock = new TestClock()
  const effects: string[] = []
  let waiting: { resolve: (value: never) => void; reject: (error: Error) => void } | undefined
  const outside = fromPromise<never, never>(
    () =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
      }),
  )
  const record = (name: string) => () => void effects.push(name)
  const names = [
    'handOver',
    'stopRunner',
    'handBackRunner',
    'tellStopped',
    'tellHandedBack',
    'tellLate',
    'tellUnloadable',
    'tellLost',
    'handBackNext',
    'tellIdle',
    'tellEmpty',
    'refuse',
  ] as const
  const machine = slotMachine.provide({
    actors: { load: outside as never, read: outside as never },
    actions: Object.fromEntries(names.map((name) => [name, record(name)])),
  })
  const actor = createActor(machine, { clock })
  actor.subscribe(({ value }) => {
    for (const one of Object.values(value)) visited.add(one)
  })
  actor.start()
  for (const one of Object.values(actor.getSnapshot().value)) visited.add(one)
  for (const step of steps) {
    effects.length = 0
    if (typeof step === 'number') clock.increment(step)
    else if ('type' in step) actor.send(step)
    else if ('loads' in step) waiting?.resolve(step.loads as never)
    else if ('reads' in step) waiting?.resolve(step.reads as never)
    else waiting?.reject(new Error(step.fails))
    // What was answered has come by then.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { value, context } = actor.getSnapshot()
  return {
    ...value,
    driver: context.driver,
    current: context.current?.attempt.trial ?? null,
    waits: context.next?.attempt.trial ?? null,
    behind: context.behind.map(({ attempt }) => attempt.trial),
    effects,
  }
}

const lease = (driver: string): SlotEvent => ({ type: 'lease', driver })
const release = (driver: string): SlotEvent => ({ type: 'release', driver })
const give = (trial: number, driver = 'd1'): SlotEvent => ({
  type: 'assign',
  assignment: assignmentOf(trial, { driver }),
})
const ended: SlotEvent = { type: 'ended' }
const stop: SlotEvent = { type: 'stop', cause: 'pruned' }
const drop = (trial: number): SlotEvent => ({
  type: 'next.drop',
  attempt: assignmentOf(trial).attempt,
  reason: 'cancelled',
})
const drain: SlotEvent = { type: 'drain' }
const handback: SlotEvent = { type: 'handback' }
const leaseEnd: SlotEvent = { type: 'lease.end' }
const loads: Answer = { loads: 'file' }
const loss: Loss = { assignment: assignmentOf(1), cause: null, killed: null, reason: 'SIGSEGV', startedAt: 1 }
const lost: SlotEvent = { type: 'lost', loss }
const taken = [lease('d1'), give(1)] as const
const running = [...taken, loads] as const

describe('a slot', () => {
  test('is held by the first driver that asks, until it lets go or falls silent (I1)', async () => {
    expect(await play(lease('d1'))).toMatchObject({ lease: 'leased', driver: 'd1' })
    expect((await play(lease('d1'), lease('d1'))).effects).toEqual([])
    expect((await play(lease('d1'), release('d2'))).driver).toBe('d1')
    expect(await play(lease('d1'), release('d1'))).toMatchObject({ lease: 'free', driver: null })
    expect(await play(release('d1'))).toMatchObject({ lease: 'free', effects: [] })
    expect((await play(lease('d1'), leaseEnd, lease('d2'))).driver).toBe('d2')
  })

  test('refuses what its state has no use for, and says so', async () => {
    expect(await play(lease('d1'), lease('d2'))).toMatchObject({ driver: 'd1', effects: ['refuse'] })
    expect(await play(give(1))).toMatchObject({ work: 'idle', current: null, effects: ['refuse'] })
    expect(await play(lease('d1'), give(1, 'd2'))).toMatchObject({ work: 'idle', effects: ['refuse'] })
    for (const event of [ended, stop, lost, drop(2), handback]) expect((await play(event)).effects).toEqual(['refuse'])
  })

  test('loads the code of what it takes, and hands it to the runner', async () => {
    expect(await play(...taken)).toMatchObject({ work: 'loading', current: 1, effects: [] })
    expect(await play(...running)).toMatchObject({ work: 'handed', effects: ['handOver'] })
    expect(await play(...running, ended)).toMatchObject({ work: 'idle', current: null, effects: ['tellIdle'] })
  })

  test('tells of an attempt that ends before the runner has it, whose code does not come too (I3)', async () => {
    const idle = { work: 'idle', current: null }
    expect(await play(...taken, stop)).toMatchObject({ ...idle, effects: ['tellStopped', 'tellIdle'] })
    expect(await play(...taken, handback)).toMatchObject({ ...idle, effects: ['tellHandedBack', 'tellIdle'] })
    expect(await play(...taken, { fails: 'gone' })).toMatchObject({ ...idle, effects: ['tellUnloadable', 'tellIdle'] })
    expect(await play(...taken, 600_000)).toMatchObject({ ...idle, effects: ['tellLate', 'tellIdle'] })
    // What comes after that is for nobody.
    expect(await play(...taken, stop, loads)).toMatchObject({ ...idle, effects: [] })
  })

  test('leaves what the runner has to the runner', async () => {
    expect(await play(...running, stop)).toMatchObject({ work: 'handed', effects: ['stopRunner'] })
    expect(await play(...running, handback)).toMatchObject({ work: 'handed', effects: ['handBackRunner'] })
  })

  test('tells of an attempt whose runner went, with what is known, or without when that cannot be read (I3)', async () => {
    expect(await play(...running, lost)).toMatchObject({ work: 'lost', current: 1, effects: [] })
    expect((await play(...running, lost, stop)).effects).toEqual([])
    expect((await play(...running, lost, handback)).effects).toEqual([])
    const told = { work: 'idle', current: null, effects: ['tellLost', 'tellIdle'] }
    expect(await play(...running, lost, { reads: { latest: {}, points: 0 } })).toMatchObject(told)
    expect(await play(...running, lost, { fails: 'no bus' })).toMatchObject(told)
    expect(await play(...running, lost, 30_000)).toMatchObject(told)
    expect(await play(...running, give(2), lost, 30_000)).toMatchObject({ work: 'loading', current: 2 })
    expect(await play(...running, drain, lost, 30_000)).toMatchObject({ work: 'empty' })
  })

  test('takes up what waits the moment that the first has ended (I2)', async () => {
    expect(await play(...running, give(2))).toMatchObject({ next: 'waiting', current: 1, waits: 2, effects: [] })
    expect(await play(...running, give(2), ended)).toMatchObject({
      work: 'loading',
      next: 'none',
      current: 2,
      waits: null,
    })
    expect(await play(...running, give(2), ended, loads)).toMatchObject({ work: 'handed', effects: ['handOver'] })
    expect(await play(...taken, give(2), stop, loads)).toMatchObject({ work: 'handed', current: 2 })
  })

  test('takes up what waits in order, and drops the one that it is told to (I2)', async () => {
    const queued = [...running, give(2), give(3), give(4)] as const
    expect(await play(...queued)).toMatchObject({ next: 'waiting', waits: 2, behind: [3, 4], effects: [] })
    expect(await play(...queued, ended, loads)).toMatchObject({ current: 2, waits: 3, behind: [4] })
    expect(await play(...queued, drop(3))).toMatchObject({ waits: 2, behind: [4], effects: ['handBackNext'] })
    expect(await play(...queued, drop(2), ended)).toMatchObject({ current: 3, waits: 4, behind: [] })
    expect(await play(...queued, drain)).toMatchObject({ waits: null, behind: [], effects: ['handBackNext'] })
  })

  test('what runs and what waits goes on when the lease ends (I1)', async () => {
    expect(await play(...running, give(2), leaseEnd)).toMatchObject({ driver: null, current: 1, waits: 2 })
    expect(await play(...running, give(2), leaseEnd, ended)).toMatchObject({ current: 2 })
  })

  test('hands back what waits when it is dropped, or when another driver takes the slot (I2)', async () => {
    const queued = [...running, give(2)] as const
    expect(await play(...queued, drop(2))).toMatchObject({ work: 'handed', next: 'none', effects: ['handBackNext'] })
    const changed = { driver: 'd2', current: 1, waits: null, effects: ['handBackNext'] }
    expect(await play(...queued, leaseEnd, lease('d2'))).toMatchObject(changed)
    expect(await play(...queued, leaseEnd, lease('d1'))).toMatchObject({ driver: 'd1', waits: 2, effects: [] })
  })

  test('that drains takes nothing more, and is empty when what it held has ended', async () => {
    expect(await play(drain)).toMatchObject({ lease: 'closed', work: 'empty', effects: ['tellEmpty'] })
    expect((await play(drain, handback)).effects).toEqual([])
    expect((await play(drain, lease('d1'))).driver).toBe(null)
    expect((await play(drain, release('d1'))).effects).toEqual([])
    expect((await play(drain, leaseEnd)).effects).toEqual([])
    expect(await play(...running, drain)).toMatchObject({ lease: 'closed', work: 'handed', current: 1 })
    expect(await play(...running, give(2), drain)).toMatchObject({ waits: null, effects: ['handBackNext'] })
    expect(await play(...running, drain, ended)).toMatchObject({ work: 'empty', effects: ['tellEmpty'] })
    expect(await play(...taken, drain, handback)).toMatchObject({
      work: 'empty',
      effects: ['tellHandedBack', 'tellEmpty'],
    })
  })

  test('reaches every state in these tests', () => {
    const regions = Object.values(slotMachine.config.states ?? {})
    const all = regions.flatMap(({ states }) => Object.keys(states ?? {}))
    expect([...visited].sort()).toEqual(all.sort())
  })
})
