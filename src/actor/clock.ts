/** Time as an argument. xstate's SimulatedClock is its test twin. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z. */
  now(): number
  setTimeout(fn: () => void, ms: number): unknown
  clearTimeout(id: unknown): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => {
    clearTimeout(id as NodeJS.Timeout)
  },
}
