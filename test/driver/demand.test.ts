/** What is handed out ahead, through the whole driver, on the memory bus. */
import { expect, it } from 'vitest'
import { progress, type PayloadOf } from '../../protocol/index.ts'
import { hear } from '../../src/bus/index.ts'
import { readResult } from '../../src/store/index.ts'
import { Bench } from './support.ts'

it.each([
  ['on one server', 0, []],
  ['in a cluster, whose log may lack a leader for seconds', 3, [2]],
])('a slot %s: behind a trial of five seconds waits', async (_, members, waiting) => {
  const bench = new Bench()
  const bus = bench.network.connect('d1')
  await bench.driver('d1', {}, Object.create(bus, { members: { value: members } }))
  await bench.optimizer()
  const worker = await bench.worker('w1', { lastsMs: 5_000 })
  await bench.submit('e1')
  expect({ running: worker.running, waiting: worker.waiting }).toEqual({ running: [0], waiting: [] })
  await worker.finish(0)
  await bench.pass(500, worker)
  expect({ running: worker.running, waiting: worker.waiting }).toEqual({ running: [1], waiting })
})

it('what was handed back says nothing of how long trials take', async () => {
  const bench = new Bench()
  await bench.driver('d1')
  await bench.optimizer()
  const worker = await bench.worker('w1', { lastsMs: 10 })
  await bench.submit('e1')
  await worker.finish(0, { kind: 'returned', reason: 'SIGTERM' })
  await bench.pass(3000, worker)
  expect({ running: worker.running.length, waiting: worker.waiting }).toEqual({ running: 1, waiting: [] })
  await worker.finish(worker.running[0] ?? 0)
  await bench.pass(500, worker)
  expect(worker.waiting).toHaveLength(1)
})

it('is called queued wherever people look, also while its worker has not answered yet', async () => {
  const bench = new Bench()
  const bus = bench.network.connect('d1')
  await bench.driver('d1', {}, Object.create(bus, { members: { value: 3 } }))
  await bench.optimizer()
  const worker = await bench.worker('w1', { lastsMs: 5_000 })
  const told: PayloadOf<typeof progress>[] = []
  hear(bench.client, progress, { experiment: 'e1' }, (said) => void told.push(said))
  await bench.submit('e1')
  worker.deaf = true
  await worker.finish(0)
  await bench.pass(500, worker)
  expect((await bench.types('e1')).filter((type) => type === 'trial.assigned')).toHaveLength(3)
  const { counts, trials } = await readResult(bench.client, 'e1')
  expect(counts).toMatchObject({ queued: 1, running: 1, done: 1 })
  expect(trials.map(({ state }) => state)).toEqual(['done', 'running', 'queued'])
  expect(told.at(-1)).toMatchObject({ counts, running: [{ trial: 1 }] })
})
