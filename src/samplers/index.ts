/** Samplers, by name. */
import { gridSampler } from './grid.ts'
import { motpeSampler } from './motpe.ts'
import { nsga2Sampler } from './nsga2.ts'
import { randomSampler } from './random.ts'
import type { SamplerPlugin } from './sampler.ts'

export type { Question, Sampler, SamplerPlugin } from './sampler.ts'

/** Those that `maggy optimizer` answers for. */
export const builtinSamplers: ReadonlyMap<string, SamplerPlugin> = new Map(
  [randomSampler, gridSampler, nsga2Sampler, motpeSampler(() => builtinSamplers)].map((plugin) => [
    plugin.name,
    plugin,
  ]),
)
