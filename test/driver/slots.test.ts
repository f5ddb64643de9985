/** A driver that takes over may find more attempts at a slot than a slot has room for. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Fleet, type FleetNews } from '../../actors/driver/fleet/fleet.ts'
import { unacknowledgedAtMost, type AttemptRef, type WorkerStatus } from '../../protocol/index.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import { TestClock } from '../support/clock.ts'
import { plainWorker as info } from '../support/worker-info.ts'

const times = { suspectAfterMs: 2500, lostAfterMs: 8000, refusalsUntilLost: 3 }
const attempts = [0, 1, 2, 3, 4].map((trial): AttemptRef => ({ experiment: 'e1', trial, attempt: 1 }))
const running = (attempt: AttemptRef | undefined): WorkerStatus => ({
  slots: [{ slot: 0, driver: 'd1', running: attempt ?? null, next: null }],
  unacknowledged: [],
  draining: false,
})

function fleetWithFive(): { fleet: Fleet; lost: () => number[] } {
  const news: FleetNews[] = []
  const fleet = new Fleet(createMemoryNetwork().connect(), new TestClock(), 'd1', times, (one) => news.push(one))
  for (const attempt of attempts) fleet.expect('w1', 0, attempt, 5)
  return {
    fleet,
    lost: () =>
      news.flatMap((one) => (one.kind === 'lost' ? [one.place.attempt?.trial ?? -1] : [])).toSorted((a, b) => a - b),
  }
}

it('each that its worker does not know is lost, and so tried again, however many they are', () => {
  const { fleet, lost } = fleetWithFive()
  fleet.announced('w1', info, running(attempts[4]))
  fleet.beat('w1', running(attempts[4]))
  expect(lost()).toEqual([0, 1, 2, 3])
  expect(fleet.find('w1', { experiment: 'e1', trial: 4, attempt: 1 })?.state).toBe('running')
  fleet.beat('w1', running(undefined))
  fleet.beat('w1', running(undefined))
  expect(lost()).toEqual([0, 1, 2, 3, 4])
  expect(fleet.slots()[0]).toMatchObject({ running: null, next: null, behind: [] })
})

it('an attempt that a worker does not name is not lost while it has more results than it can name', () => {
  const { fleet, lost } = fleetWithFive()
  const full = {
    ...running(attempts[4]),
    unacknowledged: Array.from({ length: unacknowledgedAtMost }, (_, trial) => ({
      experiment: 'e2',
      trial,
      attempt: 1,
    })),
  }
  fleet.announced('w1', info, full)
  for (let count = 0; count < 3; count++) fleet.beat('w1', full)
  expect(lost()).toEqual([])
  expect(fleet.find('w1', { experiment: 'e1', trial: 4, attempt: 1 })?.state).toBe('running')
  for (let count = 0; count < 2; count++) fleet.beat('w1', running(attempts[4]))
  expect(lost()).toEqual([0, 1, 2, 3])
})

it('all are lost with their worker', () => {
  const { fleet, lost } = fleetWithFive()
  fleet.announced('w1', info, running(attempts[1]))
  fleet.left('w1')
  expect(lost()).toEqual([0, 1, 2, 3, 4])
})

const known = ['e1', 'e2'].flatMap((experiment) =>
  [0, 1, 2].flatMap((trial) => [1, 2].map((attempt): AttemptRef => ({ experiment, trial, attempt }))),
)
const placesOf = (fleet: Fleet) =>
  fleet
    .slotsOf('w1')
    .flatMap(({ running, next, behind }) => [running, next, ...behind])
    .filter((place) => place !== null)

it('an attempt is found where its slot has it, and has one place at most, whatever happens (I1, I3)', () => {
  const slot = fc.integer({ min: 0, max: 2 })
  const attempt = fc.constantFrom(...known)
  const happening = fc.oneof(
    fc.record({ kind: fc.constantFrom('expect', 'reserve'), slot, attempt }),
    fc.record({ kind: fc.constantFrom('free', 'disown', 'dispatch', 'assign'), which: fc.nat() }),
    fc.record({ kind: fc.constant('beat'), slot, attempts: fc.uniqueArray(attempt, { maxLength: 6 }) }),
  )
  const happens = (fleet: Fleet, now: typeof happening extends fc.Arbitrary<infer T> ? T : never): void => {
    if ('which' in now) {
      const places = placesOf(fleet)
      const place = places[now.which % Math.max(1, places.length)]
      if (place === undefined) return
      if (now.kind === 'free') fleet.free(place)
      else if (now.kind === 'disown') fleet.disown(place)
      else if (now.kind === 'dispatch') fleet.dispatched(place)
      else fleet.assigned(place, 'next')
    } else if ('attempts' in now) {
      const [running = null, next = null, ...behind] = now.attempts
      const slots = [{ slot: now.slot, driver: 'd1', running, next, behind }]
      fleet.beat('w1', { slots, unacknowledged: [], draining: false })
    } else if (now.kind === 'expect') fleet.expect('w1', now.slot, now.attempt, 5)
    else {
      const there = fleet.slotsOf('w1').find((one) => one.slot === now.slot)
      if (there !== undefined && fleet.find('w1', now.attempt) === undefined) fleet.reserve(there, now.attempt)
    }
  }
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
      const fleet = new Fleet(createMemoryNetwork().connect(), new TestClock(), 'd1', times, () => undefined)
      fleet.announced('w1', { ...info, slots: 3 }, running(undefined))
      for (const one of happenings) {
        happens(fleet, one)
        const wrong = known.filter((attempt) => {
          const [holding, ...more] = placesOf(fleet).filter((place) => place.holds(attempt))
          const held = holding?.state === 'foreign' ? undefined : holding
          const isFound = fleet.whereverHeld('w1', attempt) === holding && fleet.find('w1', attempt) === held
          return more.length > 0 || !isFound
        })
        expect(wrong).toEqual([])
      }
    }),
    { numRuns: 200 },
  )
})
