/** G8: what is wrong with a training on several workers is said with its place and its remedy. */
import { join } from 'node:path'
import { training } from 'maggy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { progress } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { hear } from '../../src/bus/index.ts'
import { readResult } from '../../src/store/index.ts'
import { startSystem, type System } from '../support/system.ts'

const module = join(packageRoot(), 'test/system/modules/at-fault.ts')

let system: System

beforeAll(async () => {
  system = await startSystem()
  await system.actor('driver')
  await system.workers(2)
})
afterAll(() => system.stop())

async function endOf(id: string, hparams: object, options: { nonFinite?: 'stop' | 'skip' } = {}) {
  await system.submit(module, training({ workers: 2, hparams, ...options }), id)
  await system.ended(id)
  const { state, problem, trials } = await readResult(system.bus, id)
  return { state, problem, metrics: trials[0]?.metrics }
}

describe('A training on two workers fails', () => {
  it.each([
    [
      'differs',
      'RING_MANIFEST_DIFFERS',
      /variable 0 is dense_Dense\/kernel float32\[3,\d\] on rank 0, and .* float32\[3,\d\] on rank 1/,
    ],
    ['evaluates', 'GRADIENT_MISSING', /without ever computing a gradient/],
    [
      'diverges',
      'GRADIENT_NOT_FINITE',
      /^rank \d, step 0: the gradient of dense_Dense\/kernel \(variable 1 of 4, shape \[3, 4\]\) holds NaN/,
    ],
  ])('whose train %s', async (does, code, message) => {
    const { state, problem } = await endOf(does, { does })
    expect(state).toBe('failed')
    expect(problem).toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  it('whose dataset is smaller than the ring', async () => {
    const { problem } = await endOf('small', { rows: 1 })
    expect(problem?.code).toBe('DATASET_TOO_SMALL')
    expect(problem?.message).toBe('the dataset has 1 samples, and is to be cut in 2 shards')
  })
})

it('Where a gradient that is not finite is to be left out, it is', async () => {
  const { state, metrics } = await endOf('skips', { does: 'diverges' }, { nonFinite: 'skip' })
  expect(state).toBe('done')
  expect(metrics?.['loss']).toBeTypeOf('number')
})

it('Who asks for more workers than there are is told how many are missing, and waits', async () => {
  // On a busy machine a place of the training before may still be emptied: then fewer are there at first.
  const missing = new Promise<void>((resolve) => {
    hear(system.bus, progress, { experiment: 'three' }, ({ waiting }) => {
      if (waiting?.code !== 'RING_MEMBERS_MISSING') return
      if (waiting.message.startsWith('2 of 3 workers, 1 missing')) resolve()
    })
  })
  await system.submit(module, training({ workers: 3 }), 'three')
  await missing
  await system.workers(1)
  await system.ended('three')
  expect((await readResult(system.bus, 'three')).state).toBe('done')
})
