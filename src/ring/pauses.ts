/** Pauses that end with their owner. */
import type { Clock } from '../actor/index.ts'

export interface Pauses {
  /** Resolves after this time, or never if `end` comes first. */
  readonly pause: (ms: number) => Promise<void>
  /** Those under way never end. */
  end(): void
}

export function createPauses(clock: Clock): Pauses {
  const timers = new Set<unknown>()
  return {
    pause: (ms) =>
      new Promise((resolve) => {
        const timer = clock.setTimeout(() => {
          timers.delete(timer)
          resolve()
        }, ms)
        timers.add(timer)
      }),
    end() {
      for (const timer of timers) clock.clearTimeout(timer)
      timers.clear()
    },
  }
}
