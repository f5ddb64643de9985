/** Samplers, by name. */
import { autoSampler } from './auto.ts'
import { cmaesSampler } from './cmaes/cmaes.ts'
import { filling } from './filling.ts'
import { gpSampler } from './gp/gp.ts'
import { gridSampler } from './grid.ts'
import { motpeSampler } from './motpe.ts'
import { nsga2Sampler } from './nsga2.ts'
import { randomSampler } from './random.ts'
import type { SamplerPlugin } from './sampler.ts'
import { sobolSampler } from './sobol.ts'
import { tpeSampler } from './tpe.ts'

export { samplerNamed } from './base.ts'
export { learnedFunctions } from './gp/learned.ts'
export { expectedGain, type Prospect } from './gp/prospect.ts'
export { numberOption, refuseUnknown, unfit } from './options.ts'
export { isOwnPoint } from './sampler.ts'
export { mostDimensions, sobolSequence } from './sobol-sequence.ts'
export type { Question, Sampler, SamplerPlugin, SamplerSetting } from './sampler.ts'

/** The samplers that `maggy optimizer` serves. */
export const builtinSamplers: ReadonlyMap<string, SamplerPlugin> = new Map(
  [
    autoSampler,
    randomSampler,
    gridSampler,
    sobolSampler,
    tpeSampler,
    filling(gpSampler),
    cmaesSampler,
    nsga2Sampler,
    motpeSampler(() => builtinSamplers),
  ].map((plugin) => [plugin.name, plugin]),
)
