/**
 * How long a member's predecessor alone has kept it waiting. The first chunk of a reduction needs no other member's data, so a ring's
 * straggler is the one whose successor waits long for it.
 */
import type { Chunk } from '../../protocol/index.ts'
import type { Clock } from '../actor/index.ts'

export interface PredecessorWait {
  /** Over all reductions so far. */
  readonly ms: number
  /** A reduction begins here. */
  begin(): void
  /** `reducing`: the step of the reduction that is under way here. */
  heard(chunk: Chunk, reducing: number | undefined): void
}

export function createPredecessorWait(clock: Clock, predecessor: number): PredecessorWait {
  let ms = 0
  let since = 0
  /** The last reduction in which it was heard. */
  let heardAt = -1
  return {
    get ms() {
      return ms
    },
    begin: () => {
      since = clock.elapsed()
    },
    heard: ({ phase, from, step }, reducing) => {
      if (phase !== 'reduce' || from !== predecessor || step <= heardAt) return
      heardAt = step
      if (reducing === step) ms += clock.elapsed() - since
    },
  }
}
