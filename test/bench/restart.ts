/**
 * A search of the demo's MNIST training, driven by a sampler of Optuna's over the bus, whose process is killed (-9) in the middle and started
 * again at once: how long the search is without an optimizer, and whether anything is lost.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { optimization, space } from 'maggy'
import { announceActor, type LogEvent } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { hear } from '../../src/bus/index.ts'
import { startSystem, until, type System } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import { round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const trials = 24
/** More than the ten that GPSampler draws at random, so that it has to model at once when it is back. */
const killedAfter = 13

/** Resolves once it is on the bus; rejects if it ends before (a sampler that lacks a package). */
async function startSampler(system: System, python: string, sampler: string): Promise<ChildProcess> {
  const here = new Promise<void>((resolve) => {
    const heard = hear(system.bus, announceActor, { actor: '*' }, ({ language }) => {
      if (language !== 'Python') return
      heard.unsubscribe()
      resolve()
    })
  })
  await system.bus.flush()
  const env = { ...process.env, PYTHONPATH: pathOf(join(packageRoot(), 'deploy', 'python', 'src')) }
  const args = ['-m', 'maggy_actors.optuna', '--sampler', sampler, '--server', system.server.url]
  const child = spawn(python, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const gone = once(child, 'exit').then(() => Promise.reject(new Error(`${sampler} ended`)))
  gone.catch(() => {}) // it is killed by us later
  await Promise.race([here, gone])
  return child
}

const pathOf = (source: string): string => [source, process.env['PYTHONPATH']].filter(Boolean).join(':')

const secondsOf = (ms: number): number => round(ms / 1000, 1)

export async function restart(say: (line: string) => void, { peer }: BenchOptions): Promise<Report> {
  if (peer === undefined) throw new Error('--peer PYTHON: with Optuna, PyTorch, nats-py and msgpack in it')
  const figures: Record<string, number | string> = {}
  const bars: Record<string, string> = {}
  const system = await startSystem()
  try {
    await Promise.all([system.actor('driver'), system.workers(2)])
    for (const [sampler, name] of [
      ['TPESampler', 'optuna-tpe'],
      ['GPSampler', 'optuna-gp'],
    ] as const) {
      let child = await startSampler(system, peer, sampler)
      const context = optimization({
        optimizer: name,
        space: { lr: space.double(0.001, 0.5, { log: true }), batchSize: space.discrete([16, 32]) },
        hparams: { examples: 2000 },
        trials,
        metric: 'accuracy',
        direction: 'maximize',
      })
      await system.submit(moduleFile('mnist-search'), context, name)
      const reached = await Promise.race([
        until(system, name, 'trial.ended', ({ trial }) => trial >= killedAfter),
        system.ended(name).then(() => undefined),
      ])
      if (reached === undefined) {
        say(`${name} came to no model: is PyTorch in that Python?`)
        child.kill('SIGKILL')
        continue
      }
      child.kill('SIGKILL')
      const killedAt = Date.now()
      await once(child, 'exit')
      child = await startSampler(system, peer, sampler)
      const events = await system.ended(name)
      child.kill('SIGKILL')
      const of = <T extends LogEvent['type']>(type: T) =>
        events.filter((event): event is Extract<LogEvent, { type: T }> => event.type === type)
      const opened = of('optimizer.opened').find(({ at }) => at >= killedAt)
      const next = of('trial.suggested').find(({ at }) => at >= (opened?.at ?? Infinity))
      const done = new Set(of('trial.ended').flatMap(({ trial, outcome }) => (outcome.kind === 'done' ? [trial] : [])))
      figures[`${name}.pause.s`] = secondsOf((next?.at ?? NaN) - killedAt)
      figures[`${name}.done`] = done.size
      bars[`${name}.pause.s`] = '<= 5'
      bars[`${name}.done`] = String(trials)
    }
  } finally {
    await system.stop()
  }
  return { figures, bars }
}
