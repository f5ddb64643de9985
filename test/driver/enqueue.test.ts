/** Trials that a user gives, through the whole driver, on the memory bus. */
import { describe, expect, it } from 'vitest'
import type { OptimizerPlugin } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { Bench } from './support.ts'

const space = {
  a: { type: 'integer' as const, low: 1, high: 3 },
  b: { type: 'categorical' as const, choices: ['x', 'y'] },
}
const plugins = [...builtinSamplers.values(), ...builtinSchedulers.values()]

async function started(more: readonly OptimizerPlugin[] = []) {
  const bench = new Bench()
  await bench.driver()
  const stop = await bench.optimizer('o1', [...plugins, ...more])
  const worker = await bench.worker('w1', {
    run: ({ hparams }) => ({ kind: 'done', metrics: { value: Number(hparams['a'] ?? 0) } }),
  })
  const points = async () => resultOf('e1', await bench.events('e1')).trials.map(({ hparams }) => hparams)
  return { bench, worker, stop, points }
}
const optimizer = (name: string, options = {}) => ({ name, options })

describe('what is enqueued', () => {
  it('costs a grid no point, also when the optimizer and the driver are lost on the way', async () => {
    const { bench, stop, points } = await started()
    const enqueue = [{ a: 2, b: 'y' }, { b: 'x' }]
    await bench.submit('e1', { optimizer: optimizer('grid'), space, trials: 12, enqueue, hparams: {} })
    await bench.pass(500)
    await stop()
    await bench.optimizer('o2', plugins)
    bench.kill()
    await bench.driver('d2')
    const later = await bench.worker('w2', { run: () => ({ kind: 'done', metrics: { value: 1 } }) })
    await bench.pass(20_000, later)
    const run = await points()
    expect(run.slice(0, 2)).toMatchObject(enqueue)
    const keys = run.map(({ a, b }) => `${String(a)}${String(b)}`)
    expect(keys.toSorted()).toEqual(['1x', '1y', '2x', '2y', '3x', '3y'])
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  })

  it('runs with a budget under a scheduler', async () => {
    const { bench, worker } = await started()
    const enqueue = [{ a: 3, b: 'y' }, { a: 1 }]
    await bench.submit('e1', { optimizer: optimizer('asha'), space, trials: 4, enqueue, hparams: {} })
    await bench.pass(5000, worker)
    expect(worker.assignments.map(({ hparams }) => hparams['budget']).slice(0, 2)).toEqual([1, 1])
    expect(worker.assignments[0]?.hparams).toMatchObject({ a: 3, b: 'y' })
  })

  it('stands, whatever an optimizer in another language makes of it', async () => {
    const bench = new Bench()
    await bench.driver()
    const stubborn: OptimizerPlugin = { name: 'stubborn', adaptive: false, create: () => () => ({ a: 3, b: 'x' }) }
    await bench.optimizer('o1', [stubborn])
    const worker = await bench.worker('w1', { run: () => ({ kind: 'done', metrics: { value: 1 } }) })
    const enqueue = [{ a: 1, b: 'y' }, { b: 'y' }]
    await bench.submit('e1', { optimizer: optimizer('stubborn'), space, trials: 3, enqueue, hparams: {} })
    await bench.pass(5000, worker)
    const { trials } = resultOf('e1', await bench.events('e1'))
    expect(trials.map(({ hparams }) => hparams)).toEqual([
      { a: 1, b: 'y' },
      { a: 3, b: 'y' },
      { a: 3, b: 'x' },
    ])
  })

  it('is no history of an earlier experiment: what is known from there comes before, and its note reaches the log', async () => {
    const seen: number[][] = []
    const watching: OptimizerPlugin = {
      name: 'watching',
      adaptive: true,
      create: () => (question) => {
        seen.push(question.history.map(({ trial }) => trial))
        return { a: 1, b: 'x' }
      },
    }
    const { bench, worker } = await started([watching])
    const warmStart = [{ hparams: { a: 2, b: 'x' }, metrics: { value: 1 } }]
    const notes = ['warmStart: 1 of 2 trials are of use']
    const change = { optimizer: optimizer('watching'), space, trials: 2, warmStart, notes, hparams: {} }
    await bench.submit('e1', change)
    await bench.pass(5000, worker)
    expect(seen.at(-1)?.map((trial) => trial < 0)).toEqual([true, false])
    expect((await bench.events('e1')).find(({ type }) => type === 'optimizer.opened')).toMatchObject({ notes })
  })
})
