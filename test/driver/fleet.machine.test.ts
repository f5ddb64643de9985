import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import { fleetMachine, type FleetEvent } from '../../actors/driver/fleet/fleet.machine.ts'
import type { WorkerStatus } from '../../protocol/index.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'
import { plainWorker as info } from '../support/worker-info.ts'

const status: WorkerStatus = { slots: [], unacknowledged: [], draining: false }
const announce = (at = 0): FleetEvent => ({ type: 'worker.announce', info, status, at })
const beat = (at: number): FleetEvent => ({ type: 'worker.beat', status, at })
const ping = (answered: 'alive' | 'refused' | 'silent', at = 3000): FleetEvent => ({
  type: 'worker.ping',
  answered,
  at,
})
const tick = (at: number): FleetEvent => ({ type: 'tick', at })
const leave: FleetEvent = { type: 'worker.leave' }
const connected = (at: number): FleetEvent => ({ type: 'bus.connected', at })

const visited = new Set<string>()
const taken = new Set<string>()

function play(...events: FleetEvent[]) {
  const input = { worker: 'w1', suspectAfterMs: 2500, lostAfterMs: 8000, refusalsUntilLost: 3, at: 0 }
  let [snapshot, actions] = initialTransition(fleetMachine, input)
  visited.add(snapshot.value)
  for (const event of events) {
    taken.add(`${snapshot.value} on ${event.type}`)
    ;[snapshot, actions] = transition(fleetMachine, snapshot, event)
    visited.add(snapshot.value)
  }
  return { state: snapshot.value, context: snapshot.context, effects: actions.map(({ type }) => type) }
}

describe('a worker, as a driver sees it', () => {
  it('is met when it announces itself, and the roll is called when it beats without having done so', () => {
    expect(play(announce())).toMatchObject({ state: 'here', effects: ['reconcile'] })
    expect(play(beat(1))).toMatchObject({ state: 'unseen', effects: ['callRoll'] })
  })

  it('is believed in what it beats (I1)', () => {
    expect(play(announce(), beat(1000)).effects).toEqual(['reconcile'])
    expect(play(announce(), beat(1000)).effects).toEqual(['reconcile'])
    expect(play(announce(), announce(1000)).effects).toEqual(['reconcile'])
    expect(play(announce(), announce(1000)).context.heardAt).toBe(1000)
  })

  it('is suspect after silence, and pinged until it is heard or lost (I2)', () => {
    expect(play(announce(), tick(2499)).state).toBe('here')
    expect(play(announce(), tick(2500))).toMatchObject({ state: 'suspect', effects: ['askPing'] })
    expect(play(announce(), tick(2500), tick(3000))).toMatchObject({ state: 'suspect', effects: ['askPing'] })
    expect(play(announce(), tick(2500), ping('alive')).state).toBe('here')
    expect(play(announce(), tick(2500), ping('alive')).state).toBe('here')
    expect(play(announce(), tick(2500), ping('silent')).state).toBe('suspect')
    expect(play(announce(), tick(2500), beat(2600)).state).toBe('here')
    expect(play(announce(), tick(2500), beat(2600)).state).toBe('here')
    expect(play(announce(), tick(2500), announce(2600)).state).toBe('here')
    expect(play(announce(), tick(2500), announce(2600)).state).toBe('here')
    expect(play(announce(), tick(2500), ping('alive')).state).toBe('here')
  })

  it('is lost after a long silence, or when nobody answers for it three times', () => {
    const long = play(announce(), tick(2500), tick(8000))
    expect(long).toMatchObject({ state: 'lost', effects: ['loseAttempts'] })
    expect(long.context.status).toBeNull()
    const refused = [announce(), tick(2500), ping('refused'), ping('refused')]
    expect(play(...refused).state).toBe('suspect')
    expect(play(...refused, ping('refused')).state).toBe('lost')
    expect(play(...refused, beat(2600), tick(5200), ping('refused')).state).toBe('suspect')
  })

  it('that the log named and that never came is lost in the end', () => {
    expect(play(tick(7999)).state).toBe('unseen')
    expect(play(tick(8000))).toMatchObject({ state: 'lost', effects: ['loseAttempts'] })
  })

  it('gets the whole time again after an outage of the driver itself', () => {
    expect(play(announce(), connected(5000), tick(7000)).state).toBe('here')
    expect(play(announce(), tick(2500), connected(5000), tick(9000)).state).toBe('suspect')
  })

  it('comes back anew after it was lost or had left (I3)', () => {
    const lost = [announce(), tick(2500), tick(8000)]
    expect(play(...lost, beat(9000))).toMatchObject({ state: 'lost', effects: ['callRoll'] })
    expect(play(...lost, announce(9000))).toMatchObject({ state: 'here', effects: ['reconcile'] })
    expect(play(...lost, connected(9000)).state).toBe('lost')
    expect(play(...lost, leave).state).toBe('left')
    expect(play(announce(), leave)).toMatchObject({ state: 'left', effects: ['loseAttempts'] })
    expect(play(leave).state).toBe('left')
    expect(play(announce(), leave, leave, connected(1)).state).toBe('left')
    expect(play(announce(), leave, announce(10)).state).toBe('here')
  })

  it('has no state and no handled event that these tests do not reach', () => {
    expect([...visited].sort()).toEqual(statesOf(fleetMachine).sort())
    expect(handledEvents(fleetMachine).filter((pair) => !taken.has(pair))).toEqual([])
  })

  it('is drawn', async () => {
    await expect(mermaid(fleetMachine)).toMatchFileSnapshot('drawings/fleet.mmd')
  })
})
