import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import { leaseMachine, type LeaseEvent } from '../../actors/driver/fleet/lease.machine.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'

const ask: LeaseEvent = { type: 'lease.ask' }
const granted: LeaseEvent = { type: 'lease.granted' }
const takenByAnother: LeaseEvent = { type: 'lease.taken' }
const refused = (at = 2): LeaseEvent => ({ type: 'lease.refused', at, code: 'BUS_TIMEOUT' })
const release: LeaseEvent = { type: 'lease.release' }
const released: LeaseEvent = { type: 'release.answered' }
const unreleased: LeaseEvent = { type: 'release.unanswered' }
const failed = (at: number): LeaseEvent => ({ type: 'slot.failed', at, code: 'LEASE_UNKNOWN' })
const served: LeaseEvent = { type: 'slot.served' }
const gone: LeaseEvent = { type: 'worker.gone' }
const tick = (at: number): LeaseEvent => ({ type: 'tick', at })
const says = (holder: 'nobody' | 'us' | 'another'): LeaseEvent => ({
  type: 'worker.status',
  holder,
  driver: { nobody: null, us: 'd1', another: 'd2' }[holder],
})

const visited = new Set<string>()
const taken = new Set<string>()

function play(...events: LeaseEvent[]) {
  let [snapshot, actions] = initialTransition(leaseMachine)
  visited.add(snapshot.value)
  for (const event of events) {
    taken.add(`${snapshot.value} on ${event.type}`)
    ;[snapshot, actions] = transition(leaseMachine, snapshot, event)
    visited.add(snapshot.value)
  }
  return { state: snapshot.value, context: snapshot.context, effects: actions.map(({ type }) => type) }
}

describe('the lease on a slot', () => {
  it('is asked for, and ours once it is granted', () => {
    expect(play(ask)).toMatchObject({ state: 'asking', effects: ['ask'] })
    expect(play(ask, granted).state).toBe('ours')
  })

  it('is ours when the worker says so, though the answer was lost (I3)', () => {
    expect(play(ask, says('us')).state).toBe('ours')
    expect(play(ask, refused(), tick(2000), says('us')).state).toBe('ours')
  })

  it('is ours when the worker says so, though this driver never asked: it was killed and started again under its name', () => {
    expect(play(says('us')).state).toBe('ours')
    expect(play(says('another'), says('us')).state).toBe('ours')
  })

  it('is another driver’s as long as the worker says so, and is not asked for meanwhile', () => {
    expect(play(ask, takenByAnother).state).toBe('theirs')
    expect(play(says('another'))).toMatchObject({ state: 'theirs', context: { holder: 'd2' } })
    expect(play(says('another'), ask)).toMatchObject({ state: 'theirs', effects: [] })
    expect(play(ask, says('another')).state).toBe('theirs')
    expect(play(says('another'), says('another')).state).toBe('theirs')
    expect(play(says('another'), says('nobody')).state).toBe('none')
  })

  it('ends when the worker has given the slot away, or to nobody (I1)', () => {
    expect(play(ask, granted, says('nobody')).state).toBe('none')
    expect(play(ask, granted, says('another')).state).toBe('theirs')
  })

  it('is handed back, and is still ours where the worker did not hear it', () => {
    expect(play(ask, granted, release)).toMatchObject({ state: 'releasing', effects: ['release'] })
    expect(play(ask, granted, release, released).state).toBe('none')
    expect(play(ask, granted, release, unreleased).state).toBe('ours')
    expect(play(ask, granted, release, unreleased, release)).toMatchObject({ state: 'releasing', effects: ['release'] })
    expect(play(ask, granted, release, says('us')).state).toBe('releasing')
    expect(play(ask, granted, release, says('nobody')).state).toBe('none')
    expect(play(ask, granted, release, says('another')).state).toBe('theirs')
  })

  it('rests after a refusal, and longer after each (I2)', () => {
    expect(play(ask, refused(0))).toMatchObject({ state: 'resting', context: { reason: 'BUS_TIMEOUT', until: 1000 } })
    expect(play(ask, refused(0), tick(999)).state).toBe('resting')
    expect(play(ask, refused(0), tick(1000)).state).toBe('none')
    const second = play(ask, refused(0), tick(1000), ask, refused(1000))
    expect(second.context).toMatchObject({ failures: 2, until: 3000 })
    const many = Array.from({ length: 12 }, () => [ask, refused(0), tick(1e9)]).flat()
    expect(play(...many, ask, refused(0)).context.until).toBe(16_000)
  })

  it('is handed back while it rests, and not taken up on the worker’s word before its time', () => {
    expect(play(ask, granted, failed(0))).toMatchObject({ state: 'resting', effects: ['release'] })
    expect(play(ask, granted, failed(0), says('us')).state).toBe('resting')
    expect(play(ask, granted, failed(0), says('another')).state).toBe('theirs')
  })

  it('is as good as new once something has run in the slot', () => {
    expect(play(ask, granted, failed(0), tick(1000), ask, granted, served).context).toMatchObject({
      failures: 0,
      reason: null,
    })
  })

  it.each([[[]], [[ask]], [[ask, granted]], [[ask, granted, release]], [[says('another')]], [[ask, refused()]]])(
    'ends with its worker',
    (way: LeaseEvent[]) => {
      expect(play(...way, gone)).toMatchObject({ state: 'none', context: { failures: 0, reason: null } })
    },
  )

  it('has no state and no handled event that these tests do not reach', () => {
    expect([...visited].sort()).toEqual(statesOf(leaseMachine).sort())
    expect(handledEvents(leaseMachine).filter((pair) => !taken.has(pair))).toEqual([])
  })

  it('is drawn', async () => {
    await expect(mermaid(leaseMachine)).toMatchFileSnapshot('drawings/lease.mmd')
  })
})
