/** Artifacts of trials: a model's bytes, and files. */
export { filesOf, refuseExisting, writeArtifactFile } from './files.ts'
export { modelHead, modelJson, partsOfModel, splitModel, type ModelParts } from './model.ts'
