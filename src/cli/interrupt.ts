/** Ends a command early: the first Ctrl-C asks for an orderly end, the second ends at once; so does output that nobody reads. */
import { exitCodes, tolerateClosedPipes } from '../actor/index.ts'

const signals = ['SIGINT', 'SIGTERM'] as const
let unread: (() => void) | undefined

/** A command whose output nobody reads any more ends without a word: in order where it is interruptible, at once where it only prints. */
export function endWhenUnread(): void {
  tolerateClosedPipes(() => {
    if (unread === undefined) process.exit(exitCodes.unread)
    unread()
  })
}

/** Runs the work with a signal that aborts at the first SIGINT or SIGTERM, and when nobody reads the output any more. */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController()
  let code: number = exitCodes.interrupted
  const interrupted = () => {
    if (controller.signal.aborted) process.exit(code) // what we started ends with us
    process.stderr.write('stopping; once more to end at once\n')
    controller.abort(new Error('interrupted'))
  }
  unread = () => {
    code = exitCodes.unread
    controller.abort(new Error('nobody reads the output'))
  }
  for (const name of signals) process.on(name, interrupted)
  try {
    const done = await work(controller.signal)
    return controller.signal.aborted ? code : done
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) return code
    throw error
  } finally {
    unread = undefined
    for (const name of signals) process.off(name, interrupted)
  }
}
