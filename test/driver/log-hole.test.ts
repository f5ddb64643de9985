/** A log of which a part is gone (a damaged or truncated block) is not read as if that had never been. */
import { expect, it } from 'vitest'
import { codeOf, encodePayload, log, resumeExperiment, subjectFor } from '../../protocol/index.ts'
import { ask } from '../../src/bus/index.ts'
import { followExperiment } from '../../src/client/index.ts'
import { readResult } from '../../src/store/index.ts'
import { resultText } from '../../src/cli/trial-table.ts'
import { Bench, ready } from './support.ts'

/** The log of a search that was stopped, on another bus, without some of its entries; `instead`: bytes that are no entry. */
async function damaged(gone: (entry: number, count: number) => boolean, instead?: Uint8Array): Promise<Bench> {
  const { bench, w1 } = await ready({ trials: 6 })
  for (const trial of [0, 1, 2]) {
    await w1.finish(trial)
    await bench.settle()
  }
  bench.kill()
  const bad = new Bench()
  const subject = subjectFor(log, { experiment: 'e1' })
  const entries: Uint8Array[] = []
  for await (const { data } of bench.client.streams.read('log', subject)) entries.push(data)
  await bad.client.streams.ensure()
  let expectedLast = 0
  for (const [index, data] of entries.entries()) {
    const kept = gone(index, entries.length) ? instead : data
    if (kept !== undefined) expectedLast = await bad.client.streams.append(subject, kept, { expectedLast })
  }
  return bad
}

async function resume(bench: Bench, force: boolean): Promise<string> {
  const asked = ask(bench.client, resumeExperiment, {}, { experiment: 'e1', force }, { timeoutMs: 60_000 }).then(
    () => 'accepted',
    (error: unknown) => codeOf(error) ?? String(error),
  )
  await bench.settle()
  return asked
}

const middle = (entry: number, count: number) => entry === Math.floor(count / 2)

it('is said to have a hole by everything that shows it', async () => {
  const bench = await damaged(middle)
  const result = await readResult(bench.client, 'e1')
  expect(result.holes).toEqual({ places: 1, events: expect.any(Number) as number })
  expect(result.holes?.events).toBeGreaterThan(0)
  expect(resultText(result)).toMatch(/the log has a hole: \d+ events are missing at one place/)
  await expect(followExperiment(bench.client, 'e1')).rejects.toMatchObject({ code: 'LOG_HOLE' })
})

it.each([
  ['an entry is gone', undefined],
  ['an entry cannot be read', new Uint8Array([0xc1, 1, 2])],
])('is not gone on from when %s, unless somebody says so, and then no number is given twice', async (_, instead) => {
  const bench = await damaged(middle, instead)
  await bench.driver('d2')
  await bench.optimizer()
  const worker = await bench.worker('w2', {
    run: ({ attempt }) => ({ kind: 'done', metrics: { value: attempt.trial } }),
  })
  await bench.pass(10_000, worker)
  expect(worker.assignments).toEqual([])
  expect(bench.warnings.some((said) => said.includes('the log of e1 has a hole'))).toBe(true)
  expect(await resume(bench, false)).toBe('LOG_HOLE')
  expect(await resume(bench, true)).toBe('accepted')
  await bench.pass(20_000, worker)
  const result = await readResult(bench.client, 'e1')
  expect(result.state).toBe('done')
  expect(new Set(result.trials.map(({ trial }) => trial)).size).toBe(result.trials.length)
  expect(Math.max(...result.trials.map(({ trial }) => trial))).toBe(5)
  expect(bench.faults).toEqual([])
})

it('says that its beginning is gone when nothing can be told of it', async () => {
  const bench = await damaged((entry) => entry === 0)
  await expect(readResult(bench.client, 'e1')).rejects.toMatchObject({ code: 'LOG_HOLE' })
})

it('without numbers, as before 0.2, is read as it is', async () => {
  const bench = new Bench()
  const subject = subjectFor(log, { experiment: 'e1' })
  const { bench: other, w1 } = await ready({ trials: 2 })
  await w1.finish(0)
  await other.settle()
  await bench.client.streams.ensure()
  const events = await other.events('e1')
  await bench.client.streams.append(subject, encodePayload(log, { events: [...events] }, subject), {
    expectedLast: 0,
  })
  expect(await readResult(bench.client, 'e1')).not.toHaveProperty('holes')
})
