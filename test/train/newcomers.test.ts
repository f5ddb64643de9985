/** G4: a worker that comes late, or again, is one of the others, in any kind of training loop with any optimizer. */
import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { ringOfTrainers, settingsOf, type RingOfTrainers } from '../support/ring-trainers.ts'
import type { TrainerReport } from '../support/ring-trainer.ts'

const loops = ['fitLoop', 'fitRows', 'trainOnBatch', 'minimize', 'minimizeList', 'gradients'] as const
const optimizers = ['sgd', 'momentum', 'adam', 'rmsprop', 'adamax'] as const
/** Every loop and every optimizer, each with several of the others; `MAGGY_LONG=1` tries all pairs. */
const long = process.env['MAGGY_LONG'] === '1'
const optimizersOf = (loop: number): readonly (typeof optimizers)[number][] =>
  optimizers.filter((_, at) => long || (at + loop) % 3 === 0)
/** 24 steps, 8 an epoch. */
const work = { batchSize: 4, epochs: 3, samples: 64, rate: 0.5 }

let opened: RingOfTrainers | undefined
afterEach(async () => {
  await opened?.close()
  opened = undefined
})

/** The same steps, variables and numbers, from where each began. */
function expectAlike(reports: readonly TrainerReport[]): void {
  for (const { error } of reports) expect(error).toBeNull()
  const longest = reports.toSorted((a, b) => b.hashes.length - a.hashes.length)[0]
  for (const { hashes, weights, told, metrics } of reports) {
    expect(hashes.length).toBeGreaterThan(0)
    expect(hashes).toEqual(longest?.hashes.slice(-hashes.length))
    expect(hashes.at(-1)?.[0]).toBe(24)
    expect(weights).toEqual(longest?.weights)
    expect(metrics).toEqual(longest?.metrics)
    // User code was told the same, also of the steps that were over before it came.
    expect(told).toEqual(longest?.told)
  }
}

const until = async (found: () => boolean): Promise<void> => {
  await expect.poll(found, { timeout: 20_000, interval: 5 }).toBe(true)
}

type Work = Parameters<typeof ringOfTrainers>[0]

/** One begins, and another comes once it has taken `steps`. */
async function joinLate(of: Work, steps: number): Promise<readonly (TrainerReport | undefined)[]> {
  opened = ringOfTrainers(of, settingsOf(2), 1)
  const ring = opened
  ring.allow(steps)
  const first = await ring.start(0)
  await until(() => ring.steps() === steps)
  const second = await ring.start(1)
  await until(() => ring.generations.at(-1)?.length === 2)
  ring.allow(Infinity)
  return await Promise.all([first, second].map(({ report }) => report))
}

/** Both are killed after `steps`, when there is a checkpoint of the tenth, and two others go on. */
async function goOn(of: Work, steps: number): Promise<readonly TrainerReport[]> {
  opened = ringOfTrainers(of, settingsOf(2, { checkpointEvery: 10 }))
  const ring = opened
  ring.allow(steps)
  const trainers = await Promise.all([0, 1].map((seat) => ring.start(seat)))
  await until(() => ring.checkpoints.size === 1)
  for (const trainer of trainers) await trainer.kill()
  ring.allow(Infinity)
  const again = await Promise.all([2, 3].map((seat) => ring.start(seat)))
  return await Promise.all(again.map(({ report }) => report))
}

describe.each(loops.map((loop, at) => [loop, optimizersOf(at)] as const))('In a loop by %s', (scenario, some) => {
  it.each(some)(
    'a late worker is like the others, and so is one in the place of one killed (%s)',
    async (optimizer) => {
      opened = ringOfTrainers({ ...work, scenario, optimizer }, settingsOf(2), 1)
      const ring = opened
      ring.allow(5)
      const first = await ring.start(0)
      await until(() => ring.steps() === 5)
      const second = await ring.start(1)
      await until(() => ring.generations.at(-1)?.length === 2)
      ring.allow(12)
      await until(() => ring.steps() === 12)
      // Its worker lives on, or not: the ring sees a member that does not answer, and a new one.
      await first.kill()
      const third = await ring.start(2)
      await until(() => ring.generations.at(-1)?.includes('w2') === true)
      ring.allow(Infinity)
      expectAlike(await Promise.all([second, third].map(({ report }) => report)))
      expect(ring.generations.at(-1)).toEqual(['w1', 'w2'])
      // It came to where the ring was by itself, and disturbed nobody meanwhile.
      expect(ring.chased).toContain('w2')
    },
  )

  it.each(some)('all go on from the checkpoint when all were killed (%s)', async (optimizer) => {
    const reports = await goOn({ ...work, scenario, optimizer }, 12)
    expectAlike(reports)
    for (const { hashes } of reports) expect(hashes[0]?.[0]).toBe(11)
  })
})

describe('A newcomer', () => {
  const adam = (scenario: string): Work => ({ ...work, scenario, optimizer: 'adam' })

  async function together(scenario: string): Promise<TrainerReport | undefined> {
    await opened?.close()
    opened = ringOfTrainers(adam(scenario), settingsOf(2))
    const ring = opened
    const trainers = await Promise.all([0, 1].map((seat) => ring.start(seat)))
    const [report] = await Promise.all(trainers.map((one) => one.report))
    return report
  }

  it.each(['recompiles', 'keepsBest', 'olderFit', 'olderByHand'])(
    'is like the others in the end (%s)',
    async (scenario) => {
      const [one, other] = await joinLate(adam(scenario), 13)
      for (const report of [one, other]) expect(report?.error).toBeNull()
      expect(other?.weights).toEqual(one?.weights)
      expect(other?.metrics).toEqual(one?.metrics)
    },
  )

  it('has the weights that the others have kept', async () => {
    const [one, other] = await joinLate(adam('keepsBest'), 13)
    const [, hash] = one?.hashes[7] ?? []
    // Those of the end of the first epoch, which the other one has not seen.
    for (const report of [one, other]) {
      const bytes = Buffer.from(Float32Array.from(report?.weights ?? []).buffer)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(hash)
    }
  })

  it.each(['recompiles', 'olderFit', 'olderByHand'])('goes on from a checkpoint (%s)', async (scenario) => {
    const [one, other] = await goOn(adam(scenario), 13)
    for (const report of [one, other]) expect(report?.error).toBeNull()
    expect(other?.weights).toEqual(one?.weights)
  })

  it('has weights that train kept before the checkpoint', async () => {
    const [one, other] = await goOn(adam('keepsBest'), 13)
    for (const report of [one, other]) expect(report?.error).toBeNull()
    const undisturbed = await together('keepsBest')
    expect(one?.weights).toEqual(undisturbed?.weights)
    expect(other?.weights).toEqual(undisturbed?.weights)
  })

  it('leaves the others to go on where it lacks weights that train kept past the system', async () => {
    const [one, other] = await joinLate(adam('keepsBestByHand'), 13)
    expect(one?.error).toBeNull()
    expect(other?.error?.code).toBe('RING_WEIGHTS_ELSEWHERE')
  })

  it('says that nobody has weights that train kept before the checkpoint, past the system', async () => {
    const codes = (await goOn(adam('keepsBestByHand'), 13)).map(({ error }) => error?.code)
    expect(new Set(codes)).toEqual(new Set(['RING_WEIGHTS_ELSEWHERE', 'RING_WEIGHTS_PASSED']))
  })
})

describe('The callbacks of a newcomer', () => {
  it.each(['stopsOnSplit', 'stopsInDataset', 'stopsByHand', 'plateau', 'evaluates'])(
    'decide as those of the others, for they are told of the epochs before it came: %s',
    async (scenario) => {
      const rate = scenario === 'evaluates' ? 1 : 6
      const optimizer = scenario === 'plateau' ? 'adam' : 'sgd'
      const of = { ...work, epochs: 12, rate, scenario, optimizer } as const
      const [one, other] = await joinLate(of, 9)
      expect(one?.error).toBeNull()
      expect(other?.error).toBeNull()
      expect(other?.told).toEqual(one?.told)
      expect(other?.weights).toEqual(one?.weights)
    },
  )
})
