/** A training that was stopped, or has failed, goes on when it is resumed: it is tried again, from its last checkpoint. */
import { expect, it } from 'vitest'
import { checkpointBucket, ringCheckpointName, ringName, type AttemptOutcome } from '../../protocol/index.ts'
import { training } from '../../src/experiment/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { Bench } from './support.ts'

const checkpoint = ringCheckpointName(ringName('e1', 0))
const fault: AttemptOutcome = { kind: 'failed', problem: { code: 'TRAIN_FAILED', message: 'no data' } }

async function trained() {
  const bench = new Bench()
  await bench.driver()
  const worker = await bench.worker('w1')
  await bench.submit('e1', training({ workers: 1 }).context as Parameters<Bench['submit']>[1])
  await bench.pass(250, worker)
  await bench.client.blobs.put(checkpointBucket, checkpoint, new Uint8Array([1]))
  return { bench, worker, kept: () => bench.client.blobs.has(checkpointBucket, checkpoint) }
}

it('a training that was stopped keeps its checkpoint until it has been resumed and is done', async () => {
  const { bench, worker, kept } = await trained()
  const stopping = bench.stop('e1', 'cancel')
  await bench.settle()
  await worker.finish(0, { kind: 'stopped', reason: 'cancelled', metrics: {} })
  await stopping
  await bench.pass(1000, worker)
  expect([(await bench.types('e1')).at(-1), await kept()]).toEqual(['experiment.ended', true])
  await bench.resume('e1')
  await bench.pass(1000, worker)
  expect(worker.assignments.at(-1)?.attempt).toEqual({ experiment: 'e1', trial: 0, attempt: 2 })
  expect(await kept()).toBe(true)
  await worker.finish(0)
  await bench.pass(1000, worker)
  expect(resultOf('e1', await bench.events('e1'))).toMatchObject({ state: 'done', counts: { done: 1, cancelled: 0 } })
  expect(await kept()).toBe(false)
})

it('a training that has failed is tried again when it is resumed, and is not called done with nothing done', async () => {
  const { bench, worker, kept } = await trained()
  await worker.finish(0, fault)
  await bench.pass(1000, worker)
  expect(resultOf('e1', await bench.events('e1'))).toMatchObject({ state: 'failed', problem: { code: 'TRAIN_FAILED' } })
  expect(await kept()).toBe(true)
  await bench.resume('e1')
  await bench.pass(1000, worker)
  expect(worker.running).toEqual([0])
  await worker.finish(0)
  await bench.pass(1000, worker)
  const result = resultOf('e1', await bench.events('e1'))
  expect(result).toMatchObject({ state: 'done', counts: { done: 1, failed: 0 }, trials: [{ attempt: 2 }] })
  expect(result).not.toHaveProperty('problem')
})
