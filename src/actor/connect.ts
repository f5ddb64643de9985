/** The first connection of an actor, which may have been started before its server. */
import { isProblem } from '../../protocol/index.ts'
import type { Bus } from '../bus/index.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './log.ts'

const waitMs = 500
/** A server that only starts: it is not there yet, or has not written its token yet. */
const awaited = ['BUS_UNREACHABLE', 'TOKEN_FILE_MISSING'] as const

/** Tries until the time is up, says so once, and gives up at once on what waiting does not mend (a wrong token, an old server). */
export async function connectPatiently(
  connect: () => Promise<Bus>,
  options: { clock: Clock; logger: Logger; timeoutMs: number; aborted: () => boolean },
): Promise<Bus> {
  const { clock, logger, timeoutMs, aborted } = options
  const deadline = clock.elapsed() + timeoutMs
  for (let tries = 1; ; tries += 1) {
    try {
      return await connect()
    } catch (error) {
      if (!isProblem(error, ...awaited) || clock.elapsed() + waitMs > deadline || aborted()) throw error
      if (tries === 1) logger.warn({ seconds: timeoutMs / 1000 }, `${error.message}; waiting for it`)
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, waitMs))
    }
  }
}
