/** Rings: which rank sends which part to which rank (plan), how (encoding, reduce), over the bus (ring), and after a loss (recovery). */
export { agreeOnManifest } from './agree.ts'
export { ringDefaults } from './defaults.ts'
export type { RingFault, RingOutcome } from './fault.ts'
export { createManifest, requireSameVariables, variableAt, type Manifest, type VariableSpec } from './manifest.ts'
export {
  chunkAt,
  chunkCount,
  chunkElementsFor,
  hops,
  segmentAt,
  segmentOwned,
  segmentReceived,
  segmentSent,
  successorOf,
} from './plan.ts'
export { membershipOf } from './membership.ts'
export { createPauses } from './pauses.ts'
export { createRecord, type CollectiveRecord } from './record.ts'
export { recover } from './recover.ts'
export { decideRecovery } from './recovery.ts'
export { createRing, type Reduced, type Ring } from './ring.ts'
export { isPass, passOf } from './seal.ts'
export { createRoundTrip } from './round-trip.ts'
export { sharedVector } from './workspace.ts'
