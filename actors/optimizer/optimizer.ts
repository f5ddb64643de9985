/**
 * The optimizer: runs the built-in samplers and schedulers for whoever asks on the bus.
 * It has no machine, for it has no states: every answer follows from one request and the history (src/optimizer/service.ts).
 */
import { servedWith } from '../../src/access/index.ts'
import type { ActorDefinition } from '../../src/actor/index.ts'
import { optionSchemas, startOptimizer, type OptimizerPlugin } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { defaultLimits, suggesterOptions, type SuggesterOptions } from '../../src/suggester/index.ts'

const plugins = [...builtinSamplers.values(), ...builtinSchedulers.values()].map((plugin): OptimizerPlugin => {
  const options = optionSchemas.get(plugin.name)
  return options === undefined ? plugin : { ...plugin, options }
})

export const optimizer: ActorDefinition<SuggesterOptions> = {
  name: 'optimizer',
  description: `suggests hparams, for the samplers ${plugins.map(({ name }) => name).join(', ')}`,
  roles: ['optimizer'],
  options: suggesterOptions,
  async start({ bus, id, onDropped, access }, { sessions }) {
    const limits = { ...defaultLimits, sessions }
    return startOptimizer(bus, servedWith(access, plugins), { id, onDropped, limits })
  },
}
