/** The data of a training by several: how they are drawn, read, cut and compared. */
export { createAgreement, type Agreement } from './agreement.ts'
export { createCutRows, type RowsCopy } from './cut-rows.ts'
export { cutDataset, wholeDataset } from './cut-dataset.ts'
export { isTensor } from './kinds.ts'
export { layoutOf, type Layout, type Leaf, type Node } from './layout.ts'
export { deriveElsewhere, notesOn } from './notes.ts'
export { createSeededRandomness, holdRandomness } from './seeded-randomness.ts'
export { sketchOf } from './sketch.ts'
