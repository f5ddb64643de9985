import { describe, expect, test } from 'vitest'
import { createActor } from 'xstate'
import { slotMachine, type SlotEvent } from '../../actors/worker/slot.machine.ts'
import { assignmentOf } from '../support/worker-assignment.ts'

const visited = new Set<string>()

function play(...events: SlotEvent[]) {
  const effects: string[] = []
  const record = (name: string) => () => void effects.push(name)
  const names = ['begin', 'handBack', 'tellIdle', 'tellEmpty'] as const
  const actor = createActor(slotMachine.provide({ actions: Object.fromEntries(names.map((n) => [n, record(n)])) }))
  const note = ({ lease, work }: { lease: string; work: string }) => visited.add(lease).add(work)
  actor.subscribe(({ value }) => note(value))
  actor.start()
  note(actor.getSnapshot().value)
  for (const event of events) {
    effects.length = 0
    actor.send(event)
  }
  const { value, context } = actor.getSnapshot()
  return {
    ...value,
    driver: context.driver,
    running: context.running?.attempt.trial ?? null,
    next: context.next?.attempt.trial ?? null,
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
const drop: SlotEvent = { type: 'next.drop', reason: 'cancelled' }
const drain: SlotEvent = { type: 'drain' }
const leaseEnd: SlotEvent = { type: 'lease.end' }

describe('a slot', () => {
  test('is held by the first driver that asks, until it lets go or falls silent (I1)', () => {
    expect(play(lease('d1'))).toMatchObject({ lease: 'leased', driver: 'd1' })
    expect(play(lease('d1'), lease('d2')).driver).toBe('d1')
    expect(play(lease('d1'), release('d2')).driver).toBe('d1')
    expect(play(lease('d1'), release('d1'))).toMatchObject({ lease: 'free', driver: null })
    expect(play(lease('d1'), leaseEnd, lease('d2')).driver).toBe('d2')
  })

  test('takes attempts of its holder only', () => {
    expect(play(give(1))).toMatchObject({ work: 'idle', running: null })
    expect(play(lease('d1'), give(1, 'd2')).work).toBe('idle')
    expect(play(lease('d1'), give(1))).toMatchObject({ work: 'running', running: 1, effects: ['begin'] })
  })

  test('what waits begins the moment that the first has ended (I2)', () => {
    expect(play(lease('d1'), give(1), give(2))).toMatchObject({ work: 'queued', running: 1, next: 2, effects: [] })
    expect(play(lease('d1'), give(1), give(2), ended)).toMatchObject({ running: 2, next: null, effects: ['begin'] })
    expect(play(lease('d1'), give(1), ended)).toMatchObject({ work: 'idle', running: null, effects: ['tellIdle'] })
  })

  test('what runs and what waits goes on when the lease ends (I1)', () => {
    expect(play(lease('d1'), give(1), give(2), leaseEnd)).toMatchObject({ driver: null, running: 1, next: 2 })
    expect(play(lease('d1'), give(1), give(2), leaseEnd, ended)).toMatchObject({ running: 2, effects: ['begin'] })
  })

  test('hands back what waits when it is dropped, or when another driver takes the slot (I2)', () => {
    const queued = [lease('d1'), give(1), give(2)]
    expect(play(...queued, drop)).toMatchObject({ work: 'running', next: null, effects: ['handBack'] })
    expect(play(...queued, leaseEnd, lease('d2'))).toMatchObject({
      driver: 'd2',
      running: 1,
      next: null,
      effects: ['handBack'],
    })
    expect(play(...queued, leaseEnd, lease('d1'))).toMatchObject({ driver: 'd1', next: 2, effects: [] })
  })

  test('that drains takes nothing more, and is empty when what ran has ended', () => {
    expect(play(drain)).toMatchObject({ lease: 'closed', work: 'empty', effects: ['tellEmpty'] })
    expect(play(drain, lease('d1')).driver).toBe(null)
    expect(play(lease('d1'), give(1), drain)).toMatchObject({ lease: 'closed', work: 'lastRunning', running: 1 })
    expect(play(lease('d1'), give(1), give(2), drain)).toMatchObject({ next: null, effects: ['handBack'] })
    expect(play(lease('d1'), give(1), drain, ended)).toMatchObject({ work: 'empty', effects: ['tellEmpty'] })
  })

  test('reaches every state in these tests', () => {
    const { lease, work } = slotMachine.config.states ?? {}
    const all = [...Object.keys(lease?.states ?? {}), ...Object.keys(work?.states ?? {})]
    expect([...visited].sort()).toEqual(all.sort())
  })
})
