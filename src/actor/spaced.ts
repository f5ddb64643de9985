import type { Clock } from './clock.ts'

export interface Spaced {
  /** At the end of this turn, or once the last time was `gapMs` ago. For however many want it until then, it is done once. */
  want(gapMs: number): void
  /** It is done no more. */
  end(): void
}

/** Work that many things call for, and that is done once for all that happen within a short time. */
export function spaced(clock: Clock, work: () => void): Spaced {
  let doneAt = -Infinity
  let due = false
  let ended = false
  const run = (): void => {
    due = false
    if (ended) return
    doneAt = clock.elapsed()
    work()
  }
  return {
    want(gapMs) {
      if (due || ended) return
      due = true
      const waitMs = doneAt + gapMs - clock.elapsed()
      if (waitMs <= 0) queueMicrotask(run)
      else clock.setTimeout(run, waitMs)
    },
    end() {
      ended = true
    },
  }
}
