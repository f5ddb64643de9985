/** What a ring's plan has unless somebody wants it otherwise. */
import type { RingPlan } from '../../protocol/index.ts'

export const ringDefaults: Pick<RingPlan, 'algorithm' | 'encoding' | 'chunkBytes' | 'window' | 'timing'> = {
  algorithm: 'ring',
  encoding: 'float32',
  // An eighth of the largest message of the server that we ship; measured beside a half and a quarter of it.
  chunkBytes: 2 ** 20,
  window: 4,
  // A killed member is found within half a second: where nobody listens, an answer comes at once, and the driver asks again itself. One that is stopped is waited for: four seconds are what a busy host may take.
  timing: { hopMinMs: 250, hopMaxMs: 2_000, silentMs: 4_000, absentMs: 200 },
}
