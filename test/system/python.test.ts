/** Actors in Python beside those in TypeScript, as real processes: the package as its wheel brings it. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announceActor, announce, leave, ping, type LogEvent, type Submission } from '../../protocol/index.ts'
import { ask, hear } from '../../src/bus/index.ts'
import { submit } from '../../protocol/index.ts'
import { ablation, optimization } from '../../src/experiment/index.ts'
import { study } from '../../src/ablation/index.ts'
import { space } from '../../src/space/index.ts'
import { pythonWith, type Python, type PythonProcess } from '../support/python.ts'
import { startSystem, until, type System } from '../support/system.ts'

const bowl = fileURLToPath(new URL('modules/bowl.ts', import.meta.url))
const id = (name: string) => `${name}-${randomBytes(4).toString('hex')}`
let system: System
let python: Python
const started: PythonProcess[] = []

/** Starts an actor of test/python/actors.py, and resolves once it says on the bus that it is there. */
async function actor(role: string, ...args: string[]): Promise<PythonProcess> {
  return await actorIn({}, role, ...args)
}

async function actorIn(env: NodeJS.ProcessEnv, role: string, ...args: string[]): Promise<PythonProcess> {
  const here = new Promise<void>((resolve) => {
    const heard = () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
      resolve()
    }
    const subscriptions = [
      hear(system.bus, announceActor, { actor: '*' }, heard),
      hear(system.bus, announce, { worker: '*' }, ({ info }) => {
        if (info.backend === 'python') heard()
      }),
    ]
  })
  await system.bus.flush()
  const process = python.start(['test/python/actors.py', role, '--server', system.server.url, ...args], env)
  started.push(process)
  await Promise.race([
    here,
    process.ended.then(() => Promise.reject(new Error(`${role} ended before it was there: ${process.said()}`))),
  ])
  return process
}

const search = { x: space.double(-1, 1), k: space.categorical(['a', 'b']) }
const tune = (options: object) =>
  optimization({ space: search, trials: 12, metric: 'loss', direction: 'minimize', ...options })

type EventOf<T extends LogEvent['type']> = Extract<LogEvent, { type: T }>
const of = <T extends LogEvent['type']>(events: readonly LogEvent[], type: T) =>
  events.filter((event): event is EventOf<T> => event.type === type)

beforeAll(async () => {
  python = await pythonWith()
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer'), system.actor('ablator')])
  await system.workers(1, '--labels', 'kind=bowl,code=bundle')
}, 180_000)
afterAll(async () => {
  await Promise.all(started.map((process) => process.stop()))
  await system.stop()
})

describe('a worker in Python beside one in TypeScript', () => {
  let worker: PythonProcess
  beforeAll(async () => {
    worker = await actor('worker', '--id', 'py')
  })

  it('gets trials of the same experiment, and comes to the same results', async () => {
    const experiment = id('both')
    const trials = 24
    await system.submit(bowl, tune({ optimizer: 'random', trials }), experiment)
    const events = await system.ended(experiment)
    const hparams = new Map(of(events, 'trial.suggested').map((event) => [event.trial, event.hparams]))
    const ended = of(events, 'trial.ended')
    expect(ended).toHaveLength(trials)
    for (const { trial, outcome, points } of ended) {
      const { x = 0, k } = hparams.get(trial) ?? {}
      const loss = (Number(x) - 0.25) ** 2 + (k === 'b' ? 0 : 0.5)
      expect(outcome).toEqual({ kind: 'done', metrics: { loss: expect.closeTo(loss, 12) as number } })
      expect(points).toBe(3)
    }
    const byPython = ended.filter((event) => event.worker === 'py').length
    expect(byPython).toBeGreaterThan(0)
    expect(byPython).toBeLessThan(trials)
  })

  it('keeps its name: another one of that name is refused, in either language, and does not take its leave', async () => {
    // Of two that start at once, either may stay.
    await setTimeout(2500)
    let left = 0
    const farewells = hear(system.bus, leave, { worker: 'py' }, () => void (left += 1))
    const second = python.start(['test/python/actors.py', 'worker', '--server', system.server.url, '--id', 'py'])
    started.push(second)
    expect(await second.ended).toBe(2)
    expect(second.said()).toContain('WORKER_THERE')
    await expect(system.actor('worker', '--id', 'py')).rejects.toThrow('there is a worker named py already')
    expect((await ask(system.bus, ping, { worker: 'py' }, {}, { timeoutMs: 5_000 })).draining).toBe(false)
    farewells.unsubscribe()
    expect([left, worker.process.exitCode]).toEqual([0, null])
  })

  it('loses a killed runner as an attempt, and what a killed worker ran to another', async () => {
    const experiment = id('killed')
    await system.submit(bowl, tune({ optimizer: 'random', trials: 60 }), experiment)
    await until(system, experiment, 'trial.ended', (event) => event.worker === 'py')
    worker.process.kill('SIGKILL')
    const events = await system.ended(experiment)
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    const done = of(events, 'trial.ended').filter(({ outcome }) => outcome.kind === 'done')
    expect(new Set(done.map(({ trial }) => trial)).size).toBe(60)
    worker = await actor('worker', '--id', 'py2')
  })

  it('offers a slot as soon as its runner is ready, and the others when theirs are', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'maggy-gate-'))
    const gate = join(folder, 'gate')
    await writeFile(gate, '')
    const half = await actorIn({ TEST_GATE: gate }, 'half', '--id', 'half')
    const offered = async () => {
      const { slots } = await ask(system.bus, ping, { worker: 'half' }, {}, { timeoutMs: 5_000 })
      return slots.length
    }
    /** The slots in which a search of six trials ran; its code is nowhere else. */
    const used = async () => {
      const experiment = id('half')
      const { context } = tune({ optimizer: 'random', trials: 6 })
      const submission: Submission = { experiment, name: 'half', contextName: 'tune', context }
      await ask(system.bus, submit, {}, submission, { timeoutMs: 30_000 })
      const events = await system.ended(experiment)
      const kinds = of(events, 'trial.ended').map(({ outcome }) => outcome.kind)
      expect(kinds).toEqual(Array.from({ length: 6 }, () => 'done'))
      return new Set(of(events, 'trial.assigned').map(({ slot }) => slot)).size
    }
    expect(await offered()).toBe(1)
    expect(await used()).toBe(1)
    expect(await offered()).toBe(1)
    await rm(gate)
    await expect.poll(offered, { timeout: 60_000 }).toBe(2)
    await expect.poll(used, { timeout: 60_000 }).toBe(2)
    await half.stop()
    await rm(folder, { recursive: true })
  })

  it('ends, and says why, where no runner can be started', async () => {
    const args = ['test/python/actors.py', 'half', '--server', system.server.url, '--id', 'unfit']
    const unfit = python.start(args, { TEST_UNFIT: '1' })
    started.push(unfit)
    expect(await unfit.ended).toBe(2)
    expect(unfit.said()).toContain('a runner ended before it was ready (exit code 3)')
    expect(unfit.said()).toContain('SETUP_FAILED')
  })

  it('is not asked for what it cannot do: an ablation goes to the TypeScript one', async () => {
    await actor('ablator')
    const experiment = id('ablate')
    const { context } = ablation({
      ablator: 'once',
      study: study().training('noise'),
      metric: 'loss',
      direction: 'minimize',
    })
    const components = [{ kind: 'training' as const, name: 'training:noise', training: 'noise' }]
    await system.submit(bowl, { context: { ...context, components, trials: 2 } } as never, experiment)
    const events = await system.ended(experiment)
    const assigned = of(events, 'trial.assigned')
    expect(assigned).toHaveLength(2)
    expect(assigned.every(({ worker: name }) => !name.startsWith('py'))).toBe(true)
  })
})

describe('a pruner in Python', () => {
  it('stops trials, under the name that the experiment gives', async () => {
    const judging = await actor('pruner')
    const experiment = id('pruned')
    const module = fileURLToPath(new URL('modules/until-stopped.ts', import.meta.url))
    const pruned = {
      trials: 2,
      optimizer: 'random',
      pruner: { name: 'odds', served: true },
      labels: { code: 'bundle' },
    }
    await system.submit(module, tune(pruned), experiment)
    const stopping = await until(system, experiment, 'trial.stopping')
    expect(stopping).toMatchObject({ trial: 1, reason: 'pruned' })
    await system.ended(experiment)
    await judging.stop()
  })
})

describe('an optimizer in Python', () => {
  it('is killed in the middle of a search: another one is told the history, and nothing is lost', async () => {
    const first = await actor('optimizer')
    const experiment = id('climb')
    await system.submit(bowl, tune({ optimizer: { name: 'climb', greed: 0.7 }, trials: 40, parallel: 2 }), experiment)
    await until(system, experiment, 'trial.ended', ({ trial }) => trial >= 10)
    first.process.kill('SIGKILL')
    await first.ended
    await actor('optimizer')
    const events = await system.ended(experiment)
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    expect(of(events, 'trial.suggested')).toHaveLength(40)
    const opened = of(events, 'optimizer.opened')
    expect(opened.length).toBeGreaterThan(1)
    expect(opened[0]).toMatchObject({ adaptive: true, notes: ['greed is 0.7'] })
    // Seeds are mixed with the trial: no point comes twice.
    const points = of(events, 'trial.suggested').map(({ hparams }) => JSON.stringify(hparams))
    expect(new Set(points).size).toBe(40)
  })

  it('refuses options with their path, waits, is exhausted, and is told what it does wrong', async () => {
    const ended = async (optimizer: unknown, options = {}) => {
      const experiment = id('odd')
      await system.submit(bowl, tune({ optimizer, ...options }), experiment)
      return system.ended(experiment)
    }
    const refused = of(await ended({ name: 'climb', speed: 1 }), 'experiment.failing')
    expect(refused[0]?.problem).toMatchObject({ code: 'OPTIMIZER_UNFIT' })
    expect(refused[0]?.problem.message).toContain('options.speed is unknown')
    await Promise.all([actor('lazy'), actor('wrong')])
    const lazy = await ended('lazy')
    expect(of(lazy, 'trial.suggested')).toHaveLength(5)
    expect(lazy.at(-1)).toMatchObject({ state: 'done' })
    const wrong = of(await ended('wrong'), 'experiment.failing')
    expect(wrong[0]?.problem).toMatchObject({ code: 'OPTIMIZER_MISBEHAVED' })
    // What the user fixed is filled in, whatever the optimizer makes of it.
    const enqueued = of(await ended('climb', { enqueue: [{ k: 'b' }, { x: 0.5, k: 'a' }] }), 'trial.suggested')
    expect(enqueued[0]?.hparams).toMatchObject({ k: 'b' })
    expect(enqueued[1]?.hparams).toEqual({ x: 0.5, k: 'a' })
  })
})

describe('an experiment whose code is not on the bus', () => {
  it('goes to the worker that names it, and what goes wrong in a function is told', async () => {
    await actor('odd')
    const experiment = id('odd')
    const enqueue = ['raises', 'nothing', 'dies', 'fine', 'deaf', 'long'].map((k) => ({ k }))
    const { context } = optimization({
      space: { k: space.categorical(enqueue.map(({ k }) => k)) },
      trials: enqueue.length,
      enqueue,
      metric: 'value',
      direction: 'minimize',
      optimizer: 'random',
      maxAttempts: 2,
      graceMs: 500,
      trialTimeoutMs: 2000,
    })
    const submission: Submission = { experiment, name: 'odd', contextName: 'tune', context }
    await ask(system.bus, submit, {}, submission, { timeoutMs: 30_000 })
    const ended = of(await system.ended(experiment), 'trial.ended')
    const outcomes = (k: string) =>
      ended
        .filter(({ trial }) => enqueue[trial]?.k === k)
        .map(({ outcome }) => ('problem' in outcome ? [outcome.kind, outcome.problem.code] : [outcome.kind]))
    expect(outcomes('raises')).toEqual([['failed', 'TRAIN_FAILED']])
    expect(outcomes('nothing')).toEqual([['failed', 'RESULT_INVALID']])
    expect(outcomes('dies')).toEqual([
      ['crashed', 'RUNNER_CRASHED'],
      ['crashed', 'RUNNER_CRASHED'],
    ])
    expect(outcomes('fine')).toEqual([['done']])
    expect(outcomes('deaf')).toEqual([['failed', 'TRIAL_TIMEOUT']])
    expect(outcomes('long')).toEqual([['failed', 'TRIAL_TIMEOUT']])
  })
})
