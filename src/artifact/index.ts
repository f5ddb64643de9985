/** What trials save for people: a model's bytes, and artifacts as files. */
export { filesOf, refuseExisting, writeArtifactFile } from './files.ts'
export { modelHead, modelJson, partsOfModel, splitModel, type ModelParts } from './model.ts'
