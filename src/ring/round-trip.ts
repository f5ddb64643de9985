/** How long to wait for an answer, from the round trips there were: RFC 6298, with its constants; bounds are the ring's. */
export interface RoundTrip {
  /** Milliseconds to wait for the next answer. */
  readonly patienceMs: number
  /** Of a question that was asked once only: an answer to a repeated one does not say which it answers (Karn's algorithm). */
  measured(ms: number): void
  /** No answer came: twice as long the next time, until one is measured. */
  expired(): void
}

export function createRoundTrip({ minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): RoundTrip {
  let smoothed: number | undefined
  let variation = 0
  const bounded = (ms: number): number => Math.min(maxMs, Math.max(minMs, ms))
  // Before anything is measured a second, as in (2.1).
  let patienceMs = bounded(1_000)
  return {
    get patienceMs() {
      return patienceMs
    },
    measured(ms) {
      if (smoothed === undefined) {
        smoothed = ms
        variation = ms / 2
      } else {
        variation = 0.75 * variation + 0.25 * Math.abs(smoothed - ms)
        smoothed = 0.875 * smoothed + 0.125 * ms
      }
      patienceMs = bounded(smoothed + 4 * variation)
    },
    expired() {
      patienceMs = bounded(2 * patienceMs)
    },
  }
}
