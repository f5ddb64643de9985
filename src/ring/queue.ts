/**
 * Collectives of one family, one after the other, and early chunks: those of collectives that this rank has not reached yet.
 * A member is at most one collective ahead of its slowest neighbour, for none completes without a part of each. So early chunks take no
 * more memory than one vector.
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

export function createQueue<C extends Collective>(
  finishedBefore: number,
  rank: number,
  maxBytes: number,
): CollectiveQueue<C> {
  const early = new Map<string, Chunk>()
  let earlyBytes = 0
  let current: C | undefined
  let currentStep: number | undefined
  let finished = finishedBefore

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
      if (earlyBytes + chunk.data.length > maxBytes) {
        const reason = `it is at step ${chunk.step}, and more than one vector ahead of step ${currentStep ?? finished + 1}`
        throw problem('RING_MISMATCH', { rank, otherRank: chunk.from, reason })
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
