import { describe, it } from 'vitest'
import { builtinSamplers, type SamplerPlugin } from '../../src/samplers/index.ts'
import type { SearchSpace } from '../../protocol/index.ts'
import { countOf } from '../../src/space/index.ts'
import { samplerContract, type SamplerContractOptions } from 'maggy/contract'

const slow = { trials: 14, spaces: 5 }
const numbersOnly = (space: SearchSpace): SearchSpace | undefined => {
  const some = Object.values(space).some((parameter) => parameter.type !== 'categorical' && countOf(parameter) > 1)
  const conditional = Object.values(space).some(({ when }) => when !== undefined)
  return some && !conditional ? space : undefined
}

/** What each is tried with, besides its defaults. */
const variants: Readonly<Record<string, readonly SamplerContractOptions[]>> = {
  nsga2: [{}, { options: { population: 4, mutation: 0.5 } }],
  motpe: [{}, { options: { sampler: 'random' }, repeats: true }],
  sobol: [{}],
  tpe: [{}, { options: { warmup: 3, multivariate: false, randomFraction: 0.3 } }, { options: { warmup: 2 } }],
  auto: [{ trials: 16, spaces: 6 }],
  gp: [
    { options: { warmup: 6 }, ...slow },
    { options: { warmup: 6, acquisition: 'thompson', pending: 'max' }, ...slow },
    { options: { warmup: 6, acquisition: 'LCB', pending: 'min', interim: false }, ...slow },
  ],
  cmaes: [
    { adapt: numbersOnly, repeats: true },
    { adapt: numbersOnly, repeats: true, options: { restarts: 'bipop', margin: false, population: 4 } },
  ],
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
