/** The zoo: the same program alone and as one of several comes to the same, on replicas that are equal, and leaves no tensor behind. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Hparams, RingSettings } from '../../protocol/index.ts'
import { relativeDifference, ringOf, settingsOf, threadsOf, type RingOf } from '../support/ring-trainers.ts'
import type { ProgramReport, ProgramSetting } from './program-trainer.ts'
import { programs, type ProgramName } from './programs.ts'

const threads = threadsOf<ProgramSetting, ProgramReport>('../programs/program-trainer.ts')
type Work = Omit<ProgramSetting, 'ring'>

let ring: RingOf<Work, ProgramReport> | undefined
afterEach(async () => {
  await ring?.close()
  ring = undefined
})

async function alone(work: Work): Promise<ProgramReport> {
  const { report } = await threads.run({ ...work, ring: null }, [])
  return await report
}

async function together(work: Work, members: number, change: Partial<RingSettings> = {}) {
  const opened = ringOf<Work, ProgramReport>(threads, work, settingsOf(members, change))
  ring = opened
  const trainers = await Promise.all(Array.from({ length: members }, (_, seat) => opened.start(seat)))
  return await Promise.all(trainers.map(({ report }) => report))
}

const names = Object.keys(programs) as ProgramName[]
const globalBatch = 12
/** In the order in which the data stand, so that batches can be compared. */
const inOrder = (program: ProgramName, members: number): Work => {
  const hparams: Hparams = { shuffle: false }
  return { program, hparams: { ...hparams, batchSize: globalBatch / members } }
}

/** Why several differ from one on the same batches: what they draw in train is drawn anew on each. */
const draws: Partial<Record<ProgramName, string>> = {
  denoiser: 'its batches are shuffled by fit',
  reinforcement: 'each rank plays games of its own',
  vae: 'codes are drawn at each step',
}
/** By tfjs itself: its momentum optimizer keeps the learning rate when it is disposed of. */
const leaks: Partial<Record<ProgramName, number>> = { attention: 1 }
const told: Partial<Record<ProgramName, string>> = { reinforcement: 'nothing was cut' }

function expectWhole(program: ProgramName, reports: readonly ProgramReport[]): void {
  for (const report of reports) {
    expect(report.outcome).toBe('done')
    expect(report.leaked).toBe(leaks[program] ?? 0)
    expect(report.hashes.length).toBeGreaterThan(0)
    expect(report.hashes).toEqual(reports[0]?.hashes)
    expect(report.metrics).toEqual(reports[0]?.metrics)
  }
}

describe.each(names)('%s', (program) => {
  it('is trained by one as it was explored, to the last bit', async () => {
    const work = inOrder(program, 1)
    const explored = await alone(work)
    const [trained] = await together(work, 1)
    expectWhole(program, [explored])
    // Its data are drawn by the training's seed.
    if (program === 'denoiser') expectWhole(program, [trained as ProgramReport])
    else expect({ ...trained, lines: [] }).toEqual({ ...explored, lines: [] })
  })

  it.each([2, 3])('is trained by %i as by one on the same batches, with equal replicas', async (members) => {
    const reports = await together(inOrder(program, members), members)
    expectWhole(program, reports)
    for (const { points } of reports.slice(1)) expect(points).toEqual([])
    expect(reports.flatMap(({ lines }) => lines)).toEqual(
      told[program] === undefined ? [] : [expect.stringContaining(told[program])],
    )
    if (draws[program] !== undefined) return
    const explored = await alone(inOrder(program, 1))
    expect(reports[0]?.hashes).toHaveLength(explored.hashes.length)
    expect(relativeDifference(explored.weights, reports[0]?.weights ?? [])).toBeLessThan(2e-3)
    for (const [name, value] of Object.entries(explored.metrics)) {
      expect([name, reports[0]?.metrics[name]]).toEqual([name, expect.closeTo(value, 3)])
    }
    expect(reports[0]?.points).toHaveLength(explored.points.length)
  })
})
