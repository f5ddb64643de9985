/**
 * A ring's last checkpoint, in the object store: it is still there when all of the ring's workers have died.
 * I1 A member that its ring has gone on without replaces no checkpoint of a later generation.
 * I2 An outage of the bus is waited for.
 */
import { describe, isProblem, type AttemptRef } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { fetchCheckpoint, storeCheckpoint } from '../store.ts'

export interface RingCheckpoints {
  /** Keeps it in the place of the one before. One at a time: what comes while another is on its way is left out, and not made. */
  save(ring: string, generation: number, make: () => Uint8Array): Promise<void>
  /** Undefined: there is none, or it is not wanted any more. */
  load(ring: string, isWanted: () => boolean): Promise<Uint8Array | undefined>
}

const retryMs = 500

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
  let saving = false
  return {
    save: async (ring, generation, make) => {
      if (saving) return
      saving = true
      try {
        await storeCheckpoint(bus, worker, of, make(), generation)
      } catch (error) {
        onNotice(`a checkpoint of ${ring} is not taken: ${describe(error)}`)
      } finally {
        saving = false
      }
    },
    load: async (ring, isWanted) => {
      for (let tries = 1; isWanted(); tries += 1) {
        try {
          return await fetchCheckpoint(bus, worker, of)
        } catch (error) {
          if (
            !isProblem(error, 'BUS_DISCONNECTED', 'BUS_TIMEOUT', 'BUS_NO_RESPONDERS', 'BUS_NO_JETSTREAM', 'STORE_BUSY')
          )
            throw error
          if (tries === 1) onNotice(`the checkpoint of ${ring} cannot be read yet: ${describe(error)}`)
          await new Promise<void>((resolve) => void clock.setTimeout(resolve, retryMs))
        }
      }
      return undefined
    },
  }
}
