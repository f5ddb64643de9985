/** A member's word every second: how far it is, and what it waits for. */
import type { Clock } from '../../../src/actor/index.ts'
import { tell, type Bus } from '../../../src/bus/index.ts'
import type { Ring } from '../../../src/ring/index.ts'
import { ringProgress } from '../../../protocol/index.ts'

export interface Progress {
  /** The training asks for a collective. */
  asked(): void
  /** It has got it, of a gradient step with so many samples of this member up to and with it. */
  answered(at: { readonly step: number; readonly samples: number }): void
  stop(): void
}

const everyMs = 1_000

export function createProgress(options: {
  readonly bus: Bus
  readonly clock: Clock
  readonly me: { readonly worker: string; readonly ring: string }
  /** The ring that works now. */
  readonly ring: () => Ring | undefined
}): Progress {
  const { bus, clock, me } = options
  /** Reports and averages between two gradient steps are part of the step. */
  const sinceTold = { steps: 0, waitedMs: 0, at: clock.elapsed() }
  let step = -1
  let samples = 0
  /** Null: it waits for nothing. */
  let askedAt: number | null = null
  /** The ring's counters at the last word. */
  let counted: { readonly ring: Ring; readonly ms: number } | undefined

  function speak(): void {
    const ring = options.ring()
    if (ring !== undefined) {
      const now = clock.elapsed()
      if (askedAt !== null) {
        sinceTold.waitedMs += now - askedAt
        askedAt = now
      }
      const { plan, predecessorMs } = ring
      const steps = Math.max(1, sinceTold.steps)
      tell(bus, ringProgress, me, {
        generation: plan.generation,
        rank: plan.rank,
        finished: step,
        samples,
        stepMs: (now - sinceTold.at) / steps,
        waitMs: sinceTold.waitedMs / steps,
        predecessorMs: (predecessorMs - (counted?.ring === ring ? counted.ms : 0)) / steps,
      })
      counted = { ring, ms: predecessorMs }
      Object.assign(sinceTold, { steps: 0, waitedMs: 0, at: now })
    }
    timer = clock.setTimeout(speak, everyMs)
  }
  let timer = clock.setTimeout(speak, everyMs)

  return {
    asked: () => {
      askedAt = clock.elapsed()
    },
    answered: (at) => {
      if (at.step > step) sinceTold.steps += 1
      step = at.step
      samples = at.samples
      if (askedAt !== null) sinceTold.waitedMs += clock.elapsed() - askedAt
      askedAt = null
    },
    stop: () => {
      clock.clearTimeout(timer)
    },
  }
}
