/** Waits for an outage of the bus to end while an actor starts, as the actor does later. */
import { isProblem } from '../../protocol/index.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './log.ts'

const retryMs = 500

/** Does the work; when that fails because the bus is away, says so once, and tries again until it is back. */
export async function patiently(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  work: () => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isProblem(error, 'BUS_TIMEOUT', 'BUS_DISCONNECTED', 'BUS_NO_RESPONDERS')) throw error
      if (tries === 1) logger.warn({ code: error.code }, `${error.message}; waiting for it`)
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, retryMs))
    }
  }
}
