/** Optuna's samplers as optimizers, a function of scikit-learn's as trials, and what `maggy conformance` says of the Python and Go actors. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announce, announceActor, type LogEvent } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { hear } from '../../src/bus/index.ts'
import { optimization } from '../../src/experiment/index.ts'
import { space } from '../../src/space/index.ts'
import { pythonWith, pythonWithPackages, type Python, type PythonProcess } from '../support/python.ts'
import { startSystem, until, type System } from '../support/system.ts'

const run = promisify(execFile)
const module = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const of = <T extends LogEvent['type']>(events: readonly LogEvent[], type: T) =>
  events.filter((event): event is Extract<LogEvent, { type: T }> => event.type === type)

let system: System
let python: Python
let folder: string
const started: PythonProcess[] = []

/** GPSampler needs PyTorch, two gigabytes of it: only if it is asked for. */
const withTorch = process.env['MAGGY_WITH_TORCH'] === '1'

async function start(...args: string[]): Promise<PythonProcess> {
  const here = new Promise<void>((resolve) => {
    hear(system.bus, announceActor, { actor: '*' }, () => resolve())
    hear(system.bus, announce, { worker: '*' }, ({ info }) => {
      if (info.backend === 'python') resolve()
    })
  })
  await system.bus.flush()
  const begun = python.start(args, { MAGGY_SERVER: system.server.url })
  started.push(begun)
  await Promise.race([here, begun.ended.then(() => Promise.reject(new Error(begun.said())))])
  return begun
}

beforeAll(async () => {
  python = await pythonWith('optuna', 'scikit-learn', 'cmaes', ...(withTorch ? ['torch', 'greenlet'] : []))
  folder = await mkdtemp(join(tmpdir(), 'maggy-interop-'))
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer')])
  await system.workers(2)
}, 600_000)
afterAll(async () => {
  await Promise.all(started.map((process) => process.stop()))
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

const samplers = ['TPESampler', 'CmaEsSampler', 'NSGAIISampler', 'optuna.samplers:RandomSampler']
describe.each(withTorch ? [...samplers, 'GPSampler'] : samplers)('%s of Optuna', (sampler) => {
  // What takes PyTorch's time searches what takes tfjs's.
  const onMnist = sampler === 'GPSampler'
  const data = onMnist ? 'MNIST' : 'penguins'
  it(`searches on ${data}, is killed in the middle and started again: complete, nothing lost`, async () => {
    const args = ['-m', 'maggy_actors.optuna', '--sampler', sampler]
    const first = await start(...args)
    const name = `optuna-${(sampler.split(':').at(-1) ?? '').replace('Sampler', '').toLowerCase()}`
    const experiment = `${data}-${randomBytes(4).toString('hex')}`
    const trials = 24
    const context = optimization({
      optimizer: name,
      space: { lr: space.double(1e-4, 0.3, { log: true }), units: space.integer(4, 32, { step: 4 }) },
      hparams: onMnist ? { batchSize: 32, examples: 1000 } : { epochs: 3 },
      metric: 'accuracy',
      direction: 'maximize',
      trials,
    })
    await system.submit(
      module(onMnist ? 'test/bench/modules/mnist-search.ts' : 'deploy/examples/penguins.ts'),
      context,
      experiment,
    )
    await until(system, experiment, 'trial.ended', ({ trial }) => trial >= 12)
    first.process.kill('SIGKILL')
    const killedAt = Date.now()
    await first.ended
    const second = start(...args)
    const opened = await until(system, experiment, 'optimizer.opened', ({ at }) => at >= killedAt)
    await second
    const events = await system.ended(experiment)
    const next = of(events, 'trial.suggested').find(({ at }) => at >= opened.at)
    process.stderr.write(
      `${sampler}: ${Math.round((next?.at ?? NaN) - killedAt)} ms from the kill to the next suggestion\n`,
    )
    expect(events.at(-1)).toMatchObject({ type: 'experiment.ended', state: 'done' })
    expect(of(events, 'trial.suggested').map(({ trial }) => trial)).toEqual(Array.from({ length: trials }, (_, i) => i))
    const done = of(events, 'trial.ended').filter(({ outcome }) => outcome.kind === 'done')
    expect(new Set(done.map(({ trial }) => trial)).size).toBe(trials)
  })
})

it.skipIf(withTorch)('GPSampler is left out: MAGGY_WITH_TORCH=1 brings PyTorch, two gigabytes', () => {})

it('runs the trials of the example in scikit-learn', async () => {
  const example = module('deploy/python/examples/wine.py')
  await start(example, 'worker')
  const best = await python.run([example], { env: { MAGGY_SERVER: system.server.url } })
  expect(Number(/'accuracy': ([\d.]+)/.exec(best)?.[1])).toBeGreaterThan(0.9)
})

it('is typed: mypy --strict finds nothing', async () => {
  const python = await pythonWithPackages('nats-py', 'msgpack', 'mypy')
  const said = await python.run(['-m', 'mypy', '-p', 'maggy_actors'], { cwd: module('deploy/python') })
  expect(said).toMatch(/^Success/)
}, 300_000)

describe('maggy conformance finds nothing wrong with', () => {
  /** Starts an actor by a script of its own, as the check of kill -9 wants it. */
  async function conforms(role: string, name: string, args: string[], ...more: string[]) {
    const script = join(folder, `${name}.sh`)
    const words = [python.command, ...args].map((word) => `'${word}'`).join(' ')
    await writeFile(script, `#!/bin/sh\nexec ${words}\n`, { mode: 0o755 })
    const command = [
      join(packageRoot(), 'dist/src/cli/main.js'),
      'conformance',
      role,
      '--name',
      name,
      '--start',
      script,
    ]
    const said = await run(process.execPath, [...command, '--trials', '100', ...more], { cwd: folder, env: python.env })
    return said.stdout.trim().split('\n').at(-1)
  }
  const actors = module('test/python/actors.py')

  it('an optimizer in Python', async () => {
    expect(await conforms('optimizer', 'climb', [actors, 'optimizer'])).toContain('climb conforms')
  })
  it('TPESampler', async () => {
    const args = ['-m', 'maggy_actors.optuna', '--sampler', 'TPESampler']
    expect(await conforms('optimizer', 'optuna-tpe', args)).toContain('optuna-tpe conforms')
  })
  it('a pruner in Python', async () => {
    expect(await conforms('pruner', 'odds', [actors, 'pruner'])).toContain('odds conforms')
  })
  it('an ablator in Python', async () => {
    expect(await conforms('ablator', 'once', [actors, 'ablator'])).toContain('once conforms')
  })
  it('a worker in Python', async () => {
    const needs = ['--hparams', '{"x":0.5,"k":"b"}', '--metric', 'loss']
    expect(await conforms('worker', 'py', [actors, 'worker', '--id', 'py'], ...needs)).toContain('py conforms')
  })
})
