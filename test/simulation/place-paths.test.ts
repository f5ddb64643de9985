/** All simple paths through place.machine, walked by the real fleet: what the chart says of a place is what the fleet holds. */
import { expect, it } from 'vitest'
import { getSimplePaths } from 'xstate/graph'
import { Fleet, type FleetNews } from '../../actors/driver/fleet/fleet.ts'
import type { Slot } from '../../actors/driver/fleet/slots.ts'
import { placeMachine, type PlaceEvent, type Whereabouts } from '../../actors/driver/fleet/place.machine.ts'
import type { Place } from '../../actors/driver/fleet/place.ts'
import type { WorkerStatus } from '../../protocol/index.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import { TestClock } from '../support/clock.ts'
import { plainWorker as info } from '../support/worker-info.ts'

const attempt = { experiment: 'e1', trial: 0, attempt: 1 }
const times = { suspectAfterMs: 2500, lostAfterMs: 8000, refusalsUntilLost: 3 }

const events: readonly PlaceEvent[] = [
  { type: 'place.reserve', attempt, at: 0 },
  { type: 'place.expect', attempt, at: 0 },
  { type: 'place.disown', attempt },
  { type: 'log.kept' },
  ...(['running', 'next', 'refused', 'silent'] as const).map((answered) => ({
    type: 'trial.assign' as const,
    answered,
  })),
  ...(['running', 'next', 'kept', 'nowhere'] as const).map((where) => ({
    type: 'worker.status' as const,
    attempt: where,
  })),
  { type: 'place.free' },
  { type: 'worker.gone' },
]

/** Longer ones go round the same corners again. */
const longest = 7
const paths = getSimplePaths(placeMachine, { events: [...events], limit: 10_000 }).filter(
  ({ steps }) => steps.length <= longest,
)

const saying = (where: Whereabouts): WorkerStatus => ({
  slots: [
    {
      slot: 0,
      driver: 'd1',
      running: where === 'running' ? attempt : null,
      next: where === 'next' ? attempt : null,
    },
  ],
  unacknowledged: where === 'kept' ? [attempt] : [],
  draining: false,
})

/** The fleet does what an event of the chart stands for. */
class Walk {
  readonly news: FleetNews[] = []
  readonly fleet = new Fleet(createMemoryNetwork().connect('d1'), new TestClock(), 'd1', times, (one) => {
    this.news.push(one)
  })
  place: Place | undefined

  constructor() {
    this.fleet.announced('w1', info, saying('nowhere'))
  }

  get slot(): Slot {
    const [slot] = this.fleet.slots()
    if (slot === undefined) throw new Error('the worker has no slot')
    return slot
  }

  step(event: PlaceEvent): void {
    const { fleet, place } = this
    switch (event.type) {
      case 'place.reserve':
        this.place = fleet.reserve(this.slot, attempt)
        break
      case 'place.expect':
        fleet.expect('w1', 0, attempt, 0)
        this.place = fleet.whereverHeld('w1', attempt)
        break
      case 'place.disown':
        // Out of nothing: the worker runs what this driver never gave it.
        if (place === undefined || place.isOver) fleet.beat('w1', saying('running'))
        else fleet.disown(place)
        this.place = fleet.whereverHeld('w1', attempt) ?? place
        break
      case 'log.kept':
        if (place !== undefined) fleet.dispatched(place)
        break
      case 'trial.assign':
        if (place === undefined) break
        if (event.answered === 'refused') fleet.free(place)
        else fleet.assigned(place, event.answered)
        break
      case 'worker.status':
        fleet.beat('w1', saying(event.attempt))
        break
      case 'place.free':
        if (place !== undefined) fleet.free(place)
        break
      case 'worker.gone':
        fleet.left('w1')
        break
      case 'place.promote':
    }
  }
}

it('there are paths to every state', () => {
  expect(new Set(paths.map(({ state }) => state.value))).toEqual(
    new Set(['free', 'reserved', 'delivering', 'expected', 'waiting', 'running', 'foreign', 'gone']),
  )
  expect(paths.length).toBeGreaterThan(100)
})

it('the fleet holds what the chart says, at every step of every path', () => {
  for (const { steps, state } of paths) {
    const walk = new Walk()
    const way = steps.map(({ event }) => JSON.stringify(event))
    for (const { event } of steps) if (event.type !== ('xstate.init' as string)) walk.step(event)
    expect(walk.place?.state ?? 'free', way.join(' ')).toBe(state.value)
  }
})

it('from wherever it is, a place is free once the worker has said twice that it knows nothing of the attempt', () => {
  for (const { steps, state } of paths) {
    if (state.value === 'gone') continue
    const walk = new Walk()
    for (const { event } of steps) if (event.type !== ('xstate.init' as string)) walk.step(event)
    // What is still to be handed out is not the worker's to know.
    if (walk.place?.state === 'reserved') walk.fleet.dispatched(walk.place)
    if (walk.place?.state === 'delivering') walk.fleet.assigned(walk.place, 'silent')
    walk.fleet.beat('w1', saying('nowhere'))
    walk.fleet.beat('w1', saying('nowhere'))
    const way = steps.map(({ event }) => JSON.stringify(event)).join(' ')
    expect(walk.slot.running, way).toBeNull()
    expect(walk.slot.next, way).toBeNull()
    expect(walk.fleet.whereverHeld('w1', attempt), way).toBeUndefined()
  }
})

it('an attempt is lost once at most for each time that it was given out', () => {
  for (const { steps } of paths) {
    const walk = new Walk()
    for (const { event } of steps) if (event.type !== ('xstate.init' as string)) walk.step(event)
    const given = steps.filter(({ event }) => ['place.reserve', 'place.expect', 'place.disown'].includes(event.type))
    expect(walk.news.filter(({ kind }) => kind === 'lost').length).toBeLessThanOrEqual(given.length)
  }
})
