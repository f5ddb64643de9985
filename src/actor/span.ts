/** Spans of time that people read of: attempts, calls, traces. */
import { systemClock, type Clock } from './clock.ts'

export interface Span {
  /** By the wall clock: milliseconds since 1970-01-01T00:00Z. */
  readonly startedAt: number
  /** As much later as has passed: a wall clock that is set meanwhile makes a span neither longer nor shorter. */
  endedAt(): number
}

/** `startedAt`: where the start was stamped a moment ago, elsewhere. */
export function beginSpan(clock: Clock = systemClock, startedAt = clock.now()): Span {
  const begun = clock.elapsed()
  return { startedAt, endedAt: () => startedAt + Math.round(clock.elapsed() - begun) }
}
