/** Reports of running trials, and the pruner's judgement of them. */
export { Pruning, type PruningDecision } from './judgement.ts'
