/** Explains a search: how much each parameter matters, what the sampler has learned, and where to search next. */
export { explain, type Explanation } from './explanation.ts'
export { importanceOf, importances } from './importance.ts'
export { fewestForNextSpace, nextSpace, rankedHparams } from './next-space.ts'
