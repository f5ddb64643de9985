/** The defaults of a ring's plan. */
import type { RingPlan } from '../../protocol/index.ts'

export const ringDefaults: Pick<RingPlan, 'algorithm' | 'encoding' | 'chunkBytes' | 'window' | 'timing'> = {
  algorithm: 'ring',
  encoding: 'float32',
  // Less than a third of the largest message of the server that we ship. With smaller chunks, the cost of each message shows
  // (bench -- allreduce).
  chunkBytes: 2_500_000,
  window: 4,
  // A killed member is reported after 0.2 s without a listener. A suspended one answers nothing and cannot be told from a busy host: it is
  // reported after 4 s, and dropped when it has not answered the driver for as long again (actors/driver/rings/ring.ts).
  timing: { hopMinMs: 250, hopMaxMs: 2_000, silentMs: 4_000, absentMs: 200 },
}
