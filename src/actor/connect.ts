/** The first connection of an actor, which may have been started before its server. */
import { codeOf } from '../../protocol/index.ts'
import type { Bus } from '../bus/index.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './log.ts'

const waitMs = 500

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
      if (codeOf(error) !== 'BUS_UNREACHABLE' || clock.elapsed() + waitMs > deadline || aborted()) throw error
      if (tries === 1) logger.warn({ seconds: timeoutMs / 1000 }, `${(error as Error).message}; waiting for it`)
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, waitMs))
    }
  }
}
