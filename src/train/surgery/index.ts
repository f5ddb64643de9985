/** Model surgery on tfjs models, sequential and functional. */
export { layerNames, layersBetween } from './graph.ts'
export { removeLayers } from './remove.ts'
