import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { problem, type LogEvent, type OptimizationContext } from '../../protocol/index.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import { replayText } from '../../src/cli/replay-command.ts'
import { servedPlugin, startOptimizer } from '../../src/optimizer/index.ts'
import { replay, sourceOf } from '../../src/replay/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { Bench, context } from '../driver/support.ts'
import { recordPoints, type FakeWorker } from '../support/fake-worker.ts'

type Source = Awaited<ReturnType<typeof sourceOf>>
const plugins = [...builtinSamplers.values(), ...builtinSchedulers.values()]
const space: OptimizationContext['space'] = {
  x: { type: 'double', low: 0, high: 1 },
  kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
}

/** A search on four workers that run at different paces; one is killed on the way. */
async function search(change: Partial<OptimizationContext>, { handOver = false } = {}): Promise<Bench> {
  const bench = new Bench()
  await bench.driver()
  await bench.optimizer('o1', plugins)
  const workers: FakeWorker[] = []
  for (const id of ['w1', 'w2', 'w3', 'w4']) workers.push(await bench.worker(id))
  await bench.submit('e1', { space, trials: 40, policy: { ...context.policy, maxAttempts: 4 }, ...change })
  const steps = new Map<string, number>()
  let over = false
  for (let turn = 0; turn < 400 && !over; turn += 1) {
    // Each turn another worker is slow, so that reports and results interleave in ever new ways.
    for (const [place, worker] of workers.entries())
      if ((turn * 7 + place * 3) % 5 !== 0) await step(bench, worker, steps)
    if (turn === 6) workers.pop()?.vanish()
    if (turn === 12 && handOver) {
      await bench.driver('d2')
      await bench.pass(4000, ...workers)
      await bench.drain('d1')
      await bench.pass(4000, ...workers)
    }
    await bench.pass(500, ...workers)
    over = (await bench.types('e1')).at(-1) === 'experiment.ended'
  }
  expect(over).toBe(true)
  return bench
}

/** A worker reports once more of what it runs, or ends it. */
async function step(bench: Bench, worker: FakeWorker, steps: Map<string, number>): Promise<void> {
  for (const trial of worker.running) {
    const assignment = worker.assignments.findLast(({ attempt }) => attempt.trial === trial)
    if (assignment === undefined) continue
    const { attempt, hparams } = assignment
    const key = `${trial}/${attempt.attempt}`
    const at = steps.get(key) ?? 0
    steps.set(key, at + 1)
    const value = -((Number(hparams['x']) - 0.3) ** 2) + at / 50 + (hparams['kind'] === 'b' ? 0.2 : 0)
    const told = worker.stops.some((stop) => stop.attempt.trial === trial && stop.attempt.attempt === attempt.attempt)
    if (told) await worker.finish(trial, { kind: 'stopped', reason: 'pruned', metrics: { value } })
    else if (at === 5) await worker.finish(trial, { kind: 'done', metrics: { value } })
    else {
      const point = { step: at, at: 1, values: { value } }
      await recordPoints(bench.client, worker.id, attempt, [point], at)
      worker.report(trial, [point], at)
    }
    await bench.settle()
  }
}

const kinds = (source: Source, type: LogEvent['type']) =>
  source.entries.flatMap(({ events }) => events).filter((event) => event.type === type)

/** The log with one event changed. */
function altered(source: Source, type: LogEvent['type'], nth: number, change: (event: LogEvent) => LogEvent): Source {
  let seen = 0
  const entries = source.entries.map((entry) => ({
    ...entry,
    events: entry.events.map((event) => (event.type === type && seen++ === nth ? change(event) : event)),
  }))
  return { ...source, entries }
}

const median = { name: 'median', options: { minFinished: 3 } }
const withTpe = { name: 'asha', options: { sampler: 'tpe', maxBudget: 4 } }

describe('a replay', () => {
  it.each([
    ['tpe', { name: 'tpe', options: {} }],
    ['asha with tpe', withTpe],
    ['hyperband', { name: 'hyperband', options: { maxBudget: 9 } }],
    ['random', { name: 'random', options: {} }],
    ['gp', { name: 'gp', options: {} }],
  ])(
    'takes every decision of %s and median on four workers again, one of them killed: all equal',
    async (_, optimizer) => {
      const bench = await search({ optimizer, pruner: median })
      const source = await sourceOf(bench.client, 'e1')
      expect(kinds(source, 'trial.lost').length).toBeGreaterThan(0)
      expect(kinds(source, 'trial.stopping').length).toBeGreaterThan(0)
      const replayed = await replay(source)
      expect(replayed).toMatchObject({ differences: [], untaken: {} })
      expect(replayed.decisions).toBeGreaterThanOrEqual(40 + kinds(source, 'trial.stopping').length)
      expect(replayText(replayed)).toContain(`e1: ${replayed.decisions} decisions, all equal`)
    },
  )

  it('does so too when another driver took over on the way', async () => {
    const bench = await search({ optimizer: { name: 'tpe', options: {} }, pruner: median }, { handOver: true })
    const source = await sourceOf(bench.client, 'e1')
    expect(kinds(source, 'experiment.adopted')).toHaveLength(2)
    expect(await replay(source)).toMatchObject({ differences: [], untaken: {} })
  })

  it('takes the stops of auto again, which says once when it begins, whichever driver has it', async () => {
    const pruner = { name: 'auto', options: {} }
    const bench = await search({ optimizer: { name: 'tpe', options: {} }, pruner }, { handOver: true })
    const source = await sourceOf(bench.client, 'e1')
    const events = source.entries.flatMap((entry) => entry.events)
    const begins = events.flatMap((event, at) =>
      event.type === 'experiment.noted' && event.note.startsWith('auto may stop trials') ? [at] : [],
    )
    expect(begins).toHaveLength(1)
    const stops = events.flatMap((event, at) => (event.type === 'trial.stopping' ? [at] : []))
    expect(stops.length).toBeGreaterThan(5)
    expect(Math.min(...stops)).toBeGreaterThan(begins[0] as number)
    expect(events.findIndex(({ type }) => type === 'experiment.adopted')).toBeLessThan(stops.at(-1) as number)
    const opened = events.find((event) => event.type === 'optimizer.opened')
    expect(opened?.notes).toContainEqual(expect.stringContaining('auto stops hopeless trials early'))
    expect(await replay(source)).toMatchObject({ differences: [], untaken: {} })
  })

  it('finds that a search by auto stopped nothing, and was proposed a pruner once, whichever driver had it', async () => {
    const bench = await search({ optimizer: { name: 'auto', options: {} }, pruner: null }, { handOver: true })
    const source = await sourceOf(bench.client, 'e1')
    const notes = source.entries.flatMap(({ events }) =>
      events.flatMap((event) => (event.type === 'experiment.noted' ? [event.note] : [])),
    )
    expect(notes.filter((note) => note.includes("pruner: 'auto'"))).toHaveLength(1)
    expect(kinds(source, 'trial.stopping')).toEqual([])
    expect(await replay(source)).toMatchObject({ differences: [], untaken: {} })
  })

  it('names the first decision that a changed event makes otherwise, with both values', async () => {
    const bench = await search({ optimizer: { name: 'tpe', options: {} }, pruner: median })
    const source = await sourceOf(bench.client, 'e1')
    const result = await replay(
      altered(source, 'trial.ended', 4, (event) => ({
        ...(event as Extract<LogEvent, { type: 'trial.ended' }>),
        outcome: { kind: 'done', metrics: { value: 99 } },
      })),
    )
    expect(result.differences[0]).toMatchObject({ what: 'suggestion' })
    expect(replayText(result)).toMatch(
      /not equal; the first is\nevent \d+, trial \d+, suggestion: the log has .*; again it is /,
    )
    const suggested = altered(source, 'trial.suggested', 20, (event) => ({
      ...(event as Extract<LogEvent, { type: 'trial.suggested' }>),
      hparams: { x: 0.5, kind: 'a' },
    }))
    expect((await replay(suggested)).differences[0]).toMatchObject({ trial: 20, logged: { hparams: { x: 0.5 } } })
    const stopping = altered(source, 'trial.stopping', 0, (event) => ({
      ...(event as Extract<LogEvent, { type: 'trial.stopping' }>),
      step: 77,
    }))
    expect((await replay(stopping)).differences).toMatchObject([{ what: 'pruner', logged: { step: 77 } }])
    const best = altered(source, 'experiment.ended', 0, (event) => ({
      ...(event as Extract<LogEvent, { type: 'experiment.ended' }>),
      best: null,
    }))
    expect((await replay(best)).differences).toMatchObject([{ what: 'end', logged: { best: null } }])
  })

  it('says what cannot be taken again: stops whose reports are gone', async () => {
    const bench = await search({ optimizer: { name: 'tpe', options: {} }, pruner: median })
    const source = { ...(await sourceOf(bench.client, 'e1')), pointsOf: () => [] }
    const replayed = await replay(source)
    expect(replayed.differences).toEqual([])
    expect(replayText(replayed)).toMatch(
      /\d+ decisions were not taken again: what the trials reported is not kept any more/,
    )
  })

  it('reads a log of the time before: what it rested on is not said there, and that is said', async () => {
    const bus = await kept('unnumbered.json')
    const replayed = await replay(await sourceOf(bus, 'old'))
    expect(replayed.differences).toEqual([])
    expect(replayed.untaken).toEqual({
      'the log does not say which results were known': 14,
      'the log does not say what the pruner had seen': 5,
    })
  })

  it('asks another optimizer instead, a built-in or one that is served, and shows where it would have gone', async () => {
    const bench = await search({ optimizer: { name: 'tpe', options: {} } })
    const source = await sourceOf(bench.client, 'e1')
    const random = await replay(source, { bus: bench.client, plugin: { name: 'random', options: {} } })
    expect([random.decisions, random.differences.length, random.optimizer]).toEqual([40, expect.any(Number), 'random'])
    expect(replayText(random)).toContain('random was asked 40 times, and would have gone elsewhere')
    const seen: number[] = []
    const plugin = servedPlugin({
      name: 'mine',
      adaptive: true,
      suggest: ({ history }) => {
        seen.push(history.filter(({ state }) => state === 'done').length)
        return { x: 0.25, kind: 'c' }
      },
    })
    startOptimizer(bench.network.connect('o2'), [plugin], { id: 'o2' })
    const mine = await replay(source, { bus: bench.client, plugin: { name: 'mine', options: {} } })
    expect(mine.differences[0]).toMatchObject({ again: { hparams: { x: 0.25, kind: 'c' } } })
    expect(seen).toHaveLength(40)
    expect(seen.at(-1)).toBeGreaterThan(30)
    const nobody = replay(source, { bus: bench.client, plugin: { name: 'nobody', options: {} } })
    await expect(nobody).rejects.toMatchObject({ code: 'OPTIMIZER_UNAVAILABLE' })
  })

  it('says that the log has a hole, for what is missing there makes decisions come out otherwise', async () => {
    const bench = await search({ optimizer: { name: 'tpe', options: {} } })
    const other = createMemoryNetwork().connect('reader')
    await other.streams.ensure()
    let [expectedLast, entry] = [0, 0]
    for await (const { subject, data } of bench.client.streams.read('log', 'maggy.v1.log.e1')) {
      if (entry++ !== 10) expectedLast = await other.streams.append(subject, data, { expectedLast })
    }
    expect(replayText(await replay(await sourceOf(other, 'e1')))).toMatch(
      /the log has a hole \(.* missing at one place\)/,
    )
  })

  it('knows no experiment without a log', async () => {
    const bench = new Bench()
    await bench.client.streams.ensure()
    await expect(replay(await sourceOf(bench.client, 'e1'))).rejects.toMatchObject({
      code: problem('EXPERIMENT_UNKNOWN', { experiment: 'e1' }).code,
    })
  })
})

/** The streams of a fixture on a bus of their own. */
async function kept(name: string) {
  const { log, telemetry } = JSON.parse(
    readFileSync(new URL(`../history/logs/${name}`, import.meta.url), 'utf8'),
  ) as Record<'log' | 'telemetry', { subject: string; data: string }[]>
  const bus = createMemoryNetwork().connect('reader')
  await bus.streams.ensure()
  let expectedLast = 0
  for (const { subject, data } of log) {
    expectedLast = await bus.streams.append(subject, Buffer.from(data, 'base64'), { expectedLast })
  }
  for (const [index, { subject, data }] of telemetry.entries()) {
    await bus.streams.record(subject, Buffer.from(data, 'base64'), { id: String(index) })
  }
  return bus
}
