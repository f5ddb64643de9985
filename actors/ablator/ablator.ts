/**
 * The ablator: runs the built-in ablators for whoever asks on the bus.
 * It has no machine, for it has no states: every answer follows from one request and the history (src/ablator/service.ts).
 */
import { builtinAblators } from '../../src/ablation/index.ts'
import { startAblator } from '../../src/ablator/index.ts'
import type { ActorDefinition } from '../../src/actor/index.ts'
import { defaultLimits, suggesterOptions, type SuggesterOptions } from '../../src/suggester/index.ts'

export const ablator: ActorDefinition<SuggesterOptions> = {
  name: 'ablator',
  description: `says what trials of an ablation do without, by ${[...builtinAblators.keys()].join(', ')}`,
  options: suggesterOptions,
  async start({ bus, id, onDropped }, { sessions }) {
    const limits = { ...defaultLimits, sessions }
    return startAblator(bus, [...builtinAblators.values()], { id, onDropped, limits })
  },
}
