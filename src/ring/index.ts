/** Rings: who sends what to whom (plan), how (encoding, reduce), over the bus (ring), and after a loss (recovery). */
export { agreeOnManifest } from './agree.ts'
export { ringDefaults } from './defaults.ts'
export { decodeInto, encodings, type Encoding, type EncodingName } from './encoding.ts'
export type { RingDone, RingFault, RingOutcome } from './fault.ts'
export {
  createManifest,
  requireSameVariables,
  variableAt,
  type Manifest,
  type ManifestEntry,
  type VariableSpec,
} from './manifest.ts'
export {
  chunkAt,
  chunkCount,
  hops,
  predecessorOf,
  segmentAt,
  segmentOwned,
  segmentReceived,
  segmentSent,
  successorOf,
  type Phase,
  type Range,
} from './plan.ts'
export { recover, type Recovered } from './recover.ts'
export { decideRecovery, type Recovery } from './recovery.ts'
export { createRing, type Reduced, type Ring, type RingOptions } from './ring.ts'
export { createRoundTrip, type RoundTrip } from './round-trip.ts'
