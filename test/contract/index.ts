/**
 * The contract suites that authors of plug-ins import, and that every built-in runs through:
 *
 *     import { describe, it } from 'node:test' // or of vitest, jest, mocha
 *     import { samplerContract } from 'maggy/contract'
 *     samplerContract(mySampler, { describe, it }, { options: { … }, adapt: (space) => … })
 */
export { ablatorContract, type AblatorContractOptions } from './ablator.contract.ts'
export { optimizerContract, type OptimizerContractOptions, type StartedOptimizer } from './optimizer.contract.ts'
export { prunerContract, type PrunerContractOptions } from './pruner.contract.ts'
export type { TestRunner } from './runner.ts'
export { samplerContract, type SamplerContractOptions } from './sampler.contract.ts'
export { servedAblatorContract, servedOptimizerContract, servedPrunerContract } from './served.contract.ts'
export { schedulerContract, type SchedulerContractOptions } from './scheduler.contract.ts'
