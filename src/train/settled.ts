/** Work that nothing can wake any more is known to Node's event loop: it has nothing left to do, and says so by `beforeExit`. */
import { problem } from '../../protocol/index.ts'

/**
 * Waits for `work`; rejects with NEVER_SETTLED when the event loop of this process is empty and `work` is still pending, for then
 * no timer, file, socket or thread is left that could settle it. `what` names what never settled. `mayWake`: whether somebody outside
 * of this process may still settle it.
 */
export async function settled<T>(
  work: Promise<T>,
  what: () => string,
  mayWake: () => boolean = () => false,
): Promise<T> {
  let empty: () => void = () => undefined
  const never = new Promise<never>((_, reject) => {
    empty = () => {
      if (!mayWake()) reject(problem('NEVER_SETTLED', { what: what() }))
    }
  })
  process.on('beforeExit', empty)
  try {
    return await Promise.race([work, never])
  } finally {
    process.off('beforeExit', empty)
  }
}
