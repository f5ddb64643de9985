/** What is handed out ahead, through the whole driver, on the memory bus. */
import { expect, it } from 'vitest'
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
