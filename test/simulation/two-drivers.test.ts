/** Searches of many shapes where another driver is there to take over, with up to four faults each. */
import { expect, test } from 'vitest'
import { drawSchedule, failuresOf, partsOf } from './draw.ts'

const share = 100

/** Hundreds of schedules. More of them: `MAGGY_SCHEDULES=40 npx vitest run test/simulation/two-drivers.test.ts`. */
test.each(partsOf(share, 3))(
  'two drivers share searches and workers (seeds from %i on)',
  { timeout: 600_000 },
  async (from) => {
    const schedules = Array.from({ length: share }, (_, n) => drawSchedule(10_000 + from + n, { drivers: 2 }))
    expect(await failuresOf(schedules)).toEqual([])
  },
)
