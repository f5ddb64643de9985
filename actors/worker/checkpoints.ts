/** A ring's last checkpoint, in the object store: what all its workers' death does not take away. */
import type { Bus } from '../../src/bus/index.ts'
import { checkpointBucket, describe } from '../../protocol/index.ts'

export interface Checkpoints {
  /** Keeps it in the place of the one before. One at a time: what comes while another is on its way is left out. */
  save(ring: string, bytes: Uint8Array): Promise<void>
  load(ring: string): Promise<Uint8Array | undefined>
}

export function createCheckpoints(bus: Bus, onNotice: (text: string) => void): Checkpoints {
  let saving = false
  return {
    save: async (ring, bytes) => {
      if (saving) return
      saving = true
      try {
        await bus.blobs.put(checkpointBucket, ring, bytes)
      } catch (error) {
        onNotice(`a checkpoint of ${ring} is not taken: ${describe(error)}`)
      } finally {
        saving = false
      }
    },
    load: async (ring) => await bus.blobs.get(checkpointBucket, ring),
  }
}
