/**
 * The ablator: runs the built-in ablators for whoever asks on the bus.
 * It has no machine, for it has no states: every answer follows from one request and the history (src/ablator/service.ts).
 */
import { builtinAblators } from '../../src/ablation/index.ts'
import { startAblator } from '../../src/ablator/index.ts'
import type { ActorDefinition } from '../../src/actor/index.ts'
import { defaultLimits } from '../../src/optimizer/index.ts'
import { ablatorOptions, type AblatorOptions } from './options.ts'

export const ablator: ActorDefinition<AblatorOptions> = {
  name: 'ablator',
  description: `says what trials of an ablation do without, by ${[...builtinAblators.keys()].join(', ')}`,
  options: ablatorOptions,
  async start({ bus, id, onDropped }, { sessions }) {
    const limits = { ...defaultLimits, sessions }
    const service = startAblator(bus, [...builtinAblators.values()], { id, onDropped, limits })
    // At work is who can be asked.
    await bus.flush()
    return service
  },
}
