/** What comes from outside a driver: floods, poison, submissions of foreign clients, answers that are none (issue 14, hostile bytes). */
import { describe, expect, it } from 'vitest'
import {
  announce,
  codeOf,
  log,
  metrics,
  progress,
  subjectFor,
  submit,
  suggest,
  type OptimizationContext,
  type PayloadOf,
} from '../../protocol/index.ts'
import { driverDefaults } from '../../actors/driver/options.ts'
import { Fleet, type FleetNews } from '../../actors/driver/fleet/index.ts'
import { exitCodeFor } from '../../src/actor/index.ts'
import { answer, ask, createMemoryNetwork, hear, tell } from '../../src/bus/index.ts'
import { readResult } from '../../src/store/index.ts'
import { TestClock } from '../support/clock.ts'
import { Bench, ready, submission } from './support.ts'

const { info, status } = announce.example.payload
const nobody = { slots: [], unacknowledged: [], draining: false }

function fleetHearing(): { fleet: Fleet; news: FleetNews[]; clock: TestClock } {
  const clock = new TestClock()
  const news: FleetNews[] = []
  const fleet = new Fleet(createMemoryNetwork({ clock }).connect(), clock, 'd1', driverDefaults, (said) => {
    if (said.kind !== 'changed') news.push(said)
  })
  return { fleet, news, clock }
}

describe('a driver under a flood', () => {
  it('of workers that announce themselves knows 10,000 of them, and names the next', () => {
    const { fleet, news } = fleetHearing()
    for (let n = 0; n < 10_100; n += 1) fleet.announced(`w${n}`, { ...info, worker: `w${n}` }, nobody)
    expect(fleet.present).toHaveLength(10_000)
    expect(news.filter(({ kind }) => kind === 'crowded')).toHaveLength(100)
    // Whoever is known goes on.
    fleet.announced('w7', { ...info, worker: 'w7', startedAt: 2 }, nobody)
    expect(news.filter(({ kind }) => kind === 'crowded')).toHaveLength(100)
  })

  it('of slots takes in no more workers than have 65,536 together', () => {
    const { fleet } = fleetHearing()
    for (let n = 0; n < 70; n += 1) fleet.announced(`w${n}`, { ...info, slots: 1024 }, nobody)
    expect(fleet.present).toHaveLength(64)
  })

  it('of beats that nobody introduced remembers none of them', async () => {
    const { fleet, news } = fleetHearing()
    for (let n = 0; n < 1000; n += 1) fleet.beat(`w${n}`, status)
    expect(news.every(({ kind }) => kind === 'callRoll')).toBe(true)
    fleet.tick()
    expect(news).toHaveLength(1000)
  })

  it('of slots that a worker does not offer makes none of them', () => {
    const { fleet } = fleetHearing()
    fleet.announced('w1', info, nobody)
    const slots = Array.from({ length: 1024 }, (_, slot) => ({ slot, driver: null, running: null, next: null }))
    fleet.beat('w1', { ...nobody, slots })
    expect(fleet.slots()).toHaveLength(1)
  })

  it('of metric names tells its watchers sixteen of them, the objectives first', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const told: PayloadOf<typeof progress>[] = []
    hear(bench.client, progress, { experiment: 'e1' }, (said) => told.push(said))
    const names = Object.fromEntries(Array.from({ length: 1024 }, (_, n) => [`m${n}`, n]))
    w1.report(0, [{ step: 0, at: 1, values: { ...names, m1023: 0 } }])
    tell(
      w1.bus,
      metrics,
      { worker: 'w1', experiment: 'e1', trial: '0' },
      {
        attempt: 1,
        first: 1,
        points: [{ step: 1, at: 1, values: { ...Object.fromEntries(Object.entries(names).slice(1)), value: 5 } }],
      },
    )
    await bench.pass(1000, w1)
    const shown = told.at(-1)?.running[0]?.metrics ?? {}
    expect(Object.keys(shown)).toHaveLength(16)
    expect(shown).toMatchObject({ value: 5 })
    expect(bench.faults).toEqual([])
  })
})

describe('bytes that somebody else writes into a log', () => {
  it('are stepped over, and the experiment goes on to its end, with this driver and with the next', async () => {
    const { bench, w1 } = await ready({ trials: 3 })
    const poison = bench.network.connect('poison')
    const subject = subjectFor(log, { experiment: 'e1' })
    const poisoned = async () => {
      poison.publish(subject, new TextEncoder().encode('poison'))
      await bench.settle()
    }
    await poisoned()
    await w1.finish(0)
    await bench.settle()
    await poisoned()
    await poisoned()
    await w1.finish(1)
    await bench.settle()
    expect(bench.warnings.filter((said) => said.includes('into the log of e1'))).toHaveLength(2)
    bench.kill()
    await bench.driver('d2')
    await bench.pass(6000, w1)
    await w1.finish(2)
    await bench.settle()
    expect(await readResult(bench.client, 'e1')).toMatchObject({ state: 'done', counts: { done: 3 } })
    expect(await readResult(bench.client, 'e1')).not.toHaveProperty('holes')
    expect(bench.faults).toEqual([])
  })
})

describe('a submission of a client that checks nothing', () => {
  const refusal = async (
    change: Partial<OptimizationContext>,
  ): Promise<{ code?: string | undefined; message: string }> => {
    const bench = new Bench()
    await bench.driver()
    const asked = ask(bench.client, submit, {}, submission('e1', change), { timeoutMs: 1000 }).then(
      () => ({ code: 'accepted', message: '' }),
      (error: Error) => ({ code: codeOf(error), message: error.message }),
    )
    await bench.settle()
    return await asked
  }
  const lr = { type: 'double' as const, low: 0, high: 1 }
  const twice = { metric: 'value', direction: 'minimize' as const }

  it.each([
    ['an objective twice', { objectives: [twice, twice] }, 'CONTEXT_INVALID', 'objectives name the metric value twice'],
    ['an empty space', { space: {} }, 'SPACE_INVALID', 'space is empty'],
    ['an entry outside of the space', { space: { lr }, enqueue: [{ lr: 2 }] }, 'CONTEXT_INVALID', 'enqueue[0].lr is 2'],
    ['an entry of another space', { space: { lr }, enqueue: [{ x: 1 }] }, 'CONTEXT_INVALID', 'enqueue[0].x is not in'],
    ['more entries than trials', { trials: 1, enqueue: [{}, {}] }, 'CONTEXT_INVALID', 'enqueue has 2 entries'],
    ['an hparam of the space', { space: { lr }, hparams: { lr: 1 } }, 'CONTEXT_INVALID', 'hparams.lr is in the'],
    [
      'a name that is a wildcard',
      { optimizer: { name: '*', options: {} } },
      'MESSAGE_INVALID',
      'optimizer/name is "*"',
    ],
    ['a name of two tokens', { pruner: { name: 'a.b', options: {} } }, 'MESSAGE_INVALID', 'pruner/name is "a.b"'],
    ['NaN', { hparams: { lr: NaN } }, 'MESSAGE_INVALID', 'hparams/lr is NaN, and not a finite number'],
  ] as const)('with %s is refused', async (_, change, code, words) => {
    const refused = await refusal(change as Partial<OptimizationContext>)
    expect(refused.code).toBe(code)
    expect(refused.message).toContain(words)
  })
})

describe("an optimizer of the user's that answers what is none", () => {
  it("is named, and its fault is an actor's: exit code 70", async () => {
    const bench = new Bench()
    await bench.driver()
    await bench.optimizer()
    const foreign = bench.network.connect('foreign')
    const rubbish = answer(
      foreign,
      suggest,
      { optimizer: 'random', instance: 'o1' },
      () => ({ hparams: 'no' }) as never,
    )
    await bench.worker('w1')
    await bench.submit('e1', { trials: 2 })
    rubbish.unsubscribe()
    const result = await readResult(bench.client, 'e1')
    expect(result).toMatchObject({ state: 'failed', problem: { code: 'OPTIMIZER_MISBEHAVED' } })
    expect(result.problem?.message).toContain('the optimizer random gave a wrong answer')
    expect(exitCodeFor('OPTIMIZER_MISBEHAVED')).toBe(70)
  })
})
