/** The programs on the protocol's pages run as they stand there, on bare nats-py and msgpack. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { announce, submit, type LogEvent, type Submission } from '../../protocol/index.ts'
import { study } from '../../src/ablation/index.ts'
import { ask, hear } from '../../src/bus/index.ts'
import { ablation, optimization } from '../../src/experiment/index.ts'
import { space } from '../../src/space/index.ts'
import { pagePrograms } from '../support/pages.ts'
import { pythonWith, type Python, type PythonProcess } from '../support/python.ts'
import { startSystem, type System } from '../support/system.ts'

const module = (name: string) => fileURLToPath(new URL(`modules/${name}.ts`, import.meta.url))
const id = (name: string) => `${name}-${randomBytes(4).toString('hex')}`
const aim = { metric: 'loss', direction: 'minimize' } as const
const of = <T extends LogEvent['type']>(events: readonly LogEvent[], type: T) =>
  events.filter((event): event is Extract<LogEvent, { type: T }> => event.type === type)

let system: System
let python: Python
let folder: string
const started: PythonProcess[] = []
const used = new Set<string>()

/** Starts a page's program in a Python that has no more than it says. */
function start(name: string): PythonProcess {
  used.add(name)
  const process = python.start([join(folder, name)], { MAGGY_SERVER: system.server.url })
  started.push(process)
  return process
}

beforeAll(async () => {
  python = await pythonWith()
  folder = await mkdtemp(join(tmpdir(), 'maggy-pages-'))
  for (const [name, text] of await pagePrograms()) await writeFile(join(folder, name), text)
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer')])
  await system.workers(1)
}, 180_000)
afterAll(async () => {
  for (const { process } of started) process.kill('SIGKILL')
  await Promise.all(started.map(({ ended }) => ended))
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

it('optimizer: suggests inside any space without constraints, and refuses others', async () => {
  start('optimizer.py')
  const wide = {
    x: space.double(-1, 1),
    k: space.categorical(['a', 'b', 1, true, null]),
    rate: space.double(1e-5, 1, { log: true }),
    drop: space.double(0.1, 0.7, { step: 0.2 }),
    size: space.integer(1, 9, { step: 3 }),
    width: space.integer(8, 512, { log: true }),
    batch: space.discrete([16, 32, 64]),
    fixed: space.constant(['a', 1]),
    child: space.double(0, 1, { when: { parameter: 'k', in: ['a', true] } }),
    grandchild: space.integer(0, 3, { when: { parameter: 'k', in: [1] } }),
  }
  const experiment = id('pages-optimizer')
  await system.submit(module('bowl'), optimization({ optimizer: 'mine', space: wide, trials: 40, ...aim }), experiment)
  const events = await system.ended(experiment)
  expect(of(events, 'experiment.failing')).toEqual([])
  expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
  const points = of(events, 'trial.suggested').map(({ hparams }) => JSON.stringify(hparams))
  expect(new Set(points).size).toBe(40)

  const refused = id('pages-refused')
  const constrained = { x: space.double(0, 1), y: space.double(0, 1, { where: [{ sum: { x: 1, y: 1 }, atMost: 1 }] }) }
  await system.submit(
    module('bowl'),
    optimization({ optimizer: 'mine', space: constrained, trials: 4, ...aim }),
    refused,
  )
  const [failing] = of(await system.ended(refused), 'experiment.failing')
  expect(failing?.problem.code).toBe('OPTIMIZER_UNFIT')
})

it('pruner: stops the trial that is worse than the others, and no other', async () => {
  start('pruner.py')
  const experiment = id('pages-pruner')
  const enqueue = [0.1, 0.2, 0.3, 0.4, 0.2, 1].map((x) => ({ x }))
  const context = optimization({
    space: { x: space.double(0, 1) },
    trials: enqueue.length,
    enqueue,
    pruner: { name: 'mine', served: true },
    optimizer: 'random',
    ...aim,
  })
  await system.submit(module('judged'), context, experiment)
  const stopping = of(await system.ended(experiment), 'trial.stopping')
  expect(stopping.map(({ trial, reason }) => [trial, reason])).toEqual([[5, 'pruned']])
})

it('ablator: leaves out nothing, then each component', async () => {
  start('ablator.py')
  const experiment = id('pages-ablator')
  const { context } = ablation({ ablator: 'mine', study: study().training('noise'), repeats: 2, ...aim })
  const components = [{ kind: 'training' as const, name: 'training:noise', training: 'noise' }]
  await system.submit(module('bowl'), { context: { ...context, components, trials: 4 } } as never, experiment)
  const suggested = of(await system.ended(experiment), 'trial.suggested')
  const told = suggested.map(({ ablated }) => [ablated?.components.map(({ name }) => name), ablated?.repeat])
  expect(told).toEqual([
    [[], 0],
    [['training:noise'], 0],
    [[], 1],
    [['training:noise'], 1],
  ])
})

it('client: hands in a plain module, and follows it to its end', async () => {
  const client = start('client.py')
  expect([await client.ended, client.said()]).toEqual([0, ''])
})

it('worker: runs the trials of an experiment that names it', async () => {
  const here = new Promise<void>((resolve) => {
    hear(system.bus, announce, { worker: '*' }, ({ info }) => {
      if (info.backend === 'python') resolve()
    })
  })
  await system.bus.flush()
  const worker = start('worker.py')
  await Promise.race([here, worker.ended.then(() => Promise.reject(new Error(worker.said())))])
  const experiment = id('pages-worker')
  const { context } = optimization({ space: { x: space.double(-1, 1) }, trials: 12, optimizer: 'random', ...aim })
  const submission: Submission = { experiment, name: 'bowl', contextName: 'tune', context }
  await ask(system.bus, submit, {}, submission, { timeoutMs: 30_000 })
  const events = await system.ended(experiment)
  const hparams = new Map(of(events, 'trial.suggested').map((event) => [event.trial, event.hparams]))
  const ended = of(events, 'trial.ended')
  expect(ended).toHaveLength(12)
  for (const { trial, outcome } of ended) {
    const loss = (Number(hparams.get(trial)?.['x']) - 0.25) ** 2
    expect(outcome).toEqual({ kind: 'done', metrics: { loss: expect.closeTo(loss, 12) as number } })
  }
})

it('no page has a program that is not run here', async () => {
  expect([...used].toSorted()).toEqual([...(await pagePrograms()).keys()].toSorted())
})
