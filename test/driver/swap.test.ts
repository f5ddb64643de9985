import { describe, expect, it } from 'vitest'
import { changeExperiment, type Plugin } from '../../protocol/index.ts'
import { ask } from '../../src/bus/index.ts'
import { servedPlugin, type OptimizerPlugin } from '../../src/optimizer/index.ts'
import { replay, sourceOf } from '../../src/replay/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { readResult } from '../../src/store/index.ts'
import { Bench } from './support.ts'

const space = { x: { type: 'double' as const, low: 0, high: 1 }, y: { type: 'double' as const, low: 0, high: 1 } }
const random: Plugin = { name: 'random', options: {} }
const tpe: Plugin = { name: 'tpe', options: { warmup: 5 } }

/** A search by random that stands at trial 20, of 40. `goOn` lets it run. */
async function searching(optimizer = random, plugins: readonly OptimizerPlugin[] = [...builtinSamplers.values()]) {
  const bench = new Bench()
  await bench.driver()
  await bench.optimizer('o1', plugins)
  const held = { from: 20 }
  const value = ({ x, y }: Readonly<Record<string, unknown>>) => -((Number(x) - 0.7) ** 2) - (Number(y) - 0.2) ** 2
  const w1 = await bench.worker('w1', {
    run: ({ attempt, hparams }) =>
      attempt.trial < held.from ? { kind: 'done', metrics: { value: value(hparams) } } : undefined,
  })
  await bench.submit('e1', { space, trials: 40, optimizer })
  await bench.pass(20_000, w1)
  const swap = async (to: Plugin) => {
    const asked = ask(
      bench.client,
      changeExperiment,
      { experiment: 'e1' },
      { id: `to-${to.name}`, optimizer: to },
      { timeoutMs: 60_000 },
    )
    asked.catch(() => undefined)
    await bench.settle()
    return asked
  }
  const goOn = async () => {
    held.from = Infinity
    for (const trial of w1.running) await w1.finish(trial, { kind: 'done', metrics: { value: 0 } })
    await bench.pass(30_000, w1)
  }
  return { bench, w1, swap, goOn }
}

describe('the optimizer of a search that runs', () => {
  it('changes from random to tpe at trial 20, which knows the history, and a replay takes the same decisions', async () => {
    const { bench, swap, goOn } = await searching()
    expect(await swap(tpe)).toEqual({ state: 'opening', trials: 40 })
    await goOn()
    const events = await bench.events('e1')
    const at = events.findIndex(({ type }) => type === 'experiment.changed')
    const suggestedBefore = events.slice(0, at).filter(({ type }) => type === 'trial.suggested').length
    // One is running, and one waits behind it.
    expect(suggestedBefore).toBeGreaterThanOrEqual(21)
    expect(suggestedBefore).toBeLessThan(23)
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    const source = await sourceOf(bench.client, 'e1')
    const again = await replay(source)
    expect(again).toMatchObject({ differences: [], untaken: {} })
    expect(again.decisions).toBeGreaterThanOrEqual(40)
    // A log from before there were other changes says the same in other words.
    const old = source.entries.map((entry) => ({
      ...entry,
      events: entry.events.map((event) =>
        event.type === 'experiment.changed'
          ? { type: 'optimizer.swapped' as const, at: event.at, optimizer: event.change.optimizer ?? tpe }
          : event,
      ),
    }))
    expect(await replay({ ...source, entries: old })).toMatchObject({ differences: [], untaken: {} })
    // The replay tells: without the change all that came after it would have been another.
    const without = {
      ...source,
      entries: source.entries.map((entry) => ({
        ...entry,
        events: entry.events.filter(({ type }) => type !== 'experiment.changed'),
      })),
    }
    expect((await replay(without)).differences.length).toBeGreaterThanOrEqual(40 - suggestedBefore)
    const { notes } = await readResult(bench.client, 'e1')
    expect(notes).toContain(`the optimizer is tpe from trial ${suggestedBefore} on; before it was random`)
  })

  it('stays changed when another driver takes the search over', async () => {
    const { bench, w1, swap, goOn } = await searching()
    await swap(tpe)
    bench.kill('d1')
    w1.holdFor(null)
    await bench.driver('d2')
    await bench.pass(12_000, w1)
    await goOn()
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    expect(await replay(await sourceOf(bench.client, 'e1'))).toMatchObject({ differences: [], untaken: {} })
  })

  it.each([
    ['nobody answers to', { name: 'absent', options: {} }, 'OPTIMIZER_UNAVAILABLE'],
    ['cannot take the space', { name: 'grid', options: {} }, 'OPTIMIZER_UNFIT'],
    ['does not have the option', { name: 'tpe', options: { gama: 1 } }, 'OPTIMIZER_UNFIT'],
  ])('stays as it was when the other one is one that %s', async (_, to, code) => {
    const { bench, swap, goOn } = await searching()
    await expect(swap(to)).rejects.toMatchObject({ code })
    await goOn()
    const types = await bench.types('e1')
    expect(types).not.toContain('experiment.changed')
    expect(types.at(-1)).toBe('experiment.ended')
  })

  it('can be changed away from one that has gone, for which the search waits', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer('o1')
    const w1 = await bench.worker('w1', { run: () => ({ kind: 'done', metrics: { value: 1 } }) })
    await bench.submit('e1', { space, trials: 5, optimizer: { name: 'absent', options: {} } })
    await bench.pass(3000, w1)
    const asked = ask(
      bench.client,
      changeExperiment,
      { experiment: 'e1' },
      { id: 'c1', optimizer: random },
      { timeoutMs: 60_000 },
    )
    await bench.settle()
    expect(await asked).toEqual({ state: 'opening', trials: 5 })
    await bench.pass(6000, w1)
    expect((await bench.types('e1')).at(-1)).toBe('experiment.ended')
  })

  it('can be changed where the one before has nothing more, while trials are left', async () => {
    const { bench, swap, goOn } = await searching({ name: 'mine', options: {} }, [
      ...builtinSamplers.values(),
      servedPlugin({
        name: 'mine',
        adaptive: false,
        suggest: ({ trial, sample }) => (trial < 21 ? sample() : 'exhausted'),
      }),
    ])
    await bench.settle()
    expect(await bench.types('e1')).toContain('optimizer.exhausted')
    expect(await swap(tpe)).toEqual({ state: 'opening', trials: 40 })
    await goOn()
    const events = await bench.events('e1')
    expect(events.filter(({ type }) => type === 'trial.suggested')).toHaveLength(40)
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  })
})
