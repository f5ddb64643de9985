/** The contract suites that authors of plug-ins import: `import { samplerContract } from 'maggy/contract'`. */
export { ablatorContract, type AblatorContractOptions } from './ablator.contract.ts'
export { optimizerContract, type StartedOptimizer } from './optimizer.contract.ts'
export { prunerContract, type PrunerContractOptions } from './pruner.contract.ts'
export type { TestRunner } from './runner.ts'
export { samplerContract, type SamplerContractOptions } from './sampler.contract.ts'
export { schedulerContract, type SchedulerContractOptions } from './scheduler.contract.ts'
