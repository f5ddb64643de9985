import { describe, it } from 'vitest'
import { builtinPruners } from '../../src/pruners/index.ts'
import { prunerContract, type PrunerContractOptions } from '../contract/pruner.contract.ts'

/** What each is tried with, besides its defaults. */
const variants: Readonly<Record<string, readonly PrunerContractOptions[]>> = {
  median: [{}, { options: { minFinished: 3, interval: 4, startupSteps: 2 } }],
  threshold: [{}, { options: { lower: -2, upper: 4.5 } }],
}

for (const plugin of builtinPruners.values()) {
  for (const variant of variants[plugin.name] ?? [{}]) {
    describe(`with ${JSON.stringify(variant.options ?? {})}`, () => {
      prunerContract(plugin, { describe, it }, variant)
    })
  }
}
