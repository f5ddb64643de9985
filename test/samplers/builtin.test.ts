import { describe, it } from 'vitest'
import { builtinSamplers, type SamplerPlugin } from '../../src/samplers/index.ts'
import { samplerContract, type SamplerContractOptions } from '../contract/sampler.contract.ts'

/** What each is tried with, besides its defaults. */
const variants: Readonly<Record<string, readonly SamplerContractOptions[]>> = {
  nsga2: [{}, { options: { population: 4, mutation: 0.5 } }],
  motpe: [{ options: { sampler: 'random' } }],
  grid: [{ options: { levels: 3 } }, { options: { levels: 4, order: 'shuffled' } }],
}

for (const plugin of builtinSamplers.values()) {
  for (const variant of variants[plugin.name] ?? [{}]) {
    const named: SamplerPlugin = plugin
    describe(`with ${JSON.stringify(variant.options ?? {})}`, () => {
      samplerContract(named, { describe, it }, variant)
    })
  }
}
