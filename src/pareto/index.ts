/** Several objectives at once: which trials beat which, by losses (less is better in each). */
export { bestFirst, lossesOf, lossOf, violationOf } from './losses.ts'
export { crowdingDistance, dominates, nonDominatedSort, undominated } from './sort.ts'
