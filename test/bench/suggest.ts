/** How long a suggestion takes over the bus, from question to answer: the built-in random, and with a peer's Python Optuna's samplers. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { announceActor, observe, open, suggest, type Hparams, type SearchSpace } from '../../protocol/index.ts'
import { packageRoot, spawnActor } from '../../src/actor/index.ts'
import { ask, connectNats, hear, type Bus } from '../../src/bus/index.ts'
import { startServer } from '../../src/server/index.ts'
import { space } from '../../src/space/index.ts'
import type { BenchOptions, Report } from './main.ts'
import { median, round } from './statistics.ts'

const run = promisify(execFile)
const searched: SearchSpace = {
  rate: space.double(1e-5, 1, { log: true }),
  width: space.integer(8, 512, { log: true }),
  drop: space.double(0, 0.6, { step: 0.1 }),
  kind: space.categorical(['a', 'b', 'c']),
}
const objectives = [{ metric: 'loss', direction: 'minimize' as const }]
const trials = 100
const warmUp = 20

const lossOf = ({ rate, width }: Hparams) => (Math.log10(Number(rate)) + 3) ** 2 + (Number(width) / 512 - 0.5) ** 2

/** Milliseconds from question to answer, each told of before the next: the median over 100 trials. */
async function roundTrip(bus: Bus, optimizer: string, experiment: string): Promise<number> {
  const setting = { experiment, space: searched, objectives, seed: 1, options: {}, trials, history: [] }
  const { instance, adaptive } = await ask(bus, open, { optimizer }, setting, { timeoutMs: 60_000 })
  const here = { optimizer, instance }
  const times: number[] = []
  for (let trial = 0; trial < trials; trial++) {
    const before = performance.now()
    const reply = await ask(bus, suggest, here, { experiment, trial, count: 1 }, { timeoutMs: 60_000 })
    if (trial >= warmUp) times.push(performance.now() - before)
    const [hparams = {}] = reply.hparams
    if (!adaptive) continue
    const told = { trial, hparams, state: 'done' as const, metrics: { loss: lossOf(hparams) }, step: null }
    await ask(bus, observe, here, { experiment, observations: [told], closed: false }, { timeoutMs: 60_000 })
  }
  return median(times)
}

/** The same questions put to the sampler itself, in one Python process without a bus. */
async function ownTime(python: string, sampler: string, env: NodeJS.ProcessEnv): Promise<number> {
  const script = join(packageRoot(), 'test', 'bench', 'optuna_suggest.py')
  const given = JSON.stringify({ space: searched, objectives, trials, warmUp, sampler })
  return Number((await run(python, [script, given], { env })).stdout)
}

export async function suggesting(say: (line: string) => void, { peer }: BenchOptions): Promise<Report> {
  const data = await mkdtemp(join(tmpdir(), 'maggy-bench-'))
  const server = await startServer({ port: 0, data })
  const bus = await connectNats({ server: server.url, name: 'bench' })
  const figures: Record<string, number> = {}
  const bars: Record<string, string> = { 'typescript.random': '<= 2 ms' }
  try {
    const builtin = await spawnActor('optimizer', ['--server', server.url, '--log-level', 'warn'])
    figures['typescript.random'] = round(await roundTrip(bus, 'random', 'random'), 2)
    figures['typescript.tpe'] = round(await roundTrip(bus, 'tpe', 'tpe'), 2)
    await builtin.stop()
    if (peer === undefined)
      say('--peer PYTHON: with Optuna, nats-py and msgpack in it, the Python package is measured too')
    else {
      const env = { ...process.env, PYTHONPATH: join(packageRoot(), 'deploy', 'python', 'src') }
      for (const sampler of ['RandomSampler', 'TPESampler']) {
        const name = `optuna-${sampler.replace('Sampler', '').toLowerCase()}`
        say(name)
        const here = new Promise<void>((resolve) => {
          hear(bus, announceActor, { actor: '*' }, ({ serves }) => {
            if (serves.some((served) => served.name === name)) resolve()
          })
        })
        await bus.flush()
        const args = ['-m', 'maggy_actors.optuna', '--sampler', sampler, '--server', server.url]
        const actor = spawn(peer, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
        const gone = new Promise<never>((_, reject) => {
          actor.once('error', reject)
          actor.once('exit', () => reject(new Error(`${name} ended`)))
        })
        gone.catch(() => {}) // ended by us in the end
        await Promise.race([here, gone])
        figures[name] = round(await roundTrip(bus, name, name), 2)
        actor.kill('SIGKILL')
        figures[`${name}.own`] = round(await ownTime(peer, sampler, env), 2)
        bars[name] = 'own time + 3 ms'
      }
    }
  } finally {
    await bus.close()
    await server.stop()
    await rm(data, { recursive: true, force: true })
  }
  return { figures, bars }
}
