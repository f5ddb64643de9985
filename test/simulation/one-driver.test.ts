/** Searches of many shapes under one driver, with up to four faults each. */
import { expect, test } from 'vitest'
import { drawSchedule, failuresOf, partsOf } from './draw.ts'

const share = 100

/** Hundreds of schedules. More of them: `MAGGY_SCHEDULES=40 npx vitest run test/simulation/one-driver.test.ts`. */
test.each(partsOf(share, 3))(
  'searches survive several faults (seeds from %i on)',
  { timeout: 600_000 },
  async (from) => {
    const schedules = Array.from({ length: share }, (_, n) => drawSchedule(from + n))
    expect(await failuresOf(schedules)).toEqual([])
  },
)
