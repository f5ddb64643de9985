/** Ctrl-C: the first asks for an orderly end, the second ends at once. */
import { exitCodes } from '../actor/index.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

/** Runs the work with a signal that aborts at the first SIGINT or SIGTERM. */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController()
  const interrupted = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted) // what we started ends with us
    process.stderr.write('stopping; once more to end at once\n')
    controller.abort(new Error('interrupted'))
  }
  for (const name of signals) process.on(name, interrupted)
  try {
    return await work(controller.signal)
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) return exitCodes.interrupted
    throw error
  } finally {
    for (const name of signals) process.off(name, interrupted)
  }
}
