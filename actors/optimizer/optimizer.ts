/**
 * The optimizer: runs the built-in samplers and schedulers for whoever asks on the bus.
 * It has no machine, for it has no states: every answer follows from one request and the history (src/optimizer/service.ts).
 */
import type { ActorDefinition } from '../../src/actor/index.ts'
import { defaultLimits, startOptimizer } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { optimizerOptions, type OptimizerOptions } from './options.ts'

export const optimizer: ActorDefinition<OptimizerOptions> = {
  name: 'optimizer',
  description: `suggests hparams, for the samplers ${[...builtinSamplers.keys(), ...builtinSchedulers.keys()].join(', ')}`,
  options: optimizerOptions,
  async start({ bus, id, onDropped }, { sessions }) {
    const limits = { ...defaultLimits, sessions }
    const service = startOptimizer(bus, [...builtinSamplers.values(), ...builtinSchedulers.values()], {
      id,
      onDropped,
      limits,
    })
    // At work is who can be asked.
    await bus.flush()
    return service
  },
}
