/** A driver that takes over may find more attempts at a slot than a slot has room for. */
import { expect, it } from 'vitest'
import { Fleet, type FleetNews } from '../../actors/driver/fleet/fleet.ts'
import type { AttemptRef, WorkerStatus } from '../../protocol/index.ts'
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

it('all are lost with their worker', () => {
  const { fleet, lost } = fleetWithFive()
  fleet.announced('w1', info, running(attempts[1]))
  fleet.left('w1')
  expect(lost()).toEqual([0, 1, 2, 3, 4])
})
