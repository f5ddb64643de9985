import { describe, expect, it } from 'vitest'
import type { OptimizationContext } from '../../protocol/index.ts'
import { Bench, context, ready } from './support.ts'

const adoptions = async (bench: Bench, experiment: string) =>
  (await bench.events(experiment)).flatMap((event) => (event.type === 'experiment.adopted' ? [event.driver] : []))

describe('several drivers', () => {
  it('share experiments by number, whoever is asked', async () => {
    const bench = new Bench()
    for (const id of ['d1', 'd2', 'd3']) await bench.driver(id)
    const ids = Array.from({ length: 9 }, (_, index) => `e${index}`)
    for (const id of ids) await bench.submit(id)
    const owners = (await Promise.all(ids.map((id) => adoptions(bench, id)))).flat()
    for (const id of ['d1', 'd2', 'd3']) expect(owners.filter((owner) => owner === id)).toHaveLength(3)
    expect(bench.faults).toEqual([])
  })

  it('accept what another one is not there any more to take', async () => {
    const bench = new Bench()
    await bench.driver('d1')
    await bench.driver('d2')
    await bench.submit('e1')
    await bench.submit('e2')
    const [first = ''] = await adoptions(bench, 'e1')
    const other = first === 'd1' ? 'd2' : 'd1'
    bench.kill(other)
    await bench.submit('e3')
    await bench.submit('e4')
    expect(await adoptions(bench, 'e3')).toEqual([first])
    expect(await adoptions(bench, 'e4')).toEqual([first])
  })

  it('have names of their own: a second one of a name is refused, until the first is gone', async () => {
    const bench = new Bench()
    await bench.driver('d1')
    await expect(bench.driver('d1', {}, bench.network.connect('again'))).rejects.toMatchObject({ code: 'DRIVER_THERE' })
    bench.kill('d1')
    await bench.driver('d1', {}, bench.network.connect('anew'))
    await bench.submit('e1')
    expect(await adoptions(bench, 'e1')).toEqual(['d1'])
  })

  it('hand over what they have when they end, with no time in between', async () => {
    const { bench, w1 } = await ready({ trials: 3 })
    await bench.driver('d2')
    await bench.drain('d1')
    expect(await adoptions(bench, 'e1')).toEqual(['d1', 'd2'])
    await w1.finish(0)
    await bench.pass(1000, w1)
    expect(w1.running).toEqual([1])
    expect(bench.faults).toEqual([])
  })
})

describe('experiments of two drivers that want the same slots', () => {
  const policy = (change: Partial<OptimizationContext['policy']>) => ({
    trials: 500,
    policy: { ...context.policy, ...change },
  })

  /** What ran, by experiment, in so many rounds; in each, all that runs ends, one after the other. */
  async function rounds(slots: number, first: object, second: object, { ahead = false, count = 40 } = {}) {
    const bench = new Bench()
    await bench.driver('d1')
    await bench.driver('d2')
    await bench.optimizer()
    const worker = await bench.worker('w1', { slots, lastsMs: ahead ? 200 : 5000 })
    await bench.submit('e1', policy(first))
    await bench.pass(2000, worker)
    await bench.submit('e2', policy(second))
    const owners = [await adoptions(bench, 'e1'), await adoptions(bench, 'e2')].flat()
    expect(new Set(owners).size).toBe(2)
    const ran: Record<string, number> = { e1: 0, e2: 0 }
    for (let round = 0; round < count; round += 1) {
      await bench.pass(2000, worker)
      for (const { experiment, trial } of worker.runs) {
        ran[experiment] = (ran[experiment] ?? 0) + 1
        await worker.finish(trial, { kind: 'done', metrics: { value: 1 } }, experiment)
        worker.beat()
        await bench.settle()
      }
    }
    expect(bench.faults).toEqual([])
    return { ran, idle: count * slots - (ran['e1'] ?? 0) - (ran['e2'] ?? 0) }
  }

  it('share them evenly', async () => {
    const { ran, idle } = await rounds(4, {}, {})
    expect(Math.abs((ran['e1'] ?? 0) - (ran['e2'] ?? 0))).toBeLessThan(16)
    expect(idle).toBeLessThan(16)
  })

  it('share them evenly where trials are short enough to wait behind others', async () => {
    const { ran } = await rounds(4, {}, {}, { ahead: true })
    expect(Math.min(ran['e1'] ?? 0, ran['e2'] ?? 0)).toBeGreaterThan(50)
  })

  it('share one in turns', async () => {
    const { ran, idle } = await rounds(1, {}, {})
    expect(Math.min(ran['e1'] ?? 0, ran['e2'] ?? 0)).toBeGreaterThan(12)
    expect(idle).toBeLessThan(8)
  })

  it('share them by their shares', async () => {
    const { ran } = await rounds(4, {}, { share: 3 })
    expect(ran['e2']).toBeGreaterThan(2 * (ran['e1'] ?? 0))
    expect(ran['e1']).toBeGreaterThan(20)
  })

  it('get them by their priorities, what runs goes on', async () => {
    const { ran } = await rounds(4, { priority: -5 }, { priority: 5 })
    expect(ran['e1']).toBeLessThanOrEqual(8)
    expect(ran['e2']).toBeGreaterThan(140)
  })

  it('leave them to whoever comes first by its priority', async () => {
    const { ran } = await rounds(4, { priority: 5 }, { priority: -5 })
    expect(ran).toEqual({ e1: 160, e2: 0 })
  })

  it('leave no new slot to each other', async () => {
    const bench = new Bench()
    await bench.driver('d1')
    await bench.driver('d2')
    await bench.optimizer()
    const first = await bench.worker('w1', { slots: 4, lastsMs: 200 })
    await bench.submit('e1', policy({}))
    await bench.submit('e2', policy({}))
    for (let round = 0; round < 6; round += 1) {
      await bench.pass(1000, first)
      for (const { experiment, trial } of first.runs)
        await first.finish(trial, { kind: 'done', metrics: {} }, experiment)
    }
    await bench.pass(2000, first)
    expect(first.waiting.length).toBeGreaterThan(0)
    const second = await bench.worker('w2', { slots: 2 })
    await bench.pass(500, first, second)
    expect(second.running).toHaveLength(2)
  })
})
