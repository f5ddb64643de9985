/** A search that is changed while it runs and once it is done: at every message, and with whatever kills, losses and cuts beside. */
import { expect, test } from 'vitest'
import { createRandom } from '../../src/random/index.ts'
import { drawSchedule, failuresOf, partsOf } from './draw.ts'
import type { ChangeAt, Schedule } from './schedule.ts'

const kinds: readonly ChangeAt['kind'][] = [
  'more trials',
  'enqueued',
  'optimizer',
  'pruner',
  'parallel',
  'failed anew',
  'paused',
  'halted',
]

/** Each kind of change beside up to four faults; every second time with another change. */
function changed(seed: number, drivers: number): Schedule {
  const random = createRandom('changes', seed)
  const at = () => 1 + Math.floor(random.uniform() * 120)
  const ms = 200 + Math.floor(random.uniform() * 6000)
  const changes = [
    kinds[seed % kinds.length],
    ...(random.uniform() < 0.5 ? [kinds[Math.floor(seed / 8) % kinds.length]] : []),
  ]
  const schedule = drawSchedule(seed, { drivers })
  return {
    ...schedule,
    // Somebody who interrupts a search and somebody who changes it do not wait for each other.
    faults: schedule.faults.filter(({ kind }) => kind !== 'search interrupted'),
    failing: [1],
    ...(seed % 3 === 0 ? { repeats: 2 } : {}),
    changes: [
      ...changes.map((kind) => ({ at: at(), kind: kind as ChangeAt['kind'], ms })),
      { at: Infinity, kind: 'failed anew', ms },
    ],
  }
}

const share = 20

/** More of them: `MAGGY_SCHEDULES=20 npx vitest run test/simulation/changes.test.ts`. */
test.each(partsOf(share, 2))(
  'is exact in counts, in log and in replay (seeds from %i on)',
  { timeout: 600_000 },
  async (from) => {
    const schedules = Array.from({ length: share }, (_, n) => changed(from + n, 1 + (n % 2)))
    expect(await failuresOf(schedules)).toEqual([])
  },
)
