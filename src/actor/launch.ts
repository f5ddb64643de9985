/** Actors as child processes: started, known to be ready, stopped, and never left behind. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { problem, RemoteError, type Problem } from '../../protocol/index.ts'

/** Exit code, or the signal that ended it. */
interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface LaunchOptions {
  /** Added to this process's own. */
  env?: Readonly<Record<string, string>>
  /** Where its stdout and stderr go. Default: ignore (the last of stderr is kept all the same). */
  stdio?: 'inherit' | 'ignore' | 'pipe'
  onExit?: (exit: Exit) => void
  /** In a process group of its own: Ctrl-C at the terminal reaches its parent only, which then ends it in order. */
  ownGroup?: boolean
  /** For its first word. Default 60,000. */
  readyTimeoutMs?: number
  /** Ends it while it starts: nobody waits for its first word any more. */
  signal?: AbortSignal
}

export interface Child {
  readonly id: string
  /** Where people reach it, if it said so. */
  readonly address: string | undefined
  readonly pid: number
  readonly process: ChildProcess
  readonly exited: Promise<Exit>
  /** SIGTERM, and SIGKILL after the grace period (default 5,000 ms). Resolves with its exit code once it is gone. */
  stop(graceMs?: number): Promise<number | null>
  /** The last that it said on stderr, at most 8 KiB. */
  stderrTail(): string
}

const tailBytes = 8_192

/** The folder that holds package.json, from dist as well as from the sources. */
export function packageRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) throw problem('INTERNAL', { reason: 'no package.json above the code' })
  }
}

/** The compiled entry of an actor, by name: what `maggy <name>` imports and what a child process runs. */
export function actorEntry(name: string): string {
  return join(packageRoot(), 'dist', 'actors', name, 'main.js')
}

/** Starts an actor and resolves when it is ready; rejects with what it said if it ends before. */
export function spawnActor(name: string, args: readonly string[], options: LaunchOptions = {}): Promise<Child> {
  return spawnEntry(actorEntry(name), args, options)
}

/** The same for any module that ends in `runActor`. */
export async function spawnEntry(entry: string, args: readonly string[], options: LaunchOptions = {}): Promise<Child> {
  if (!existsSync(entry)) throw problem('INTERNAL', { reason: `there is no ${entry}: \`npm run build\` makes it` })
  const output = options.stdio ?? 'ignore'
  const child = spawn(runtime(), [...process.execArgv.filter(isPlain), entry, ...args], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', output, 'pipe', 'ipc'],
    detached: options.ownGroup ?? false,
  })
  let tail = Buffer.alloc(0)
  child.stderr?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-tailBytes)
    if (output === 'inherit') process.stderr.write(chunk)
  })
  const exited = new Promise<Exit>((resolve) => {
    // `close` comes once stderr has been read to its end; a child that could not be started has no exit.
    child.once('close', (code, signal) => {
      resolve({ code, signal })
    })
    child.once('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null })
    })
  })
  const stop = async (graceMs = 5_000): Promise<number | null> => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    const { code } = await exited
    clearTimeout(timer)
    return code
  }
  const stderrTail = (): string => tail.toString('utf8')
  try {
    const starting = { stderrTail, timeoutMs: options.readyTimeoutMs ?? 60_000, entry }
    const { id, address } = await Promise.race([firstWord(child, exited, starting), aborted(options.signal)])
    const { onExit } = options
    if (onExit) void exited.then(onExit)
    return { id, address, pid: child.pid ?? 0, process: child, exited, stop, stderrTail }
  } catch (error) {
    await stop(0)
    throw error
  }
}

/** Rejects when the signal aborts. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(problem('INTERNAL', { reason: 'it was told to end while it started' }))
    if (signal?.aborted === true) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Waits for `{ ready, id, address }`; rejects with the child's own problem if it sent one. */
function firstWord(
  child: ChildProcess,
  exited: Promise<Exit>,
  { stderrTail, timeoutMs, entry }: { stderrTail: () => string; timeoutMs: number; entry: string },
): Promise<{ readonly id: string; readonly address: string | undefined }> {
  return new Promise((resolve, reject) => {
    let told: Problem | undefined
    const timer = setTimeout(() => {
      reject(problem('INTERNAL', { reason: `${entry} was not ready within ${timeoutMs} ms: ${stderrTail()}` }))
    }, timeoutMs)
    child.once('error', reject)
    child.on('message', (message: { ready?: boolean; id?: string; address?: string; error?: Problem }) => {
      if (message.error) told = message.error
      if (message.ready !== true || typeof message.id !== 'string') return
      clearTimeout(timer)
      resolve({ id: message.id, address: message.address })
    })
    const ended = async (): Promise<void> => {
      const { code, signal } = await exited
      clearTimeout(timer)
      const reason = `${entry} ended (${signal ?? String(code)}) before it was ready: ${stderrTail()}`
      reject(told ? new RemoteError(told) : problem('INTERNAL', { reason }))
    }
    void ended()
  })
}

/** Actors run on Node, also those of a client that runs on Deno: tfjs-node is Node's. */
const runtime = (): string => ('Deno' in globalThis ? 'node' : process.execPath)

/** Debugger flags are not for children: they would fight for one port. */
function isPlain(flag: string): boolean {
  return !flag.startsWith('--inspect')
}
