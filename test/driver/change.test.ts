import { describe, expect, it } from 'vitest'
import {
  changeExperiment,
  codeOf,
  pauseExperiment,
  resumeExperiment,
  submit,
  type AskedChange,
  type Signature,
} from '../../protocol/index.ts'
import { ask } from '../../src/bus/index.ts'
import { replay, sourceOf } from '../../src/replay/index.ts'
import { pauseRunning } from '../../src/client/index.ts'
import { changedSubmission } from '../../src/change/index.ts'
import { signatureOf, signed } from '../../src/signing/index.ts'
import { readExperiment, readResult } from '../../src/store/index.ts'
import { keyFrom } from '../support/signing.ts'
import { Bench, ready, submission } from './support.ts'

const value = ({ x }: Readonly<Record<string, unknown>>) => -((Number(x) - 0.7) ** 2)
type Options = Parameters<Bench['submit']>[1]

/** A search whose trials from `held.from` on wait for `goOn`, and with a list of those that fail. */
async function searching(change: Options = {}) {
  const bench = new Bench()
  await bench.driver()
  await bench.optimizer()
  const held = { from: Infinity, failing: new Set<number>() }
  const problem = { code: 'TRAIN_FAILED', message: 'train threw' }
  const w1 = await bench.worker('w1', {
    run: ({ attempt, hparams }) => {
      if (attempt.trial >= held.from) return undefined
      if (held.failing.has(attempt.trial)) return { kind: 'failed', problem }
      return { kind: 'done', metrics: { value: value(hparams) } }
    },
  })
  const ends = async () => {
    await bench.pass(20_000, w1)
    return (await bench.events('e1')).at(-1)
  }
  const goOn = async () => {
    held.from = Infinity
    for (const trial of w1.running) await w1.finish(trial, { kind: 'done', metrics: { value: 0 } })
    return ends()
  }
  /** The worker does as it is told. */
  const handBack = async () => {
    await bench.pass(1000, w1)
    // The one that runs, and the one that waits behind it.
    for (const _ of [1, 2]) {
      for (const trial of w1.running) await w1.finish(trial, { kind: 'stopped', reason: 'superseded', metrics: {} })
      await bench.pass(1000, w1)
    }
  }
  const begin = () => bench.submit('e1', { trials: 4, ...change })
  const asking = async <T>(question: Promise<T>): Promise<T> => {
    question.catch(() => undefined)
    await bench.settle()
    return await question
  }
  const timeoutMs = { timeoutMs: 60_000 }
  const told = (asked: AskedChange) =>
    asking(ask(bench.client, changeExperiment, { experiment: 'e1' }, asked, timeoutMs))
  const resumed = (asked?: AskedChange) =>
    asking(
      ask(bench.client, resumeExperiment, {}, { experiment: 'e1', ...(asked ? { change: asked } : {}) }, timeoutMs),
    )
  const pause = (now?: boolean) =>
    asking(ask(bench.client, pauseExperiment, { experiment: 'e1' }, now === undefined ? {} : { now }, timeoutMs))
  const counted = async () => {
    const events = await bench.events('e1')
    const suggested = events.flatMap((event) => (event.type === 'trial.suggested' ? [event.trial] : []))
    const { counts, wanted } = await readResult(bench.client, 'e1')
    return { suggested, counts, wanted }
  }
  const replayed = async () => replay(await sourceOf(bench.client, 'e1'))
  return { bench, w1, held, begin, ends, goOn, handBack, told, resumed, pause, counted, replayed }
}

const exactly = (trials: number, failed = 0) => ({
  suggested: Array.from({ length: trials }, (_, trial) => trial),
  counts: { queued: 0, running: 0, done: trials - failed, pruned: 0, failed, cancelled: 0 },
  wanted: trials,
})
const faithful = { differences: [], untaken: {} }

describe('a search that is done', () => {
  it.each(['random', 'tpe', 'sobol', 'gp'])('goes on with more trials (%s), in the same experiment', async (name) => {
    const s = await searching({ trials: 6, optimizer: { name, options: {} } })
    await s.begin()
    expect(await s.ends()).toMatchObject({ state: 'done' })
    expect(await s.resumed({ id: 'c1', trials: { more: 5 } })).toMatchObject({ experiment: 'e1' })
    expect(await s.ends()).toMatchObject({ state: 'done' })
    expect(await s.counted()).toEqual(exactly(11))
    expect(await s.replayed()).toMatchObject(faithful)
  })

  it('stays done without a change, and is told so when a change brings nothing to do', async () => {
    const s = await searching()
    await s.begin()
    await s.ends()
    const before = await s.bench.types('e1')
    expect(await s.resumed()).toMatchObject({ state: 'done' })
    await expect(s.resumed({ id: 'c1', policy: { parallel: 1 } })).rejects.toMatchObject({ code: 'CHANGE_REFUSED' })
    await expect(s.resumed({ id: 'c2', trials: 2 })).rejects.toMatchObject({ code: 'CHANGE_REFUSED' })
    await expect(s.resumed({ id: 'c3', failed: true })).rejects.toMatchObject({ code: 'CHANGE_REFUSED' })
    expect(await s.bench.types('e1')).toEqual(before)
  })

  it('goes on by another optimizer, with another pruner', async () => {
    const s = await searching({ trials: 6 })
    await s.begin()
    await s.ends()
    const asked = {
      trials: { more: 4 },
      optimizer: { name: 'tpe', options: { warmup: 2 } },
      pruner: { name: 'median', options: {} },
    }
    await s.resumed({ id: 'c1', ...asked })
    expect(await s.ends()).toMatchObject({ state: 'done' })
    expect(await s.counted()).toEqual(exactly(10))
    expect(await s.replayed()).toMatchObject(faithful)
    const { notes } = await readResult(s.bench.client, 'e1')
    expect(notes).toContain('the optimizer is tpe from trial 6 on; before it was random')
  })

  it('tries its failed trials anew, and nothing else', async () => {
    const s = await searching({ trials: 6, optimizer: { name: 'tpe', options: {} } })
    s.held.failing = new Set([1, 4])
    await s.begin()
    await s.ends()
    expect(await s.counted()).toEqual(exactly(6, 2))
    s.held.failing = new Set()
    await s.resumed({ id: 'c1', failed: true })
    expect(await s.ends()).toMatchObject({ state: 'done' })
    expect(await s.counted()).toEqual(exactly(6))
    const assigned = (await s.bench.events('e1')).flatMap((event) =>
      event.type === 'trial.assigned' ? [event.trial] : [],
    )
    expect(assigned.toSorted((a, b) => a - b)).toEqual([0, 1, 1, 2, 3, 4, 4, 5])
    expect(await s.replayed()).toMatchObject(faithful)
  })

  it('tries what is enqueued, on top, with what the optimizer fills in', async () => {
    const space = { x: { type: 'double' as const, low: 0, high: 1 }, y: { type: 'double' as const, low: 0, high: 1 } }
    for (const name of ['sobol', 'tpe']) {
      const s = await searching({ trials: 5, space, optimizer: { name, options: {} } })
      await s.begin()
      await s.ends()
      await s.resumed({ id: 'c1', enqueue: [{ x: 0.25, y: 0.5 }, { x: 0.75 }] })
      expect(await s.ends()).toMatchObject({ state: 'done' })
      await s.resumed({ id: 'c2', trials: { more: 3 } })
      await s.ends()
      expect(await s.counted()).toEqual(exactly(10))
      expect(await s.replayed()).toMatchObject(faithful)
      const { trials } = await readResult(s.bench.client, 'e1')
      expect(trials[5]?.hparams).toMatchObject({ x: 0.25, y: 0.5 })
      expect(trials[6]?.hparams).toMatchObject({ x: 0.75 })
      // No point is tried twice, and none is left out, for the sake of those that were enqueued.
      const plain = await searching({ trials: 8, space, optimizer: { name, options: {} } })
      if (name !== 'sobol') continue
      await plain.begin()
      await plain.ends()
      const points = (await readResult(plain.bench.client, 'e1')).trials.map(({ hparams }) => hparams['x'])
      expect(trials.filter((_, at) => at !== 5 && at !== 6).map(({ hparams }) => hparams['x'])).toEqual(points)
    }
  })
})

describe('a search that runs', () => {
  it('makes a change once that is asked for twice, and two at once one after the other', async () => {
    const s = await searching()
    s.held.from = 2
    await s.begin()
    const replies = await Promise.all([
      s.told({ id: 'c1', trials: { more: 3 } }),
      s.told({ id: 'c1', trials: { more: 3 } }),
      s.told({ id: 'c2', trials: { more: 2 } }),
    ])
    expect(replies.map(({ trials }) => trials)).toEqual([7, 7, 9])
    expect(await s.goOn()).toMatchObject({ state: 'done' })
    expect(await s.counted()).toEqual(exactly(9))
    // Asked again after the end, by a client that had not heard the answer.
    expect(await s.resumed({ id: 'c1', trials: { more: 3 } })).toMatchObject({ state: 'done' })
    expect(await s.counted()).toEqual(exactly(9))
  })

  it('refuses what cannot be, and leaves all as it was', async () => {
    const s = await searching()
    s.held.from = 2
    await s.begin()
    const refused = { code: 'CHANGE_REFUSED' }
    await expect(s.told({ id: 'c1', trials: 1 })).rejects.toMatchObject(refused)
    // The remedy is to give other values, and no other search.
    await expect(s.told({ id: 'c2', enqueue: [{ z: 1 }] })).rejects.toMatchObject({
      code: 'HPARAMS_INVALID',
      message: expect.stringContaining('enqueue[0].z is not in the search space; there are x') as string,
    })
    await expect(s.told({ id: 'c3', enqueue: [{ x: 7 }] })).rejects.toMatchObject({ code: 'HPARAMS_INVALID' })
    await expect(s.told({ id: 'c4', pruner: { name: 'oracle', options: {} } })).rejects.toMatchObject({
      code: 'PRUNER_UNKNOWN',
    })
    await expect(s.told({ id: 'c5', trials: 9, optimizer: { name: 'grid', options: {} } })).rejects.toMatchObject({
      code: 'OPTIMIZER_UNFIT',
    })
    expect(await s.goOn()).toMatchObject({ state: 'done' })
    expect(await s.counted()).toEqual(exactly(4))
    expect(await s.bench.types('e1')).not.toContain('experiment.changed')
  })

  it('is paused, says so, and goes on; another driver finds it paused', async () => {
    const s = await searching()
    s.held.from = 1
    await s.begin()
    expect(await s.pause()).toEqual({ state: 'paused' })
    s.held.from = Infinity
    for (const trial of s.w1.running) await s.w1.finish(trial, { kind: 'done', metrics: { value: 0 } })
    await s.bench.pass(5000, s.w1)
    const before = (await s.bench.types('e1')).filter((type) => type === 'trial.assigned').length
    s.bench.kill('d1')
    s.w1.holdFor(null)
    await s.bench.driver('d2')
    await s.bench.pass(15_000, s.w1)
    expect((await s.bench.types('e1')).filter((type) => type === 'trial.assigned')).toHaveLength(before)
    expect(await readResult(s.bench.client, 'e1')).toMatchObject({ state: 'paused' })
    expect(await s.resumed()).toMatchObject({ driver: 'd2' })
    expect(await s.ends()).toMatchObject({ state: 'done' })
    expect(await s.counted()).toEqual(exactly(4))
    expect(await s.replayed()).toMatchObject(faithful)
  })

  it('hands back what runs when it is paused at once, at no cost', async () => {
    const s = await searching()
    s.held.from = 1
    await s.begin()
    expect(await s.pause(true)).toEqual({ state: 'halted' })
    await s.handBack()
    expect(await readResult(s.bench.client, 'e1')).toMatchObject({ state: 'paused', counts: { running: 0, done: 1 } })
    s.held.from = Infinity
    await s.resumed()
    expect(await s.ends()).toMatchObject({ state: 'done' })
    expect(await s.counted()).toEqual(exactly(4))
    const { trials } = await readResult(s.bench.client, 'e1')
    expect(trials.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1])
  })

  it.each(['finish', 'cancel'] as const)('is stopped (%s) also while it is paused', async (mode) => {
    const s = await searching()
    s.held.from = 1
    await s.begin()
    await s.pause(true)
    await s.handBack()
    await s.bench.stop('e1', mode)
    await s.bench.pass(3000, s.w1)
    expect((await s.bench.events('e1')).at(-1)).toMatchObject({ type: 'experiment.ended', state: 'stopped' })
  })
})

it('a change finds its experiment when its driver is gone, and while it is being stopped', async () => {
  const s = await searching()
  s.held.from = 2
  await s.begin()
  s.bench.kill('d1')
  s.w1.holdFor(null)
  await s.bench.driver('d2')
  await s.resumed({ id: 'c1', trials: { more: 2 } })
  expect(await s.goOn()).toMatchObject({ state: 'done' })
  expect(await s.counted()).toEqual(exactly(6))
  expect(await s.replayed()).toMatchObject(faithful)
})

it('what is signed is changed within its bounds by anybody, and beyond them by the same key only', async () => {
  const [key, other] = [keyFrom('01'.repeat(32)), keyFrom('02'.repeat(32))]
  const s = await searching()
  s.held.from = 2
  const later = s.bench.clock.now() + 1e9
  const plain = submission('e1', { trials: 4 })
  const submitted = ask(s.bench.client, submit, {}, signed(plain, key, later), { timeoutMs: 60_000 })
  await s.bench.settle()
  await submitted
  await s.bench.settle()
  expect(await s.told({ id: 'c1', optimizer: { name: 'sobol', options: {} }, policy: { parallel: 1 } })).toMatchObject({
    trials: 4,
  })
  await expect(s.told({ id: 'c2', trials: 6 })).rejects.toMatchObject({ code: 'CHANGE_UNSIGNED' })
  const { history } = await readExperiment(s.bench.client, 'e1')
  if (history === null) throw new Error('no history')
  const changed = changedSubmission(history, { trials: 6 })
  const by = (one: typeof key) => signatureOf(changed, one, later)
  await expect(s.told({ id: 'c3', trials: 6, signature: by(other) as Signature })).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
  })
  // Made for another context than it is by then.
  await expect(s.told({ id: 'c4', trials: 7, signature: by(key) as Signature })).rejects.toMatchObject({
    code: 'CHANGE_STALE',
  })
  expect(await s.told({ id: 'c5', trials: 6, signature: by(key) as Signature })).toMatchObject({ trials: 6 })
  expect(await s.goOn()).toMatchObject({ state: 'done' })
  expect(await s.counted()).toEqual(exactly(6))
})

describe('a pause', () => {
  const paused = async (bench: Bench, experiment: string): Promise<unknown> => {
    const asked = pauseRunning(bench.client, experiment).catch((error: unknown) => codeOf(error))
    await bench.settle()
    return await asked
  }

  it('of an experiment that is not there, or is over, says so', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    await w1.finish(0)
    await bench.settle()
    expect(await paused(bench, 'nope')).toBe('EXPERIMENT_UNKNOWN')
    expect(await paused(bench, 'e1')).toBe('PAUSE_REFUSED')
  })
})
