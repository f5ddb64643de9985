/** An actor that the suite starts itself, so that it can kill it with SIGKILL and start it again. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { problem } from '../../protocol/index.ts'

export interface StartedActor {
  /** kill -9, and started again: resolves when it answers. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** How long an actor may take until it answers, in ms. */
const readyMs = 60_000
const lookMs = 50

/**
 * Runs the command in a shell, with MAGGY_SERVER (and MAGGY_TOKEN, where there is one) set. What it prints goes to stderr. Rejects with
 * OPTION_INVALID when it ends, or does not answer in time.
 */
export async function startActor(
  command: string,
  server: { readonly url: string; readonly token: string | undefined },
  answers: () => Promise<boolean>,
): Promise<StartedActor> {
  const token = server.token === undefined ? {} : { MAGGY_TOKEN: server.token }
  const env = { ...process.env, MAGGY_SERVER: server.url, ...token }
  let child: ChildProcess | undefined

  const start = async (): Promise<void> => {
    // A group of its own, for the shell may have started others.
    const started = spawn(command, { shell: true, detached: true, env, stdio: ['ignore', 2, 2] })
    child = started
    const until = performance.now() + readyMs
    while (!(await answers())) {
      const failed = (reason: string) => problem('OPTION_INVALID', { option: '--start', reason })
      if (started.exitCode !== null) throw failed(`it ended with ${started.exitCode}`)
      if (performance.now() > until) {
        await end('SIGKILL')
        throw failed(`it answers nothing after ${readyMs / 1000} s`)
      }
      await delay(lookMs)
    }
  }
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    process.kill(-child.pid, signal)
    await gone
  }
  await start()
  return {
    async restart() {
      await end('SIGKILL')
      await start()
    },
    async stop() {
      const late = setTimeout(() => void end('SIGKILL'), 5000)
      await end('SIGTERM')
      clearTimeout(late)
    },
  }
}
