import { spawn, type ChildProcess } from 'node:child_process'

/** A nats-server that runs. It ends when this process ends, whatever ends it. */
export interface NatsProcess {
  readonly pid: number
  /** Settles when it has ended. */
  readonly ended: Promise<ServerEnd>
  stop(): Promise<ServerEnd>
}

export interface ServerEnd {
  readonly code: number | null
  readonly signal: string | null
  /** The end of its log. */
  readonly lastLines: string
}

const logLimit = 16 * 1024
const stopMs = 10_000

/**
 * The shell becomes nats-server (exec keeps its process id), and leaves behind a watch on a pipe from here: when this process
 * dies, even by SIGKILL, the pipe ends and the watch ends the server. A process group of its own keeps Ctrl-C of the terminal
 * from it, so that we stop it, in order.
 */
const watched = '(cat <&3 >/dev/null 2>&1; kill -TERM $$ 2>/dev/null) & exec 3<&-; exec "$0" "$@"'

/** Starts the server with a configuration file; `onLine` hears its log. */
export function spawnNats(path: string, configurationFile: string, onLine: (line: string) => void): NatsProcess {
  const args = ['-c', configurationFile]
  // Its heap is small beside the gradients that pass through it: with Go's default it would be collected several times in each
  // all-reduce, which took an eighth of the time (bench -- allreduce).
  const env = { GOGC: '400', ...process.env }
  const child =
    process.platform === 'win32'
      ? spawn(path, args, { env, stdio: ['ignore', 'ignore', 'pipe', 'ignore'] })
      : spawn('/bin/sh', ['-c', watched, path, ...args], {
          env,
          stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
          detached: true,
        })
  let log = ''
  let rest = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-logLimit)
    const lines = (rest + text).split('\n')
    rest = (lines.pop() ?? '').slice(-logLimit)
    for (const line of lines) onLine(line)
  })
  const ended = new Promise<ServerEnd>((resolve) => {
    const settle = (code: number | null, signal: string | null) => {
      for (const stream of child.stdio) stream?.destroy()
      resolve({ code, signal, lastLines: log.trimEnd().split('\n').slice(-8).join('\n') })
    }
    child.once('error', (error) => {
      log += error.message
      settle(null, null)
    })
    // Not 'close': the watch holds the log's pipe open for a moment longer.
    child.once('exit', (code, signal) => setImmediate(() => settle(code, signal)))
  })
  return { pid: child.pid ?? -1, ended, stop: () => stop(child, ended) }
}

async function stop(child: ChildProcess, ended: Promise<ServerEnd>): Promise<ServerEnd> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
  try {
    return await ended
  } finally {
    clearTimeout(timer)
  }
}
