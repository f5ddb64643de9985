/** What a ring's plan has unless somebody wants it otherwise. */
import type { RingPlan } from '../../protocol/index.ts'

export const ringDefaults: Pick<RingPlan, 'algorithm' | 'encoding' | 'chunkBytes' | 'window' | 'timing'> = {
  algorithm: 'ring',
  encoding: 'float32',
  // Less than a third of the largest message of the server that we ship: with smaller ones, what each costs shows (bench -- allreduce).
  chunkBytes: 2_500_000,
  window: 4,
  // What is killed is reported after 0.2 s in which nobody listened for it. What is stopped answers nothing and is indistinguishable
  // from a busy host: it is reported after 4 s, and out when it has not answered the driver for as long again (actors/driver/rings/ring.ts).
  timing: { hopMinMs: 250, hopMaxMs: 2_000, silentMs: 4_000, absentMs: 200 },
}
