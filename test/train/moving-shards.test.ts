/** G5: no sample counts twice in one step, also where a member is lost when some have the step before and others have not. */
import { afterEach, expect, it } from 'vitest'
import { chunk, decodePayload, encode, probeMember } from '../../protocol/index.ts'
import { ask, type Bus } from '../../src/bus/index.ts'
import { ringOfTrainers, settingsOf, type RingOfTrainers } from '../support/ring-trainers.ts'

let opened: RingOfTrainers | undefined
afterEach(async () => {
  await opened?.close()
  opened = undefined
})

/** The collective whose last chunks rank 2 never gets: rank 1 takes them for delivered. */
const lost = 2

const losesLastChunks = (bus: Bus): Bus => ({
  ...bus,
  get status() {
    return bus.status
  },
  request: async (subject, data, options) => {
    if (subject.endsWith('.1.2.chunk')) {
      const { step, phase, hop } = decodePayload(chunk, data, subject)
      if (step === lost && phase === 'gather' && hop === 1) return encode({ ok: {} })
    }
    return await bus.request(subject, data, options)
  },
})

it('a rank that is handed a step keeps its shard as long as the ranks ahead keep theirs', async () => {
  const work = { scenario: 'rowsOfBatches', batchSize: 4, epochs: 2, samples: 72, optimizer: 'sgd' } as const
  const buses = new Map<string, Bus>()
  opened = ringOfTrainers(work, settingsOf(3), 3, (bus, worker) => {
    buses.set(worker, bus)
    return worker === 'w1' ? losesLastChunks(bus) : bus
  })
  const ring = opened
  ring.allow(lost + 1)
  const trainers = await Promise.all([0, 1, 2].map((seat) => ring.start(seat)))
  const standing = async (rank: number) => {
    const bus = buses.get(`w${rank}`)
    if (bus === undefined) throw new Error('no bus')
    const at = { worker: 'w2', ring: 'r', generation: '1', member: `w${rank}`, rank: String(rank) }
    return await ask(bus, probeMember, at, {}, { timeoutMs: 10_000 }).catch(() => undefined)
  }
  // Rank 1 has applied the step, and rank 2 waits for the rest of it.
  await expect.poll(() => standing(1), { timeout: 20_000 }).toMatchObject({ finished: lost, reducing: null })
  await expect.poll(() => standing(2), { timeout: 20_000 }).toMatchObject({ finished: lost - 1, reducing: lost })
  await trainers[0]?.kill()
  ring.allow(Infinity)
  const reports = await Promise.all(trainers.slice(1).map(({ report }) => report))
  for (const { error } of reports) expect(error).toBeNull()
  expect(ring.generations.at(-1)).toEqual(['w1', 'w2'])
  const [one, other] = reports.map(({ told }) => told as number[][])
  expect(one).toHaveLength(12)
  for (const [step, rows] of (one ?? []).entries()) {
    expect(rows.filter((row) => other?.[step]?.includes(row) === true)).toEqual([])
  }
  expect(reports[0]?.hashes).toEqual(reports[1]?.hashes)
})
