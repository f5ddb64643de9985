/**
 * Collectives of one family, one after the other, and early chunks: those of collectives that this rank has not reached yet.
 * I1 Early chunks take no more memory than `maxBytes`, or than one chunk: any further one is refused (RING_EARLY), and its sender keeps it.
 * I2 A member is at most one reduction ahead of its slowest neighbour, for none completes without a part of each. A root of broadcasts may
 *    be further ahead.
 */
import { problem, type Chunk } from '../../protocol/index.ts'
import type { Collective } from './collective.ts'

export interface CollectiveQueue<C extends Collective> {
  readonly current: C | undefined
  readonly currentStep: number | undefined
  /** The last step that is over; -1: none. */
  readonly finished: number
  /** Begins a collective, with the chunks that came early for it. */
  open(step: number, collective: C): void
  take(chunk: Chunk): void
  close(): void
}

export function createQueue<C extends Collective>(options: {
  /** The last step that was over before; -1: none. */
  readonly finished: number
  /** This member's. */
  readonly rank: number
  readonly maxBytes: number
  /** Whether I2 holds for this family. */
  readonly lockstep: boolean
}): CollectiveQueue<C> {
  const { rank, maxBytes, lockstep } = options
  const early = new Map<string, Chunk>()
  let earlyBytes = 0
  let current: C | undefined
  let currentStep: number | undefined
  let { finished } = options

  return {
    get current() {
      return current
    },
    get currentStep() {
      return currentStep
    },
    get finished() {
      return finished
    },
    open(step, collective) {
      if (current !== undefined || step <= finished) {
        throw problem('INTERNAL', { reason: `step ${step} of a ring after step ${currentStep ?? finished}` })
      }
      current = collective
      currentStep = step
      collective.begin()
      const came = [...early]
      for (const [key, chunk] of came) {
        if (chunk.step > step) continue
        early.delete(key)
        earlyBytes -= chunk.data.length
        if (chunk.step === step) collective.take(chunk)
      }
    },
    take(chunk) {
      if (chunk.step <= finished) return
      if (current !== undefined && chunk.step === currentStep) {
        current.take(chunk)
        return
      }
      const key = `${chunk.step}/${chunk.phase}/${chunk.hop}/${chunk.from}/${chunk.index}`
      if (early.has(key)) return
      const [one] = early.values()
      if (lockstep && one !== undefined && one.step !== chunk.step) {
        const reason = `it is at step ${chunk.step}, and rank ${one.from} at step ${one.step}`
        throw problem('RING_MISMATCH', { rank, otherRank: chunk.from, reason })
      }
      // I1
      if (one !== undefined && earlyBytes + chunk.data.length > maxBytes) {
        throw problem('RING_EARLY', { rank, step: chunk.step })
      }
      early.set(key, chunk)
      earlyBytes += chunk.data.length
    },
    close() {
      finished = currentStep ?? finished
      current = undefined
      currentStep = undefined
    },
  }
}
