import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import { ringMachine, type RingEvent, type RingInput } from '../../actors/driver/rings/ring.machine.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'

const seat = (attempt: number): RingEvent => ({
  type: 'ring.seat',
  part: { attempt, worker: `w${attempt}`, slot: 0, seat: attempt - 1 },
})
const join = (attempt: number): RingEvent => ({ type: 'ring.join', attempt })
const ready = (attempt: number, generation = 1): RingEvent => ({ type: 'ring.ready', attempt, generation })
const absent = (attempt: number, generation = 1): RingEvent => ({ type: 'ring.absent', attempt, generation })
const stale = (generation: number): RingEvent => ({ type: 'ring.stale', generation })
const suspect = (generation = 1): RingEvent => ({ type: 'ring.suspect', generation })
const leave = (attempt: number, reason: 'done' | 'draining' | 'failed' = 'draining'): RingEvent => ({
  type: 'ring.leave',
  attempt,
  reason,
})
const gone = (attempt: number): RingEvent => ({ type: 'ring.gone', attempt })
const tick = (at: number): RingEvent => ({ type: 'tick', at })
const settled: RingEvent = { type: 'trial.settled' }

const visited = new Set<string>()
const taken = new Set<string>()

const input: RingInput = { min: 1, max: 2, waitMs: null, generation: 0, at: 0 }

function playFrom(from: RingInput, ...events: RingEvent[]) {
  let [snapshot, actions] = initialTransition(ringMachine, from)
  visited.add(snapshot.value)
  for (const event of events) {
    taken.add(`${snapshot.value} on ${event.type}`)
    ;[snapshot, actions] = transition(ringMachine, snapshot, event)
    visited.add(snapshot.value)
  }
  const { generation, plan, seats } = snapshot.context
  return { state: snapshot.value, generation, plan, seats, effects: actions.map(({ type }) => type) }
}
const play = (...events: RingEvent[]) => playFrom(input, ...events)

const two = [seat(1), seat(2), join(1), join(2)]
const running = [...two, ready(1), ready(2)]

describe('a ring, as its driver sees it', () => {
  it('is formed once all have joined, and started once all have answered', () => {
    expect(play(seat(1), seat(2), join(1))).toMatchObject({ state: 'forming', effects: [] })
    expect(play(...two)).toMatchObject({ state: 'syncing', generation: 1, plan: [1, 2], effects: ['form'] })
    expect(play(...two, ready(1))).toMatchObject({ state: 'syncing', effects: [] })
    expect(play(...running)).toMatchObject({ state: 'running', effects: ['start'] })
  })

  it('begins with fewer when it has waited long enough, and with all of those that are there', () => {
    const patient = { ...input, min: 1, max: 3, waitMs: 1000 }
    expect(playFrom(patient, ...two).state).toBe('forming')
    expect(playFrom(patient, ...two, tick(999)).state).toBe('forming')
    expect(playFrom(patient, ...two, tick(1000)).state).toBe('syncing')
    expect(playFrom(patient, ...two, seat(3), tick(1000)).state).toBe('forming')
    expect(playFrom(patient, ...two, seat(3), gone(3), tick(1000)).state).toBe('syncing')
    expect(playFrom(patient, seat(1), join(1), leave(1), tick(1000)).state).toBe('forming')
    expect(play(...two.slice(0, 3), tick(1e9)).state).toBe('forming')
  })

  it('goes on without a member that does not answer, in the next generation (I1, I2)', () => {
    const anew = [...running, suspect()]
    expect(play(...anew)).toMatchObject({ state: 'syncing', generation: 2, plan: [1, 2], effects: ['form'] })
    expect(play(...anew, ready(1, 2), absent(2, 2))).toMatchObject({
      state: 'syncing',
      generation: 3,
      plan: [1],
      effects: ['drop', 'form'],
    })
    expect(play(...anew, ready(1, 2), absent(2, 2), ready(1, 3)).state).toBe('running')
    expect(play(...running, absent(2))).toMatchObject({ state: 'syncing', plan: [1] })
  })

  it('keeps a suspect that answers (I2)', () => {
    expect(play(...running, suspect(), ready(1, 2), ready(2, 2))).toMatchObject({ state: 'running', plan: [1, 2] })
  })

  it('pays no heed to what is said about an older generation (I1)', () => {
    const anew = [...running, suspect(), ready(1, 2), ready(2, 2)]
    expect(play(...anew, suspect(1)).generation).toBe(2)
    expect(play(...anew, absent(2, 1)).generation).toBe(2)
    expect(play(...running, suspect(), ready(1, 1), ready(2, 1)).state).toBe('syncing')
    expect(play(...running, suspect(), absent(1, 1)).plan).toEqual([1, 2])
  })

  it('passes over generations that members have seen and this driver has not', () => {
    expect(play(...two, stale(4))).toMatchObject({ state: 'syncing', generation: 5 })
    expect(play(...running, stale(4))).toMatchObject({ state: 'syncing', generation: 5 })
  })

  it('takes in whoever joins later, behind those who are there', () => {
    const later = [...running, seat(3)]
    expect(play(...later).state).toBe('running')
    expect(play(...later, join(3))).toMatchObject({ state: 'syncing', generation: 2, plan: [1, 2, 3] })
    const meanwhile = [...two, seat(3), join(3), ready(1), ready(2)]
    expect(play(...meanwhile)).toMatchObject({ state: 'syncing', generation: 2, plan: [1, 2, 3] })
    expect(play(...two, join(1), ready(1), ready(2))).toMatchObject({ state: 'running', generation: 1 })
  })

  it('is smaller when a member leaves or is lost, wherever it was', () => {
    expect(play(...running, leave(1))).toMatchObject({ state: 'syncing', plan: [2] })
    expect(play(...running, gone(1))).toMatchObject({ state: 'syncing', plan: [2] })
    expect(play(...two, leave(1))).toMatchObject({ state: 'syncing', plan: [2], generation: 2 })
    expect(play(...two, gone(2))).toMatchObject({ state: 'syncing', plan: [1], generation: 2 })
    expect(play(...two, suspect())).toMatchObject({ state: 'syncing', generation: 2 })
    expect(play(...two, seat(3), gone(3))).toMatchObject({ state: 'syncing', generation: 1 })
    expect(play(...running, seat(3), gone(3))).toMatchObject({ state: 'running', generation: 1 })
  })

  it('is not disturbed by a member whose train has returned', () => {
    expect(play(...running, leave(2, 'done'))).toMatchObject({ state: 'running', generation: 1 })
  })

  it('waits below its minimum, and resumes when there are enough (I3)', () => {
    const atLeastTwo = { ...input, min: 2 }
    const alone = [...running, gone(2)]
    expect(playFrom(atLeastTwo, ...alone)).toMatchObject({ state: 'waiting', generation: 1, effects: [] })
    expect(playFrom(atLeastTwo, ...alone, seat(3), join(3))).toMatchObject({ state: 'syncing', plan: [1, 3] })
    expect(playFrom({ ...input, min: 3, max: 3 }, ...running, seat(3), join(3), gone(1), join(2)).state).toBe('waiting')
    expect(playFrom(atLeastTwo, ...alone, gone(1), seat(3), join(3)).state).toBe('waiting')
    expect(playFrom(atLeastTwo, ...alone, leave(1), seat(3), join(3)).state).toBe('waiting')
    expect(play(...running, gone(1), gone(2)).state).toBe('waiting')
  })

  it('is taken over from the log: its members are told to go on, which changes nothing for those that do', () => {
    const adopt: RingEvent = { type: 'ring.adopt', generation: 7, attempts: [1, 2] }
    expect(play(seat(1), seat(2), adopt)).toMatchObject({ state: 'running', generation: 7, effects: ['start'] })
    expect(play(seat(1), seat(2), seat(3), adopt, join(3))).toMatchObject({ state: 'syncing', generation: 8 })
  })

  it('is over with its trial', () => {
    expect(play(...running, settled).state).toBe('done')
    expect(play(settled).state).toBe('done')
  })

  it('has no state and no handled event that these tests do not reach', () => {
    // `reforming` is passed through at once, by its own transition.
    expect([...visited, 'reforming'].sort()).toEqual(statesOf(ringMachine).sort())
    expect(handledEvents(ringMachine).filter((pair) => !taken.has(pair))).toEqual([])
  })

  it('is drawn', async () => {
    await expect(mermaid(ringMachine)).toMatchFileSnapshot('drawings/ring.mmd')
  })
})
