/** What trials report while they run, and what a pruner says of it. */
export { Pruning, type PruningDecision } from './judgement.ts'
