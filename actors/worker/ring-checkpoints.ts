/** A ring's last checkpoint, in the object store: what all its workers' death does not take away. */
import type { Bus } from '../../src/bus/index.ts'
import { checkpointBucket, describe, ringCheckpointName } from '../../protocol/index.ts'

export interface RingCheckpoints {
  /** Keeps it in the place of the one before. One at a time: what comes while another is on its way is left out. */
  save(ring: string, bytes: Uint8Array): Promise<void>
  load(ring: string): Promise<Uint8Array | undefined>
}

export function createRingCheckpoints(bus: Bus, onNotice: (text: string) => void): RingCheckpoints {
  let saving = false
  return {
    save: async (ring, bytes) => {
      if (saving) return
      saving = true
      try {
        await bus.blobs.put(checkpointBucket, ringCheckpointName(ring), bytes)
      } catch (error) {
        onNotice(`a checkpoint of ${ring} is not taken: ${describe(error)}`)
      } finally {
        saving = false
      }
    },
    load: async (ring) => await bus.blobs.get(checkpointBucket, ringCheckpointName(ring)),
  }
}
