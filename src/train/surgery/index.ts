/** Model surgery on tfjs models, sequential and functional. */
export { examine, type Finding } from './examine.ts'
export { layerNames, layersBetween } from './graph.ts'
export { graphOf } from './layers-graph.ts'
export { isCounted, placesIn, refText } from './places.ts'
export { removeLayers, takeOut } from './remove.ts'
export { watchWeights } from './weights.ts'
