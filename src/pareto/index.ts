/** Several objectives at once: which trials beat which, by losses (less is better in each). */
export { hypervolume } from './hypervolume.ts'
export { brokenBy, limitsFrom, limitsOf, limitText, violationOf, withLimits } from './limits.ts'
export { bestFirst, keepingFirst, lossesOf, lossOf } from './losses.ts'
export { crowdingDistance, dominates, nonDominatedSort, undominated } from './sort.ts'
export { volumeFirst } from './volume-first.ts'
