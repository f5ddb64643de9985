/** The driver with an ablator: what trials do without, their seeds, and rounds that wait for results. */
import { describe, expect, it } from 'vitest'
import { submit, type AblationContext, type AttemptOutcome, type Component } from '../../protocol/index.ts'
import { builtinAblators } from '../../src/ablation/index.ts'
import { servedAblator, startAblator, type ServedAblator } from '../../src/ablator/index.ts'
import { ask } from '../../src/bus/index.ts'
import { Bench, context, submission } from './support.ts'

const components = ['a', 'b', 'c'].map((name): Component => ({ kind: 'features', name, features: [name] }))
const ablation: AblationContext = {
  kind: 'ablation',
  ablator: { name: 'loco', options: {} },
  study: {
    include: [{ kind: 'features', of: [{ pattern: '.' }] }],
    exclude: { features: [], layers: [] },
    keepWeights: false,
  },
  components,
  repeats: 1,
  pruner: null,
  trials: 100,
  objectives: [{ metric: 'value', direction: 'maximize' }],
  hparams: { epochs: 3 },
  seed: 7,
  policy: context.policy,
}

async function ready(change: Partial<AblationContext>, plugins: ServedAblator[] = [...builtinAblators.values()]) {
  const bench = new Bench()
  await bench.driver()
  startAblator(bench.network.connect('a1'), plugins, { id: 'a1' })
  const send = async () => {
    const payload = { ...submission('e1'), context: { ...ablation, ...change } }
    const asked = ask(bench.client, submit, {}, payload, { timeoutMs: 60_000 })
    asked.catch(() => {})
    await bench.settle()
    return asked
  }
  const removals = async () =>
    (await bench.events('e1')).flatMap((event) =>
      event.type === 'trial.suggested' ? [event.ablated?.components.map(({ name }) => name).join('+') ?? '?'] : [],
    )
  return { bench, send, removals }
}

const worth = (without: readonly string[]): AttemptOutcome => {
  const lost = without.includes('a') ? 5 : 0
  return { kind: 'done', metrics: { value: 10 - lost }, parameters: 100 - without.length }
}

describe('the driver, in an ablation,', () => {
  it('hands out the base and each component once, told what they do without, one seed a repeat', async () => {
    const { bench, send, removals } = await ready({ repeats: 2 })
    const worker = await bench.worker('w1', { slots: 2, run: () => worth([]) })
    await send()
    await bench.pass(2000, worker)
    expect(await removals()).toEqual(['', 'a', 'b', 'c', '', 'a', 'b', 'c'])
    const given = worker.assignments.toSorted((x, y) => x.attempt.trial - y.attempt.trial)
    expect(given.map(({ ablated }) => ablated?.repeat)).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
    expect(new Set(given.slice(0, 4).map(({ seed }) => seed)).size).toBe(1)
    expect(new Set(given.map(({ seed }) => seed)).size).toBe(2)
    expect(given[1]).toMatchObject({ hparams: { epochs: 3 }, ablated: { components: [components[0]] } })
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  })

  it('waits with the next round until the results of this one are in, and leaves slots to others meanwhile', async () => {
    const { bench, send, removals } = await ready({ ablator: { name: 'greedy', options: {} } })
    const worker = await bench.worker('w1', { slots: 4 })
    await send()
    expect(worker.running).toEqual([0])
    await worker.finish(0, worth([]))
    await bench.settle()
    expect(worker.running).toEqual([1, 2, 3])
    await worker.finish(1, worth(['a']))
    await worker.finish(2, worth(['b']))
    await bench.pass(1000, worker)
    expect(worker.running).toEqual([3])
    await worker.finish(3, worth(['c']))
    await bench.settle()
    expect((await removals()).slice(4)).toEqual(['b+a', 'b+c'])
    expect(bench.faults).toEqual([])
  })

  it('counts a trial that lost all its workers as a result, so that a round can end', async () => {
    const policy = { ...context.policy, maxAttempts: 1 }
    const { bench, send, removals } = await ready({ ablator: { name: 'greedy', options: {} }, policy })
    const lost = await bench.worker('w1', { slots: 1 })
    await send()
    await lost.finish(0, worth([]))
    await bench.settle()
    lost.vanish()
    const worker = await bench.worker('w2', {
      slots: 1,
      run: ({ ablated }) => worth(ablated?.components.map(({ name }) => name) ?? []),
    })
    await bench.pass(12_000, worker)
    expect(await removals()).toEqual(['', 'a', 'b', 'c', 'b+a', 'b+c', 'b+c+a'])
    expect((await bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  })

  it('goes on when a component cannot be left out, which counts as no failure', async () => {
    const { bench, send } = await ready({ policy: { ...context.policy, maxFailed: 1 } })
    const problem = { code: 'SURGERY_REFUSED', message: 'no' }
    const failing = (trial: number): AttemptOutcome => (trial === 2 ? { kind: 'failed', problem } : worth([]))
    const worker = await bench.worker('w1', { run: ({ attempt }) => failing(attempt.trial) })
    await send()
    await bench.pass(1000, worker)
    const events = await bench.events('e1')
    expect(events.filter(({ type }) => type === 'trial.ended')).toHaveLength(4)
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  })

  it.each([
    ['waits while nothing runs', () => 'wait' as const, /it waits for results, and nothing runs/],
    [
      'leaves out what is not in the study',
      () => ({ without: ['z'], repeat: 0 }),
      /it leaves out z; there are a, b, c/,
    ],
  ])('fails an ablation whose ablator %s', async (_, leaveOut, message) => {
    const { bench, send } = await ready({ ablator: { name: 'mine', options: {} } }, [
      servedAblator({ name: 'mine', leaveOut }),
    ])
    const worker = await bench.worker('w1')
    await send()
    await bench.pass(1000, worker)
    const failing = (await bench.events('e1')).find(({ type }) => type === 'experiment.failing')
    expect(failing).toMatchObject({
      problem: { code: 'ABLATOR_MISBEHAVED', message: expect.stringMatching(message) as string },
    })
  })

  it('refuses a study whose names nobody looked up', async () => {
    const { send } = await ready({ components: [] })
    await expect(send()).rejects.toMatchObject({ code: 'STUDY_INVALID' })
  })
})
