/**
 * How long to wait before the next try to connect: exponential, with full jitter. Thousands that have lost one server at the same moment
 * come back spread over the time in which it starts, and not all at once each time.
 * Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("Full Jitter").
 */

export interface BackoffTimes {
  /** The first wait is below this, each further one below twice as much, in ms. */
  readonly firstMs: number
  /** No wait is longer. */
  readonly longestMs: number
}

/** Of a connection that was there before. */
export const reconnecting: BackoffTimes = { firstMs: 250, longestMs: 30_000 }

/** The wait after so many tries in vain, counted from 0. `random` is in [0, 1). */
export function jittered(tries: number, { firstMs, longestMs }: BackoffTimes, random: () => number): number {
  return random() * Math.min(longestMs, firstMs * 2 ** Math.min(tries, 30))
}

/** Not asked for so long: the connection was up meanwhile. Longer than the longest wait and a try that times out together. */
const forgetMs = 45_000

/**
 * So long ago the last try always was. The client reckons by the wall clock, and one that was set back by an hour since that try would keep
 * it away for an hour.
 */
const overdue = -Infinity

/**
 * For a client that asks before each look at a server how long ago its last try must be, and asks again when it has waited: each wait is
 * drawn once, and is over when it was waited for.
 */
export function reconnectWait(
  random: () => number = Math.random,
  now: () => number = () => performance.now(),
): () => number {
  let tries = 0
  let askedAt = -Infinity
  let due: number | undefined
  let waitMs = 0
  return () => {
    const at = now()
    if (at - askedAt > forgetMs) {
      tries = 0
      due = undefined
    }
    askedAt = at
    if (due === undefined) {
      waitMs = jittered(tries, reconnecting, random)
      due = at + waitMs
      return waitMs
    }
    // Timers are exact to a millisecond.
    if (at + 1 < due) return waitMs
    due = undefined
    tries += 1
    return overdue
  }
}
