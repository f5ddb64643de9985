/** Our samplers in this process, and those of other packages in a Python of theirs, asked and told in the same way. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Hparams } from '../../../protocol/index.ts'
import { packageRoot } from '../../../src/actor/index.ts'
import { createSession } from '../../../src/optimizer/index.ts'
import { builtinSamplers, type SamplerPlugin } from '../../../src/samplers/index.ts'
import type { Problem } from './problem.ts'

export interface Search {
  ask(trial: number): Promise<Hparams | undefined>
  /** undefined: the trial failed. */
  tell(trial: number, hparams: Hparams, values: readonly number[] | undefined): Promise<void>
}

export interface Contestant {
  readonly name: string
  /** Of the package that it is from; ours have none. */
  readonly version?: () => Promise<string>
  open(problem: Problem, seed: number, workers: number): Promise<Search>
}

/** `name` may carry options: tpe{"priorWeight":1}. */
export function ours(name: string): Contestant {
  const [, sampler = name, options = '{}'] = /^([a-z0-9]+)(\{.*\})?$/.exec(name) ?? []
  const plugin = builtinSamplers.get(sampler) as SamplerPlugin
  return {
    name,
    async open({ space, trials, objectives: count }, seed, workers) {
      const objectives = Array.from({ length: count }, (_, i) => ({
        metric: `value${i}`,
        direction: 'minimize' as const,
      }))
      const session = createSession(plugin, {
        space,
        objectives,
        trials,
        seed,
        parallel: workers,
        options: JSON.parse(options) as Record<string, unknown>,
        history: [],
      })
      return {
        ask: async (trial) => (await session.suggest(trial, 1)).hparams[0],
        async tell(trial, hparams, values) {
          const metrics = Object.fromEntries((values ?? []).map((value, i) => [`value${i}`, value]))
          const state = values === undefined ? 'failed' : 'done'
          session.observe([{ trial, hparams, state, metrics, step: null }])
        },
      }
    },
  }
}

interface Answer {
  readonly hparams?: Hparams
  readonly version?: string | null
}

export interface Peers {
  /** undefined: its package is not installed, or lacks a part. */
  version(name: string): Promise<string | undefined>
  contestant(name: string): Contestant
  stop(): void
}

/** Samplers of the Python at `python`: optuna-tpe, optuna-gp, optuna-cmaes, optuna-nsga2, smac, hebo. */
export function peersIn(python: string): Peers {
  const script = join(packageRoot(), 'test', 'bench', 'quality', 'peers.py')
  let child: ChildProcessWithoutNullStreams | undefined
  let answers: AsyncIterator<string> | undefined
  const say = async (message: object): Promise<Answer> => {
    if (child === undefined) {
      const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
      child = spawn(python, [script], { env })
      child.stderr.pipe(process.stderr)
      answers = createInterface(child.stdout)[Symbol.asyncIterator]()
    }
    child.stdin.write(`${JSON.stringify(message)}\n`)
    const answer = await answers?.next()
    if (answer === undefined || answer.done === true) throw new Error(`${python} ${script} ended`)
    return JSON.parse(answer.value) as Answer
  }
  const versions = new Map<string, Promise<string | undefined>>()
  const version = (name: string): Promise<string | undefined> => {
    const found = versions.get(name) ?? say({ version: name }).then((answer) => answer.version ?? undefined)
    versions.set(name, found)
    return found
  }
  return {
    version,
    contestant: (name) => ({
      name,
      version: async () => (await version(name)) ?? 'none',
      async open({ space, trials, objectives }, seed) {
        await say({ open: { space, sampler: name, seed, trials, objectives } })
        return {
          ask: async (trial) => (await say({ ask: trial })).hparams,
          async tell(trial, _, values) {
            await say({ tell: trial, values: values ?? null })
          },
        }
      },
    }),
    stop: () => child?.kill(),
  }
}
