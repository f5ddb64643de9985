/** Optimizers that are asked on the side, and how they compare. */
export { compareShadows, distance, spearman, type ShadowComparison } from './comparison.ts'
