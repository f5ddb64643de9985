/** Random search: every trial a point of its own, independent of all others. The same point may come twice. */
import { sample } from '../space/index.ts'
import { refuseUnknown } from './options.ts'
import type { SamplerPlugin } from './sampler.ts'

export const randomSampler: SamplerPlugin = {
  name: 'random',
  adaptive: false,
  create({ options }) {
    refuseUnknown('random', options, [])
    return ({ space, random }) => sample(space, random)
  },
}
