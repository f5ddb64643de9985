/** The seam between a worker and the child process in which user code runs; the tests put another one in its place. */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { secretVariables } from '../../src/access/index.ts'
import type { Confinement } from '../../src/isolation/index.ts'
import { endOf, launch } from './launch.ts'
import { heapFlags, measured, type Allowance } from './memory.ts'
import { endGroup } from './process-group.ts'
import type { FromRunner, RunnerSetting, ToRunner } from './runner-messages.ts'

export interface RunnerProcess {
  readonly pid: number
  send(message: ToRunner): void
  /** At once, and without a chance to object. */
  kill(): void
}

export interface RunnerHears {
  message(message: FromRunner): void
  /** A line that did not come through JavaScript's console: native libraries, and Node's own last words. */
  output(from: 'stdout' | 'stderr', text: string): void
  /** `outgrown`: it ran out of memory. */
  exit(reason: string, outgrown?: boolean): void
}

export type SpawnRunner = (runner: number, hears: RunnerHears) => RunnerProcess

/**
 * Node's flags for runners: a heap of 128 MB to begin with. What a ring sends and hears is memory beside V8's heap, and garbage soon: with
 * the few megabytes that V8 begins with it makes V8 collect everything once in each reduction, which doubles its time.
 */
export const runnerFlags: readonly string[] = ['--initial-old-space-size=128']

/** So long after a runner's exit its output may come to its end. */
const lastWordsMs = 1_000
/** Lines longer than this are cut. */
const maximumLine = 8192

/**
 * Starts runners as Node processes. `threads` bounds what libtensorflow and its like use in each; `confinement` keeps them from the rest of
 * the host.
 */
export function createSpawn(
  settingNow: () => Omit<RunnerSetting, 'runner'>,
  options: {
    readonly threads?: number
    readonly memory?: Allowance
    readonly confinement?: Confinement | undefined
  } = {},
): SpawnRunner {
  const own = import.meta.url
  const main = fileURLToPath(new URL(own.endsWith('.ts') ? './runner-main.ts' : './runner-main.js', own))
  return (runner, hears) => {
    const { confinement } = options
    // Two debuggers would fight for one port. What this process was told itself comes last, and so counts.
    const flags = [
      ...runnerFlags,
      ...heapFlags(options.memory),
      ...process.execArgv.filter((flag) => !flag.startsWith('--inspect')),
    ]
    const env = { ...cleanEnvironment(process.env), ...threadVariables(options.threads) }
    const child = launch({ runner, main, flags, env }, confinement)
    const meter = measured(child.pid, options.memory)
    child.on('message', (message) => {
      hears.message(message as FromRunner)
    })
    for (const from of ['stdout', 'stderr'] as const) {
      const stream = child[from]
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (text) => {
        meter.read(text)
        hears.output(from, text.slice(0, maximumLine))
      })
    }
    let gone = false
    const leave = (reason: string): void => {
      if (gone) return
      gone = true
      const { outgrown } = meter
      hears.exit(outgrown === null ? reason : `${reason}: ${outgrown}`, outgrown !== null)
    }
    child.on('exit', (code, signal) => {
      meter.exit(signal)
      // Processes that user code has started and left behind go with the runner.
      if (child.pid !== undefined) endGroup(child.pid)
      const reason = endOf(code, signal, confinement !== undefined)
      // At `close` the last words have been heard. It stays out where a process in a group of its own still holds the runner's output.
      child.on('close', () => {
        leave(reason)
      })
      setTimeout(() => {
        if (gone) return
        hears.output(
          'stderr',
          'a process that the trial has started still holds its output: what it prints from now on is not kept',
        )
        child.stdout?.destroy()
        child.stderr?.destroy()
        leave(reason)
      }, lastWordsMs).unref()
    })
    child.on('error', (error) => {
      if (child.pid === undefined) leave(error.message)
    })
    const send = (message: ToRunner): void => {
      // A runner that is gone says so by `close`.
      if (child.connected) child.send(message, () => undefined)
    }
    const way = confinement === undefined ? {} : { server: confinement.server, gates: confinement.gates }
    send({ type: 'setting', setting: { ...settingNow(), ...way, runner } })
    return {
      pid: child.pid ?? 0,
      send,
      kill: () => {
        meter.close()
        // Its group may have its number only as long as it has not gone itself.
        if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) endGroup(child.pid)
        child.kill('SIGKILL')
      },
    }
  }
}

/** Without what is secret: user code sees it all. */
function cleanEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !secretVariables.includes(name)))
}

function threadVariables(threads: number | undefined): Record<string, string> {
  if (threads === undefined) return {}
  const count = String(threads)
  return {
    TF_NUM_INTRAOP_THREADS: count,
    TF_NUM_INTEROP_THREADS: count,
    OMP_NUM_THREADS: count,
    OPENBLAS_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
  }
}
