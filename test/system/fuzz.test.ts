/** A short form of `npm run fuzz`: hostile messages at real actors, with experiments beside. */
import { expect, it } from 'vitest'
import { fuzz } from '../fuzz/fuzz.ts'

it('no message ends an actor or spoils an experiment', async () => {
  const report = await fuzz({
    seed: 14,
    ms: 0,
    messages: 2000,
    experiments: 4,
    mostBytes: 2 ** 16,
    say: () => undefined,
  })
  expect(report.exits).toEqual([])
  expect(report.faults).toEqual([])
  expect(report.wrong).toEqual([])
  expect(report.right).toBeGreaterThanOrEqual(4)
})
