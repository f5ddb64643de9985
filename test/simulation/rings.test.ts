/** Rings of two to four members, with up to four faults each. */
import { expect, test } from 'vitest'
import { drawRing, playRing } from './ring-schedule.ts'

const share = 50
const parts = Array.from({ length: 6 }, (_, part) => part * share)

test.each(parts)('rings survive several faults (seeds from %i on)', { timeout: 600_000 }, async (from) => {
  const failures: string[] = []
  for (let seed = from; seed < from + share; seed += 1) {
    const wrong = await playRing(drawRing(seed))
    if (wrong.length > 0) failures.push(`${wrong.join('; ')}\n  in ${JSON.stringify(drawRing(seed))}`)
  }
  expect(failures).toEqual([])
})
