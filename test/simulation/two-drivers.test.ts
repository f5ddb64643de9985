/** Searches of many shapes where another driver is there to take over, with up to four faults each. */
import { expect, test } from 'vitest'
import { drawSchedule, failuresOf } from './draw.ts'

const share = 100
const parts = Array.from({ length: 20 }, (_, part) => part * share)

test.each(parts)('two drivers share searches and workers (seeds from %i on)', { timeout: 600_000 }, async (from) => {
  const schedules = Array.from({ length: share }, (_, n) => drawSchedule(10_000 + from + n, { drivers: 2 }))
  expect(await failuresOf(schedules)).toEqual([])
})
