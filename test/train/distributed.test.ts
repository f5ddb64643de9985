/** Several trainings that are one. */
import { afterEach, describe, expect, it } from 'vitest'
import type { RingSettings } from '../../protocol/index.ts'
import {
  relativeDifference,
  ringOfTrainers,
  settingsOf,
  trainAlone,
  type RingOfTrainers,
} from '../support/ring-trainers.ts'
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

  it.each(['ring', 'direct'] as const)(
    'has equal replicas at every step, whatever the encoding (%s)',
    async (algorithm) => {
      for (const encoding of ['float32', 'bfloat16', 'int8'] as const) {
        const reports = await trainTogether(3, { ...work, scenario: 'normalized' }, { encoding, algorithm })
        expectEqualReplicas(reports)
        for (const { weights } of reports) expect(weights).toEqual(reports[0]?.weights)
        await opened?.close()
      }
    },
  )

  it('accumulates gradients of two models by turns apart from each other', async () => {
    const of = { ...work, scenario: 'turns' } as const
    const one = await trainAlone({ ...of, batchSize: 12 })
    const reports = await trainTogether(2, { ...of, batchSize: 3 }, { accumulate: 2 })
    expectEqualReplicas(reports)
    expect(relativeDifference(one.weights, reports[0]?.weights ?? [])).toBeLessThan(1e-5)
  })

  it.each(['olderFit', 'olderByHand'])(
    'is the same on all ranks with its statistics, also where it is older than the training (%s)',
    async (scenario) => {
      const one = await trainTogether(2, { ...work, scenario: 'normalized' })
      await opened?.close()
      const reports = await trainTogether(2, { ...work, scenario })
      for (const { weights } of reports) expect(weights).toEqual(one[0]?.weights)
    },
  )

  it('accumulates gradients that train applies by itself', async () => {
    const of = { ...work, scenario: 'descends' } as const
    const one = await trainAlone({ ...of, batchSize: 12 })
    const reports = await trainTogether(2, { ...of, batchSize: 3 }, { accumulate: 2 })
    expect(reports[1]?.weights).toEqual(reports[0]?.weights)
    expect(relativeDifference(one.weights, reports[0]?.weights ?? [])).toBeLessThan(1e-5)
  })

  it('may be trained in a callback of another training', async () => {
    expectEqualReplicas(await trainTogether(2, { ...work, scenario: 'fitsWithin' }))
  })

  it('learns of rows that go together, whatever train and tfjs make of a part of the data', async () => {
    const of = { ...work, scenario: 'pairs', optimizer: 'adam', rate: 5, epochs: 60 } as const
    const reports = await trainTogether(2, of)
    expectEqualReplicas(reports)
    // y is a sum of x, which a layer can learn exactly.
    for (const loss of reports[0]?.told ?? []) expect(loss).toBeLessThan(0.05)
    expect(reports[0]?.told).toHaveLength(2)
  })

  it('clips the gradient of all, in a loop written by hand', async () => {
    const of = { ...work, scenario: 'byHand', optimizer: 'adam' } as const
    const one = await trainAlone({ ...of, batchSize: 12 })
    const reports = await trainTogether(2, of)
    expectEqualReplicas(reports)
    expect(relativeDifference(one.weights, reports[1]?.weights ?? [])).toBeLessThan(1e-3)
    // Reports are the mean over all, and said once.
    expect(reports[1]?.points).toEqual([])
    for (const [at, { loss }] of (reports[0]?.points ?? []).entries())
      expect(loss).toBeCloseTo(one.points[at]?.loss ?? NaN, 5)
  })

  it('may have several optimizers', async () => {
    const of = { ...work, scenario: 'rivals' } as const
    const one = await trainAlone({ ...of, batchSize: 12 })
    const reports = await trainTogether(2, of)
    expectEqualReplicas(reports)
    expect(relativeDifference(one.weights, reports[0]?.weights ?? [])).toBeLessThan(1e-3)
  })

  it('is trained by fitDataset too, and an uneven last batch counts by its samples', async () => {
    const of = { ...work, scenario: 'fitDataset', samples: 116 } as const
    const one = await trainAlone({ ...of, batchSize: 12 })
    const reports = await trainTogether(2, of)
    expectEqualReplicas(reports)
    expect(relativeDifference(one.weights, reports[0]?.weights ?? [])).toBeLessThan(1e-5)
  })

  it('leaves out what does not divide', async () => {
    const reports = await trainTogether(3, { ...work, scenario: 'shuffled', samples: 122 })
    expect(reports.map(({ rows }) => rows)).toEqual([40, 40, 40])
    expectEqualReplicas(reports)
  })

  it('has its gradients added up before a step, where that is asked', async () => {
    const one = await trainAlone({ ...work, batchSize: 12 })
    const reports = await trainTogether(2, { ...work, batchSize: 3 }, { accumulate: 2 })
    expectEqualReplicas(reports)
    expect(reports[0]?.hashes.length).toBe(20)
    expect(relativeDifference(one.weights, reports[0]?.weights ?? [])).toBeLessThan(1e-5)
  })

  it.each(['sgd', 'adam'] as const)(
    'has its learning rate times the ranks, where that is asked (%s)',
    async (optimizer) => {
      const one = await trainAlone({ ...work, optimizer, batchSize: 12, rate: 2 })
      const reports = await trainTogether(2, { ...work, optimizer }, { learningRate: 'linear' })
      expectEqualReplicas(reports)
      expect(relativeDifference(one.weights, reports[0]?.weights ?? [])).toBeLessThan(optimizer === 'sgd' ? 1e-5 : 1e-3)
    },
  )

  it('steps by itself between two averages, where that is asked', async () => {
    const reports = await trainTogether(2, work, { syncEvery: 4 })
    const [a, b] = reports
    expect(a?.weights).toEqual(b?.weights)
    expect(a?.hashes).not.toEqual(b?.hashes)
  })
})

describe('What goes wrong', () => {
  async function errorsOf(scenario: string, change: Partial<RingSettings> = {}, more: Partial<Work> = {}) {
    opened = ringOfTrainers({ ...work, scenario, ...more }, settingsOf(2, change))
    const ring = opened
    const trainers = await Promise.all([0, 1].map((seat) => ring.start(seat)))
    return { ring, trainers }
  }

  it('names rank, step and variable of a gradient that is not finite', async () => {
    const { trainers } = await errorsOf('notFinite')
    const { error } = (await trainers[1]?.report) ?? {}
    expect(error).toMatchObject({
      code: 'GRADIENT_NOT_FINITE',
      message: 'rank 1, step 0: the gradient of dense_Dense/kernel (variable 1 of 4, shape [4, 6]) holds NaN',
    })
    // The other one goes on alone.
    expect((await trainers[0]?.report)?.error).toBeNull()
  })

  it('leaves such a gradient out, where that is asked', async () => {
    const reports = await trainTogether(2, { ...work, scenario: 'notFinite' }, { nonFinite: 'skip' })
    expectEqualReplicas(reports)
    for (const weight of reports[0]?.weights ?? []) expect(weight).toBeTypeOf('number')
    expect(reports[0]?.weights.every(Number.isFinite)).toBe(true)
  })

  it('leaves out what such a batch did to statistics, too', async () => {
    const reports = await trainTogether(2, { ...work, scenario: 'endsNotFinite' }, { nonFinite: 'skip' })
    expect(reports[0]?.weights).toEqual(reports[1]?.weights)
    expect(reports[0]?.weights.every(Number.isFinite)).toBe(true)
  })

  it('says that two are trained beside each other', async () => {
    const { trainers } = await errorsOf('fitsAtOnce')
    for (const { report } of trainers) expect((await report).error?.code).toBe('FITS_AT_ONCE')
  })

  it('says that train never computed a gradient', async () => {
    const { trainers } = await errorsOf('idle')
    expect((await trainers[0]?.report)?.error?.code).toBe('GRADIENT_MISSING')
  })

  it.each([1, 4])('says that the ranks were given other data (averaged every %i steps)', async (syncEvery) => {
    const { trainers } = await errorsOf('otherData', { syncEvery })
    for (const { report } of trainers) {
      expect((await report).error).toEqual({
        code: 'DATASET_DIFFERS',
        message: 'the dataset generator did not give the same on all workers: xs differs',
      })
    }
  })

  it('says that there are fewer samples than shards', async () => {
    const { trainers } = await errorsOf('fit', {}, { samples: 1 })
    expect((await trainers[0]?.report)?.error).toMatchObject({
      code: 'DATASET_TOO_SMALL',
      message: 'the dataset has 1 samples, and is to be cut in 2 shards',
    })
  })
})

describe('A ring whose members change', () => {
  const long = { ...work, epochs: 3 } as const

  it('goes on when a member is killed, with equal replicas and every step taken', async () => {
    opened = ringOfTrainers(long, settingsOf(3))
    const ring = opened
    ring.allow(5)
    const trainers = await Promise.all([0, 1, 2].map((seat) => ring.start(seat)))
    await expect.poll(() => ring.steps(), { timeout: 20_000 }).toBe(5)
    await trainers[1]?.kill()
    ring.allow(Infinity)
    const [a, , c] = trainers
    const reports = await Promise.all([a?.report, c?.report])
    expect(reports[0]?.error).toBeNull()
    expect(reports[0]?.hashes).toEqual(reports[1]?.hashes)
    expect(reports[0]?.hashes.map(([step]) => step)).toEqual(Array.from({ length: 21 }, (_, at) => at + 1))
    expect(ring.generations.at(-1)).toEqual(['w0', 'w2'])
  })

  it.each(['sgd', 'adam'] as const)(
    'takes a newcomer in, who has the others weights and moments (%s)',
    async (optimizer) => {
      opened = ringOfTrainers({ ...long, optimizer, scenario: 'normalized' }, settingsOf(3, { checkpointEvery: 3 }), 2)
      const ring = opened
      ring.allow(6)
      const trainers = await Promise.all([0, 1].map((seat) => ring.start(seat)))
      await expect.poll(() => ring.checkpoints.size, { timeout: 20_000 }).toBe(1)
      const newcomer = await ring.start(2)
      await expect.poll(() => ring.generations.at(-1), { timeout: 20_000 }).toContain('w2')
      ring.allow(Infinity)
      const reports = await Promise.all([...trainers, newcomer].map(({ report }) => report))
      for (const { error } of reports) expect(error).toBeNull()
      expect(ring.generations.at(-1)).toEqual(['w0', 'w1', 'w2'])
      const late = reports[2]
      expect(late?.hashes.length).toBeGreaterThan(0)
      expect(late?.hashes.length).toBeLessThan(21)
      expect(late?.hashes).toEqual(reports[0]?.hashes.slice(-(late?.hashes.length ?? 0)))
      expect(late?.metrics).toEqual(reports[0]?.metrics)
    },
  )

  it('is resumed from its checkpoint when all are gone', async () => {
    opened = ringOfTrainers({ ...long, optimizer: 'adam' }, settingsOf(2, { checkpointEvery: 5 }))
    const ring = opened
    ring.allow(7)
    const trainers = await Promise.all([0, 1].map((seat) => ring.start(seat)))
    await expect.poll(() => ring.checkpoints.size, { timeout: 20_000 }).toBe(1)
    for (const trainer of trainers) await trainer.kill()
    ring.allow(Infinity)
    const again = await Promise.all([2, 3].map((seat) => ring.start(seat)))
    const reports = await Promise.all(again.map(({ report }) => report))
    expect(reports[0]?.error).toBeNull()
    // Nobody began from the start, whoever was the first.
    for (const { hashes } of reports) {
      expect(hashes[0]?.[0]).toBeGreaterThan(5)
      expect(hashes.at(-1)).toEqual([30, reports[0]?.hashes.at(-1)?.[1]])
    }
  })
})
