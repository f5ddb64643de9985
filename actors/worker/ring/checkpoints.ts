/**
 * A ring's last checkpoint, in the object store: it is still there when all of the ring's workers have died.
 * I1 A member that its ring has gone on without replaces no checkpoint of a later generation.
 * I2 An outage of the bus is waited for, and so is a driver that refuses: a member whose attempt is really with another worker is told so
 *    by its ring or its driver.
 */
import { describe, type AttemptRef } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { fetchCheckpoint, isRefused, passes, storeCheckpoint } from '../store.ts'

export interface RingCheckpoints {
  /** Keeps it in the place of the one before. One at a time: what comes while another is on its way is left out, and not made. */
  save(ring: string, generation: number, make: () => Uint8Array): Promise<void>
  /** The last one: after whatever is on its way, and again until it is kept or `isWanted` says no. */
  keep(ring: string, generation: number, bytes: Uint8Array, isWanted: () => boolean): Promise<void>
  /** Undefined: there is none, or it is not wanted any more. */
  load(ring: string, isWanted: () => boolean): Promise<Uint8Array | undefined>
}

const retryMs = 500
const keepRetryMs = 100

export function createRingCheckpoints(options: {
  readonly bus: Bus
  readonly clock: Clock
  readonly worker: string
  /** The member's own. */
  readonly attempt: AttemptRef
  readonly onNotice: (text: string) => void
}): RingCheckpoints {
  const { bus, clock, worker, attempt, onNotice } = options
  const of = { attempt, ring: true }
  let saving: Promise<void> | undefined
  return {
    save: async (ring, generation, make) => {
      if (saving !== undefined) return
      const store = async (): Promise<void> => {
        try {
          await storeCheckpoint(bus, worker, of, make(), generation)
        } catch (error) {
          onNotice(`a checkpoint of ${ring} is not taken: ${describe(error)}`)
        }
      }
      saving = store()
      await saving
      saving = undefined
    },
    keep: async (ring, generation, bytes, isWanted) => {
      await saving
      while (isWanted()) {
        try {
          return await storeCheckpoint(bus, worker, of, bytes, generation)
        } catch (error) {
          onNotice(`the last checkpoint of ${ring} is not taken: ${describe(error)}`)
          if (!passes(error)) return
          await new Promise<void>((resolve) => void clock.setTimeout(resolve, keepRetryMs))
        }
      }
    },
    load: async (ring, isWanted) => {
      for (let tries = 1; isWanted(); tries += 1) {
        try {
          return await fetchCheckpoint(bus, worker, of)
        } catch (error) {
          if (!passes(error) && !isRefused(error)) throw error
          if (tries === 1) onNotice(`the checkpoint of ${ring} cannot be read yet: ${describe(error)}`)
          await new Promise<void>((resolve) => void clock.setTimeout(resolve, retryMs))
        }
      }
      return undefined
    },
  }
}
