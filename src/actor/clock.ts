/**
 * Time as an argument, with two readings: a wall clock may be set back or forth at any moment, so it stamps what people read, and
 * nothing else; ages and time-outs are measured by the other. Its test twin is in test/support/clock.ts.
 */
export interface Clock {
  /** For stamps: milliseconds since 1970-01-01T00:00Z. */
  now(): number
  /** For ages: milliseconds since some moment of this process. Never steps back. */
  elapsed(): number
  setTimeout(fn: () => void, ms: number): unknown
  clearTimeout(id: unknown): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => {
    clearTimeout(id as NodeJS.Timeout)
  },
}
