/**
 * Experiments that are run beside this process, each by a `maggy run` of its own: user code, and what it prints, stays out of this one.
 * I1 With a server they are handed over, and go on when this process has ended. With an embedded bus they end with it, and can be resumed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { RemoteError, type Problem } from '../../protocol/index.ts'
import type { Order } from '../mcp/index.ts'
import { isServed, type BusOptions } from './looking.ts'

/** After SIGTERM trials get their grace (by default 5 s), and the processes beside them a moment. */
const graceMs = 30_000
const kept = 4_000

export class Background {
  readonly #options: BusOptions
  readonly #running = new Set<ChildProcess>()

  constructor(options: BusOptions) {
    this.#options = options
  }

  /** Resolves with the experiment's id once it is accepted; rejects with what `maggy run` says. */
  async start({ module, context, set, workers }: Order): Promise<string> {
    const { server, token, data } = this.#options
    const argv = [
      ...process.execArgv,
      process.argv[1] ?? '',
      'run',
      '--json',
      ...(isServed(this.#options) ? ['--detach'] : []),
      ...set.flatMap((setting) => ['--set', setting]),
      ...(workers === undefined ? [] : ['--workers', String(workers)]),
      ...(server === undefined ? [] : ['--server', server]),
      ...(data === undefined ? [] : ['--data', data]),
      '--',
      module,
      context,
    ]
    const env = token === undefined ? process.env : { ...process.env, MAGGY_TOKEN: token }
    const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#running.add(child)
    child.once('close', () => this.#running.delete(child))
    return await accepted(child)
  }

  /** I1 */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#running].map(async (child) => {
        const closed = once(child, 'close')
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
        await closed
        clearTimeout(timer)
      }),
    )
  }
}

/** Reads all that it says, to its end: a pipe that is full would hold it up. */
function accepted(
  child: ChildProcess & { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream },
) {
  return new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-kept)
    })
    let fault: Problem | undefined
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { event, experiment, error } = lineIn(line)
      if (event === 'experiment' && typeof experiment === 'string') resolve(experiment)
      if (event === 'error' && error !== undefined) fault = error
    })
    child.once('error', reject)
    child.once('close', (code) => {
      reject(new RemoteError(fault ?? { code: 'INTERNAL', message: `maggy run ended with ${code}: ${said}` }))
    })
  })
}

function lineIn(line: string): { readonly event?: unknown; readonly experiment?: unknown; readonly error?: Problem } {
  try {
    return JSON.parse(line) as object
  } catch {
    // Text that a module prints while it is loaded.
    return {}
  }
}
