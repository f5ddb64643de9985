import { describe, it } from 'vitest'
import { builtinPruners } from '../../src/pruners/index.ts'
import { prunerContract, type PrunerContractOptions } from 'maggy/contract'

/** What each is tried with, besides its defaults. */
const variants: Readonly<Record<string, readonly PrunerContractOptions[]>> = {
  median: [{}, { options: { minFinished: 3, interval: 4, startupSteps: 2 } }, { options: { against: 'value' } }],
  percentile: [{}, { options: { percentile: 50, minFinished: 3, interval: 2 } }],
  'successive-halving': [{}, { options: { minStep: 2, reductionFactor: 2, bootstrap: 3 } }],
  hyperband: [{}, { options: { minStep: 1, maxStep: 27 } }],
  patience: [{}, { options: { patience: 3, minDelta: 0.5 } }],
  wilcoxon: [{}, { options: { threshold: 0.3, startupSteps: 5 } }],
  auto: [{}, { options: { minFinished: 5, rate: 3 } }],
  threshold: [{}, { options: { lower: -2, upper: 4.5 } }],
}

for (const plugin of builtinPruners.values()) {
  for (const variant of variants[plugin.name] ?? [{}]) {
    describe(`with ${JSON.stringify(variant.options ?? {})}`, () => {
      prunerContract(plugin, { describe, it }, variant)
    })
  }
}
