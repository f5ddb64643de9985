/** Trials that save themselves, on real parts: retried after a crash, promoted, and read back as models. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { optimization, space } from 'maggy'
import { checkpointBucket, checkpointName } from '../../protocol/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { startSystem, type System } from '../support/system.ts'

const module = fileURLToPath(new URL('../support/checkpoint-experiment.ts', import.meta.url))
const common = { metric: 'value', direction: 'maximize', space: { x: space.double(0, 1) } } as const
let system: System

beforeAll(async () => {
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer'), system.workers(2)])
})
afterAll(() => system.stop())

const kept = async (experiment: string, trials: number) => {
  const all = Array.from({ length: trials }, (_, trial) => trial)
  const there = await Promise.all(
    all.map((trial) => system.bus.blobs.has(checkpointBucket, checkpointName(experiment, trial))),
  )
  return all.filter((trial) => there[trial])
}

describe('a checkpoint', () => {
  it('lets a further attempt go on where the one that was killed had saved itself', async () => {
    await system.submit(module, optimization({ ...common, optimizer: 'random', trials: 2 }), 'crash')
    const { state, trials } = resultOf('crash', await system.ended('crash'))
    expect(state).toBe('done')
    expect(trials[0]).toMatchObject({ state: 'done', attempts: 2, metrics: { began: 2, from: 0, step: 1 } })
    expect(trials[1]).toMatchObject({ state: 'done', attempts: 1, metrics: { began: 0, from: -1 } })
  })

  it('lets a promoted trial go on from the one that it continues; only that of the best stays', async () => {
    const optimizer = { name: 'asha', reductionFactor: 2, minBudget: 1, maxBudget: 4 }
    await system.submit(module, optimization({ ...common, optimizer, trials: 12 }), 'asha')
    const { state, best, trials } = resultOf('asha', await system.ended('asha'))
    expect(state).toBe('done')
    const continued = trials.filter(({ from }) => from !== undefined)
    expect(continued.length).toBeGreaterThan(3)
    for (const { from, metrics } of continued) {
      expect(metrics).toMatchObject({ from, began: trials[from ?? -1]?.hparams['budget'] })
    }
    while ((await kept('asha', 12)).length > 1) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await kept('asha', 12)).toEqual([best?.trial])
  })

  it("keeps a model with its optimizer's state: training goes on as if it had never stopped", async () => {
    const context = optimization({ ...common, optimizer: 'random', trials: 1, hparams: { does: 'models' } })
    await system.submit(module, context, 'model')
    const { trials } = resultOf('model', await system.ended('model'))
    expect(trials[0]).toMatchObject({ state: 'done' })
    expect(trials[0]?.metrics['value']).toBeLessThan(1e-5)
  })
})
