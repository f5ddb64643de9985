/** Schedules drawn from seeds, and the shortest form of one that fails. */
import { createRandom } from '../../src/random/index.ts'
import { faultKinds, play, type Fault, type Schedule } from './schedule.ts'

/** Messages of a search, about: where faults are put. */
const spread = 150
const durations = [200, 1500, 4000, 9000]

/** The seeds at which parts of a file's schedules begin, `share` to a part. `MAGGY_SCHEDULES=40`: so many parts, and not the usual few. */
export function partsOf(share: number, usual: number): number[] {
  const count = Number(process.env['MAGGY_SCHEDULES'] ?? usual)
  return Array.from({ length: count }, (_, part) => part * share)
}

export function drawSchedule(seed: number, change: Partial<Schedule> = {}): Schedule {
  const random = createRandom('schedule', seed)
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random.uniform() * choices.length)] as T
  const faults = Array.from({ length: pick([1, 1, 2, 2, 3, 4]) }, () => ({
    at: 1 + Math.floor(random.uniform() * spread),
    kind: pick(faultKinds),
    ms: pick(durations),
    sameId: random.uniform() < 0.5,
  }))
  return {
    seed,
    drivers: 1,
    workers: pick([1, 2, 2, 3]),
    slots: pick([1, 1, 2]),
    trials: pick([3, 4, 6]),
    steps: pick([1, 3, 6]),
    stepMs: pick([20, 200, 700]),
    optimizer: pick(['random', 'tpe']),
    pruner: pick([null, 'median']),
    faults,
    ...change,
  }
}

/** The same search with each kind of fault at each of its messages. */
export async function everySingleFault(base: Schedule): Promise<Schedule[]> {
  const { legs } = await play({ ...base, faults: [] })
  return Array.from({ length: legs }, (_, index) => index + 1).flatMap((at) =>
    faultKinds.map((kind, nth): Schedule => {
      const ms = durations[(at + nth) % durations.length] ?? 1500
      return { ...base, faults: [{ at, kind, ms, sameId: at % 2 === 0 }] }
    }),
  )
}

/** What went wrong in a schedule, with the least of its faults that still make it go wrong; '' if nothing did. */
export async function failureOf(schedule: Schedule): Promise<string> {
  const { violations } = await play(schedule)
  if (violations.length === 0) return ''
  let least: Schedule = schedule
  let found = violations
  for (const fault of schedule.faults) {
    const fewer: Schedule = { ...least, faults: least.faults.filter((one: Fault) => one !== fault) }
    const { violations: still } = await play(fewer)
    if (still.length > 0) [least, found] = [fewer, still]
  }
  return `${found.join('; ')}\n  in ${JSON.stringify(least)}`
}

/** All failures of many schedules. */
export async function failuresOf(schedules: readonly Schedule[]): Promise<string[]> {
  const failures: string[] = []
  for (const schedule of schedules) {
    const failure = await failureOf(schedule)
    if (failure !== '') failures.push(failure)
  }
  return failures
}
