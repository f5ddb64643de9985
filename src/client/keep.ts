/** Restarts a process that ends unasked, and gives up one that keeps ending. */
import { describe, problem, RemoteError } from '../../protocol/index.ts'
import { systemClock } from '../actor/index.ts'
import { pause } from './submit.ts'

/** Before the second start again, and longer before each further one; the first is at once. */
const restartMs = 500
const windowMs = 60_000
const maximumEnds = 4

/**
 * `live` starts it and resolves with why it ended. Resolves once `stopping` has aborted; rejects with ACTOR_FAILED. The first start
 * decides: what cannot be started, and says why, fails with its own words.
 */
export async function keep(
  actor: string,
  live: (first: boolean) => Promise<string>,
  stopping: AbortSignal,
): Promise<void> {
  const ends: number[] = []
  for (let first = true; !stopping.aborted; first = false) {
    let reason: string
    try {
      reason = await live(first)
    } catch (error) {
      // One that was killed before it was ready has said nothing: that is an end like any other.
      if (first && error instanceof RemoteError) throw error
      reason = describe(error)
    }
    if (stopping.aborted) return
    const now = performance.now()
    ends.push(now)
    while (ends[0] !== undefined && ends[0] < now - windowMs) ends.shift()
    if (ends.length >= maximumEnds) throw problem('ACTOR_FAILED', { actor, times: ends.length, reason })
    await pause(restartMs * (ends.length - 1), systemClock, stopping).catch(() => {}) // stopped meanwhile: the loop ends
  }
}
