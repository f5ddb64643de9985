/** Where user code runs: the tfjs backend, the reporter, one training. The only room that imports tfjs. */
export { loadBackend, tfjsHere, type Backend, type Tf } from './backend.ts'
export type { CheckpointStore } from './checkpoint.ts'
export type { ArtifactSource, ArtifactStore } from './artifact.ts'
export { modelFrom } from './packed-model.ts'
export { createDistribution, type Distribution } from './distributed.ts'
export { EarlyStop } from './early-stop.ts'
export { explore } from './explore.ts'
export { isHost, provideHost } from './host.ts'
export { isModel } from './generators.ts'
export { createRelease } from './release.ts'
export type { ReporterHandle } from './reporter.ts'
export { createRingMemory, tellMain, type FromRing, type Place, type RingLine, type ToRing } from './ring-link.ts'
export {
  examine,
  type Finding,
  graphOf,
  isCounted,
  layerNames,
  layersBetween,
  placesIn,
  removeLayers,
} from './surgery/index.ts'
export { settled } from './settled.ts'
export { runTraining, type TrainingOutcome } from './training.ts'
