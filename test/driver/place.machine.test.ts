import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import { placeMachine, type PlaceEvent, type Whereabouts } from '../../actors/driver/fleet/place.machine.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'

const attempt = { experiment: 'e1', trial: 0, attempt: 1 }
const reserve: PlaceEvent = { type: 'place.reserve', attempt, at: 5 }
const expected: PlaceEvent = { type: 'place.expect', attempt, at: 5 }
const disown: PlaceEvent = { type: 'place.disown', attempt }
const kept: PlaceEvent = { type: 'log.kept' }
const free: PlaceEvent = { type: 'place.free' }
const gone: PlaceEvent = { type: 'worker.gone' }
const promote: PlaceEvent = { type: 'place.promote' }
const assigned = (answered: 'running' | 'next' | 'refused' | 'silent'): PlaceEvent => ({
  type: 'trial.assign',
  answered,
})
const said = (whereabouts: Whereabouts): PlaceEvent => ({ type: 'worker.status', attempt: whereabouts })

/** The ways into the states that hold something. */
const ways: Readonly<Record<string, readonly PlaceEvent[]>> = {
  reserved: [reserve],
  delivering: [reserve, kept],
  expected: [expected],
  waiting: [reserve, kept, assigned('next')],
  running: [reserve, kept, assigned('running')],
  foreign: [disown],
}

const visited = new Set<string>()
const taken = new Set<string>()

function play(...events: PlaceEvent[]) {
  let [snapshot, actions] = initialTransition(placeMachine)
  visited.add(snapshot.value)
  for (const event of events) {
    taken.add(`${snapshot.value} on ${event.type}`)
    ;[snapshot, actions] = transition(placeMachine, snapshot, event)
    visited.add(snapshot.value)
  }
  return { state: snapshot.value, context: snapshot.context, isLost: actions.some(({ type }) => type === 'lose') }
}

describe('a place in a slot', () => {
  it('is reserved until the log holds the assignment, and then delivers it', () => {
    expect(play(reserve)).toMatchObject({ state: 'reserved', context: { attempt, assignedAt: 5 } })
    expect(play(reserve, kept).state).toBe('delivering')
  })

  it('runs what the worker has taken, or keeps it waiting behind what runs', () => {
    expect(play(reserve, kept, assigned('running')).state).toBe('running')
    expect(play(reserve, kept, assigned('next')).state).toBe('waiting')
    expect(play(reserve, kept, assigned('next'), promote).state).toBe('running')
    expect(play(reserve, kept, assigned('next'), said('running')).state).toBe('running')
  })

  it('is free when the worker refuses, and nothing is lost', () => {
    expect(play(reserve, kept, assigned('refused'))).toMatchObject({ state: 'free', isLost: false })
    expect(play(reserve, kept, assigned('silent'), assigned('refused'))).toMatchObject({ state: 'free', isLost: false })
  })

  it('believes the worker when the answer to an assignment was lost (I1)', () => {
    expect(play(reserve, kept, said('running')).state).toBe('running')
    expect(play(reserve, kept, said('nowhere')).state).toBe('delivering')
    expect(play(reserve, kept, assigned('silent')).state).toBe('expected')
    expect(play(reserve, kept, assigned('silent'), said('next')).state).toBe('waiting')
    expect(play(reserve, kept, assigned('silent'), assigned('running')).state).toBe('running')
  })

  it('keeps a result that waits for a driver', () => {
    expect(play(...ways['running']!, said('kept')).state).toBe('running')
    expect(play(expected, said('kept')).state).toBe('running')
  })

  it.each(['expected', 'waiting', 'running'])(
    'that is %s is lost when its worker twice knows nothing of it (I2)',
    (name) => {
      const way = ways[name] ?? []
      expect(play(...way, said('nowhere'))).toMatchObject({ state: name, isLost: false })
      expect(play(...way, said('nowhere'), said('nowhere'))).toMatchObject({ state: 'free', isLost: true })
      const between = name === 'waiting' ? said('next') : said('running')
      expect(play(...way, said('nowhere'), between, said('nowhere')).isLost).toBe(false)
    },
  )

  it.each(Object.keys(ways))('that is %s becomes free, or is gone with its worker (I3)', (name) => {
    const way = ways[name] ?? []
    expect(play(...way).state).toBe(name)
    expect(play(...way, free)).toMatchObject({ state: 'free', isLost: false })
    expect(play(...way, gone)).toMatchObject({ state: 'gone', isLost: name !== 'foreign' })
  })

  it('that was given up is free when the worker does not name it any more, and nothing is lost with it', () => {
    for (const name of ['delivering', 'expected', 'waiting', 'running']) {
      expect(play(...(ways[name] ?? []), disown).state).toBe('foreign')
    }
    expect(play(disown, said('running')).state).toBe('foreign')
    expect(play(disown, said('nowhere'))).toMatchObject({ state: 'free', isLost: false })
    expect(play(disown, expected).state).toBe('expected')
  })

  it('that is free again takes the next one', () => {
    expect(play(reserve, free, reserve).state).toBe('reserved')
  })

  it('has no state and no handled event that these tests do not reach', () => {
    expect([...visited].sort()).toEqual(statesOf(placeMachine).sort())
    expect(handledEvents(placeMachine).filter((pair) => !taken.has(pair))).toEqual([])
  })

  it('is drawn', async () => {
    await expect(mermaid(placeMachine)).toMatchFileSnapshot('drawings/place.mmd')
  })
})
