import { describe, expect, it } from 'vitest'
import { Bench, ready } from './support.ts'

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
