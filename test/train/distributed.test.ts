/** Several trainings that are one. */
import { afterEach, describe, expect, it } from 'vitest'
import type { RingSettings } from '../../protocol/index.ts'
import { relativeDifference, ringOfTrainers, settingsOf, trainAlone, type RingOfTrainers } from '../support/ring-trainers.ts'
import type { TrainerReport } from '../support/ring-trainer.ts'

const work = { scenario: 'fit', batchSize: 6, epochs: 2, samples: 120, optimizer: 'sgd' } as const
type Work = Omit<Parameters<typeof trainAlone>[0], never>

let opened: RingOfTrainers | undefined
afterEach(async () => {
  await opened?.close()
  opened = undefined
})

/** `members` train together on batches of so many each. */
async function trainTogether(
  members: number,
  of: Work,
  change: Partial<RingSettings> = {},
): Promise<readonly TrainerReport[]> {
  opened = ringOfTrainers(of, settingsOf(members, change))
  const ring = opened
  const trainers = await Promise.all(Array.from({ length: members }, (_, seat) => ring.start(seat)))
  const reports = await Promise.all(trainers.map(({ report }) => report))
  for (const { error } of reports) if (error !== null) throw new Error(`${error.code}: ${error.message}`)
  return reports
}

function expectEqualReplicas(reports: readonly TrainerReport[]): void {
  for (const { hashes } of reports) expect(hashes).toEqual(reports[0]?.hashes)
}

describe('A model trained by several', () => {
  for (const optimizer of ['sgd', 'adam'] as const) {
    it.each([1, 2, 3, 4])(`is that of one process with the same global batches (${optimizer}, %i)`, async (members) => {
      // 20 steps of 12 samples in all.
      const one = await trainAlone({ ...work, optimizer, batchSize: 12 })
      const reports = await trainTogether(members, { ...work, optimizer, batchSize: 12 / members })
      expectEqualReplicas(reports)
      expect(reports[0]?.hashes.length).toBe(20)
      for (const { weights } of reports) {
        expect(relativeDifference(one.weights, weights)).toBeLessThan(optimizer === 'sgd' ? 1e-5 : 1e-3)
      }
    })
  }
})
