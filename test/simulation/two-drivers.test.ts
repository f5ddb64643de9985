/** Searches of many shapes where another driver is there to take over, with up to four faults each. */
import { expect, test } from 'vitest'
import { drawSchedule, failuresOf } from './draw.ts'

const share = 100
/** Hundreds of schedules. More of them: `MAGGY_SCHEDULES=40 npx vitest run test/simulation/two-drivers.test.ts`. */
const count = Number(process.env['MAGGY_SCHEDULES'] ?? 3)
const parts = Array.from({ length: count }, (_, part) => part * share)

test.each(parts)('two drivers share searches and workers (seeds from %i on)', { timeout: 600_000 }, async (from) => {
  const schedules = Array.from({ length: share }, (_, n) => drawSchedule(10_000 + from + n, { drivers: 2 }))
  expect(await failuresOf(schedules)).toEqual([])
})
