/** Several searches and two drivers on the same workers, with up to four faults each: what one driver held there, the other finds. */
import { expect, test } from 'vitest'
import { drawSchedule, failuresOf, partsOf } from './draw.ts'

const share = 50

/** More of them: `MAGGY_SCHEDULES=20 npx vitest run test/simulation/shared-fleet.test.ts`. */
test.each(partsOf(share, 3))(
  'two drivers with searches of their own share workers (seeds from %i on)',
  { timeout: 600_000 },
  async (from) => {
    const schedules = Array.from({ length: share }, (_, n) =>
      drawSchedule(20_000 + from + n, { drivers: 2, beside: 1 + ((from + n) % 2) }),
    )
    expect(await failuresOf(schedules)).toEqual([])
  },
)
