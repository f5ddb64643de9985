import { describe, expect, it } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { servedPlugin, startOptimizer } from '../../src/optimizer/index.ts'
import { replay, sourceOf } from '../../src/replay/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { readResult } from '../../src/store/index.ts'
import type { FakeWorker } from '../support/fake-worker.ts'
import { Bench } from './support.ts'

const space = { x: { type: 'double' as const, low: 0, high: 1 }, y: { type: 'double' as const, low: 0, high: 1 } }
const valueOf = ({ x, y }: Readonly<Record<string, unknown>>) => -((Number(x) - 0.7) ** 2) - (Number(y) - 0.2) ** 2
const named = (...names: string[]) => names.map((name) => ({ name, options: {} }))

/** Ends what runs, as long as a trial takes. */
async function finishAll(worker: FakeWorker): Promise<void> {
  for (const trial of worker.running) {
    const { hparams } = worker.assignments.findLast(({ attempt }) => attempt.trial === trial) ?? { hparams: {} }
    await worker.finish(trial, { kind: 'done', metrics: { value: valueOf(hparams) } })
  }
}

/** A trial takes longer than those that are asked on the side, of which so many answer. */
async function untilProposed(bench: Bench, answering: number): Promise<void> {
  for (let turn = 0; turn < 1000; turn += 1) {
    const types = await bench.types('e1')
    const count = (type: string) => types.filter((each) => each === type).length
    if (count('shadow.proposed') >= answering * count('trial.suggested')) return
    await bench.settle()
  }
  throw new Error('they do not answer')
}

/** A search on one worker, to its end. */
async function search(
  optimizer: string,
  shadow: readonly string[],
  answering: number,
  prepare: (bench: Bench) => void = () => {},
) {
  const bench = new Bench()
  await bench.driver()
  await bench.optimizer('o1', [...builtinSamplers.values()])
  prepare(bench)
  const w1 = await bench.worker('w1')
  const objectives = [{ metric: 'value', direction: 'maximize' as const }]
  await bench.submit('e1', {
    space,
    trials: 24,
    objectives,
    optimizer: { name: optimizer, options: {} },
    shadow: named(...shadow),
  })
  for (let turn = 0; turn < 100 && (await bench.types('e1')).at(-1) !== 'experiment.ended'; turn += 1) {
    await untilProposed(bench, answering)
    await finishAll(w1)
    await bench.pass(500, w1)
  }
  const events = await bench.events('e1')
  expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  return { bench, events }
}

type Proposed = Extract<LogEvent, { type: 'shadow.proposed' }>
const proposedBy = (events: readonly LogEvent[], name: string) =>
  events.filter((event): event is Proposed => event.type === 'shadow.proposed' && event.optimizer === name)

describe('optimizers that are asked on the side', () => {
  it.each(['random', 'tpe'])(
    'propose beside %s what a replay with them comes to, and the table is that of the replay',
    async (main) => {
      const { bench, events } = await search(main, ['gp', 'sobol'], 2)
      const { shadow } = await readResult(bench.client, 'e1')
      for (const name of ['gp', 'sobol']) {
        const proposed = proposedBy(events, name)
        expect(proposed).toHaveLength(24)
        const again = await replay(await sourceOf(bench.client, 'e1'), {
          bus: bench.client,
          plugin: { name, options: {} },
        })
        const elsewhere = new Map(again.differences.map(({ trial, again: hparams }) => [trial, hparams]))
        // Where the replay does not differ, it is what was run.
        const run = new Map(
          events.flatMap((event) => (event.type === 'trial.suggested' ? [[event.trial, event.hparams]] : [])),
        )
        for (const { trial, hparams } of proposed) {
          expect({ trial, hparams }).toEqual({ trial, hparams: run.get(trial), ...(elsewhere.get(trial) as object) })
        }
        const rows = shadow?.proposals.filter(({ optimizer }) => optimizer === name)
        expect(rows).toEqual(proposed.map(({ trial, hparams }) => ({ trial, optimizer: name, hparams })))
      }
      expect(shadow?.rows.map(({ optimizer, ran }) => ({ optimizer, ran }))).toEqual([
        { optimizer: main, ran: true },
        { optimizer: 'gp', ran: false },
        { optimizer: 'sobol', ran: false },
      ])
      const [run, gp, sobol] = shadow?.rows ?? []
      expect(run?.proposed).toBe(24)
      // A model of what came proposes better points than a sequence that looks at nothing.
      expect(gp?.expected).toBeGreaterThan(sobol?.expected ?? 0)
      // The search itself is what it is without them.
      expect((await replay(await sourceOf(bench.client, 'e1'))).differences).toEqual([])
    },
  )

  it('cost no trial and no time when they are absent, wrong or silent, and notes say so', async () => {
    const { bench, events } = await search('random', ['absent', 'wrong', 'silent'], 0, (at) => {
      const silent = servedPlugin({ name: 'silent', suggest: () => new Promise<never>(() => {}) })
      startOptimizer(at.network.connect(), [servedPlugin({ name: 'wrong', suggest: () => ({ x: 7 }) }), silent], {
        id: 'o2',
      })
    })
    expect(events.filter(({ type }) => type === 'trial.suggested')).toHaveLength(24)
    expect(events.some(({ type }) => type === 'shadow.proposed')).toBe(false)
    const { notes = [], shadow } = await readResult(bench.client, 'e1')
    expect(notes).toContain('the shadow absent does not answer: it is not asked about every trial')
    expect(notes.find((note) => note.includes('shadow wrong'))).toContain('is not asked any more')
    expect(shadow?.rows).toHaveLength(1)
  })

  it('go on when another driver takes the search over', async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer('o1', [...builtinSamplers.values()])
    const w1 = await bench.worker('w1')
    await bench.submit('e1', { space, trials: 24, shadow: named('tpe') })
    for (let turn = 0; turn < 100 && (await bench.types('e1')).at(-1) !== 'experiment.ended'; turn += 1) {
      await finishAll(w1)
      await bench.pass(500, w1)
      if (turn !== 10) continue
      bench.kill('d1')
      w1.holdFor(null)
      await bench.driver('d2')
      await bench.pass(6000, w1)
    }
    const events = await bench.events('e1')
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended' })
    const proposed = proposedBy(events, 'tpe').map(({ trial }) => trial)
    expect(new Set(proposed).size).toBe(proposed.length)
    expect(proposed.filter((trial) => trial > 12).length).toBeGreaterThan(5)
  })
})
