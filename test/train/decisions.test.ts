/** G10: what several workers decide together is the same on all of them, or an error names the difference. */
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

type Work = Parameters<typeof trainAlone>[0]

const work: Work = { scenario: 'fit', batchSize: 4, epochs: 12, samples: 96, optimizer: 'sgd', rate: 6 }

let opened: RingOfTrainers | undefined
afterEach(async () => {
  await opened?.close()
  opened = undefined
})

async function reportsOf(
  members: number,
  of: Work,
  change: Partial<RingSettings> = {},
): Promise<readonly TrainerReport[]> {
  opened = ringOfTrainers(of, settingsOf(members, change))
  const ring = opened
  const trainers = await Promise.all(Array.from({ length: members }, (_, seat) => ring.start(seat)))
  return await Promise.all(trainers.map(({ report }) => report))
}

interface Told {
  readonly epoch: number
  readonly logs: Readonly<Record<string, number>>
  readonly rate: number
}

const epochsIn = ({ told }: TrainerReport): Told[] =>
  told.filter((one): one is Told => typeof one === 'object' && one !== null && 'epoch' in one)

/** All ranks were told the same, have the same weights, and decided as one process does that has all data. */
function expectOneDecision(reports: readonly TrainerReport[], alone: TrainerReport): void {
  for (const { error } of reports) expect(error).toBeNull()
  const [first] = reports
  for (const { told, weights } of reports) {
    expect(told).toEqual(first?.told)
    expect(weights).toEqual(first?.weights)
  }
  const [mine, one] = [epochsIn(first as TrainerReport), epochsIn(alone)]
  expect(mine.map(({ epoch, rate }) => [epoch, rate])).toEqual(one.map(({ epoch, rate }) => [epoch, rate]))
  for (const [at, { logs }] of mine.entries()) {
    for (const [name, value] of Object.entries(one[at]?.logs ?? {})) expect(logs[name], name).toBeCloseTo(value, 4)
  }
  expect(relativeDifference(alone.weights, first?.weights ?? [])).toBeLessThan(1e-3)
}

describe.each(['ring', 'direct'] as const)('Several workers (%s)', (algorithm) => {
  describe.each([2, 3])('that are %i', (members) => {
    it.each([
      'stopsOnSplit',
      'stopsOnMetric',
      'stopsOnLoss',
      'stopsOnData',
      'stopsByHand',
      'stopsInDataset',
      'plateau',
    ])('decide in the same epoch as one process with all data: %s', async (scenario) => {
      const of = { ...work, scenario, batchSize: 12 / members }
      const alone = await trainAlone({ ...of, batchSize: 12 })
      const epochs = epochsIn(alone)
      // The decision is one: neither at the first opportunity, nor never.
      if (scenario === 'plateau') expect(new Set(epochs.map(({ rate }) => rate)).size).toBeGreaterThan(1)
      else expect(epochs.length).toBeLessThan(work.epochs)
      expect(epochs.length).toBeGreaterThan(2)
      expectOneDecision(await reportsOf(members, of, { algorithm }), alone)
    })
  })
})

/** Two ranks whose parts differ. */
async function both(scenario: string, change: Partial<RingSettings> = {}, more: Partial<Work> = {}) {
  const reports = await reportsOf(2, { ...work, scenario, batchSize: 6, ...more }, change)
  return reports
}

function expectEqual(reports: readonly TrainerReport[]): void {
  for (const { error, told, weights, metrics } of reports) {
    expect(error).toBeNull()
    expect(told).toEqual(reports[0]?.told)
    expect(weights).toEqual(reports[0]?.weights)
    expect(metrics).toEqual(reports[0]?.metrics)
  }
}

describe('Two workers', () => {
  it.each(['stopsOnUneven', 'stopsOnOnes'])(
    'decide alike though one has fewer validation samples, or none: %s',
    async (scenario) => {
      const reports = await both(scenario)
      expectEqual(reports)
      expect(epochsIn(reports[0] as TrainerReport).length).toBeLessThan(work.epochs)
    },
  )

  it.each([{ syncEvery: 3 }, { accumulate: 2 }, { encoding: 'int8' }, { nonFinite: 'skip' }] as const)(
    'decide alike with %o',
    async (change) => {
      for (const scenario of ['stopsOnSplit', 'stopsInDataset', 'plateau']) {
        expectEqual(await both(scenario, change))
        await opened?.close()
      }
    },
  )

  it('are told by evaluate and evaluateDataset what one process with all rows is told', async () => {
    const of: Work = { ...work, scenario: 'evaluates', epochs: 2, batchSize: 6 }
    const alone = await trainAlone({ ...of, batchSize: 12 })
    const reports = await both('evaluates', {}, { epochs: 2 })
    expectEqual(reports)
    for (const [at, numbers] of (reports[0]?.told ?? []).entries()) {
      for (const [index, value] of (numbers as number[]).entries()) {
        expect(value).toBeCloseTo((alone.told[at] as number[])[index] ?? NaN, 4)
      }
    }
  })

  it('have the same second model, too, though each draws its first weights by itself', async () => {
    expectEqual(await both('twoModels'))
  })

  it('have as many samples an epoch as one process where batchesPerEpoch is set', async () => {
    const of: Work = { ...work, scenario: 'batchesPerEpoch', epochs: 3, batchSize: 12, rate: 1 }
    const alone = await trainAlone(of)
    const reports = await both('batchesPerEpoch', {}, { epochs: 3, batchSize: 12, rate: 1 })
    expectEqual(reports)
    // Half as many steps, for each is of twice as many samples.
    expect(alone.metrics?.['value']).toBe(3)
    expect(reports[0]?.metrics?.['value']).toBe(3)
    expect(reports[0]?.hashes.length).toBe(12)
    // Spread over all epochs.
    for (const { logs } of epochsIn(reports[0] as TrainerReport)) expect(logs['loss']).toBeGreaterThan(0)
  })

  async function errorOf(scenario: string, more: Partial<Work> = {}) {
    const reports = await both(scenario, {}, more)
    const errors = reports.flatMap(({ error }) => error ?? [])
    // At least one of them names it; another may only have seen that its ring is gone.
    expect(errors.length).toBeGreaterThan(0)
    return errors[0]
  }

  it('are told which of them has set model.stopTraining by itself, at the end of that epoch', async () => {
    expect(await errorOf('stopsAlone')).toEqual({
      code: 'RING_DECISIONS_DIFFER',
      message: 'has ended epoch 1: model.stopTraining is false on rank 0, and true on rank 1',
    })
  })

  it('are told which of them has changed the learning rate by itself', async () => {
    expect(await errorOf('slowsAlone', { rate: 1 })).toEqual({
      code: 'RING_DECISIONS_DIFFER',
      message: "has ended epoch 1: the optimizer's learningRate is 0.1 on rank 0, and 0.025 on rank 1",
    })
  })

  it('are told which of them has left an epoch while the other computes', async () => {
    const error = await errorOf('stopsAloneInBatch')
    expect(error?.code).toBe('RING_LOOPS_DIFFER')
    expect(error?.message).toContain('ends epoch 0')
    expect(error?.message).toContain('computes gradient 3 (step 3)')
  })

  it('are told which variable one of them has changed by itself, within fifty steps', async () => {
    expect(await errorOf('driftsAlone', { epochs: 10, rate: 0.1 })).toEqual({
      code: 'RING_REPLICAS_DIFFER',
      message:
        'computes gradient 50 (step 50): dense_Dense/kernel (variable 1 of 4, shape [4, 6]) is not the same on rank 0 and rank 1',
    })
  })

  it('are told so at the end, where they took fewer steps', async () => {
    const error = await errorOf('driftsAlone', { epochs: 1, rate: 0.1 })
    expect(error?.code).toBe('RING_REPLICAS_DIFFER')
    expect(error?.message).toContain('returns value: dense_Dense/kernel')
  })

  it('are told which one it is by its place and its shape, where variables have no name', async () => {
    expect(await errorOf('driftsUnnamed', { rate: 0.1 })).toEqual({
      code: 'RING_REPLICAS_DIFFER',
      message: 'returns value: variable 2 of 2 (no name, shape [2, 4]) is not the same on rank 0 and rank 1',
    })
  })

  it('are told that each plays games of its own length', async () => {
    expect(await errorOf('games', { rate: 0.01 })).toEqual({
      code: 'RING_LOOPS_DIFFER',
      message:
        'rank 0 has applied gradients, before its gradient 3, times: 1, while rank 1 has applied gradients, before its gradient 3, times: 0',
    })
  })
})
