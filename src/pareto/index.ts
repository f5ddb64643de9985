/** Several objectives at once: what beats what, in losses (less is better in each). */
export { bestFirst, lossesOf, lossOf } from './losses.ts'
export { crowdingDistance, dominates, nonDominatedSort, undominated } from './sort.ts'
