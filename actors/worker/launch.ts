/** How a runner's process comes to be: as a plain child, or within what confines it. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import type { Confinement } from '../../src/isolation/index.ts'

interface Launch {
  readonly runner: number
  readonly main: string
  /** Node's own. */
  readonly flags: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

export function launch({ runner, main, flags, env }: Launch, confinement: Confinement | undefined): ChildProcess {
  // A process group of its own, so that what user code starts can be ended with it. A terminal's Ctrl-C does not reach it.
  const common = { env, detached: true }
  const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const
  if (confinement === undefined) return fork(main, [], { ...common, stdio: [...stdio], execArgv: [...flags] })
  const [command = '', ...args] = confinement.wrap([process.execPath, ...flags, main], runner)
  return spawn(command, args, { ...common, stdio: [...stdio] })
}

/** How it ended, for people. What stands around a confined process tells its signal by a code, as shells do. */
export function endOf(code: number | null, signal: NodeJS.Signals | null, isConfined: boolean): string {
  if (signal !== null) return signal
  const number = (code ?? 0) - 128
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
  return isConfined && name !== undefined ? name : `exit code ${code}`
}
