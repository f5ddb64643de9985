import { describe, it } from 'vitest'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { schedulerContract, type SchedulerContractOptions } from 'maggy/contract'

/** What each is tried with. */
const variants: Readonly<Record<string, readonly SchedulerContractOptions[]>> = {
  asha: [{}, { options: { reductionFactor: 3, maxBudget: 27 } }],
  hyperband: [{ options: { maxBudget: 9 } }, { options: { maxBudget: 16, reductionFactor: 2, iterations: 1 } }],
  bohb: [{ options: { maxBudget: 9 } }, { options: { maxBudget: 9, sampler: 'random' } }],
  pbt: [{ options: { population: 4 } }, { options: { population: 6, interval: 2, maxBudget: 8, quantile: 0.5 } }],
}

for (const plugin of builtinSchedulers.values()) {
  for (const variant of variants[plugin.name] ?? [{}]) {
    describe(`with ${JSON.stringify(variant.options ?? {})}`, () => {
      schedulerContract(plugin, { describe, it }, variant)
    })
  }
}
