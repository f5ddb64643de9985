/** Waits for an outage of the bus to end while an actor starts, as the actor does later. */
import { isProblem } from '../../protocol/index.ts'
import type { Clock } from './clock.ts'

const retryMs = 500
const passing = [
  'BUS_TIMEOUT',
  'BUS_DISCONNECTED',
  'BUS_NO_RESPONDERS',
  'BUS_NO_LEADER',
  'BUS_TOO_FEW_SERVERS',
] as const

/** Does the work; when that fails because the bus is away, says so once, and tries again until it is back. */
export async function patiently(
  { clock, logger }: { readonly clock: Clock; readonly logger: { warn(details: object, text: string): void } },
  work: () => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isProblem(error, ...passing)) throw error
      if (tries === 1) logger.warn({ code: error.code }, `${error.message}; waiting for it`)
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, retryMs))
    }
  }
}
