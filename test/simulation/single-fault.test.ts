/** One search, and each kind of fault at each of its messages. */
import { expect, test } from 'vitest'
import { drawSchedule, everySingleFault, failuresOf } from './draw.ts'

const base = drawSchedule(1, { workers: 2, slots: 1, trials: 4, steps: 3, stepMs: 200, pruner: 'median' })
const schedules = await everySingleFault(base)
const share = 100
const parts = Array.from({ length: Math.ceil(schedules.length / share) }, (_, part) => part * share)

test('there are faults at every message', () => {
  expect(schedules.length).toBeGreaterThan(800)
})

test.each(parts)('a search survives any single fault (schedules from %i on)', { timeout: 600_000 }, async (from) => {
  expect(await failuresOf(schedules.slice(from, from + share))).toEqual([])
})
