/**
 * The ablator: runs the built-in ablators for whoever asks on the bus.
 * It has no machine, for it has no states: every answer follows from one request and the history (src/ablator/service.ts).
 */
import { servedWith } from '../../src/access/index.ts'
import { builtinAblators } from '../../src/ablation/index.ts'
import { startAblator } from '../../src/ablator/index.ts'
import type { ActorDefinition } from '../../src/actor/index.ts'
import { defaultLimits, suggesterOptions, type SuggesterOptions } from '../../src/suggester/index.ts'

/** What the built-ins can be told, for people who choose; a test holds it to what they take. */
const greedyOptions = {
  type: 'object',
  properties: { tolerance: { type: 'number', default: 0 }, rounds: { type: 'number', minimum: 0 } },
  additionalProperties: false,
}
const noOptions = { type: 'object', properties: {}, additionalProperties: false }

const plugins = [...builtinAblators.values()].map((plugin) => ({
  ...plugin,
  options: plugin.name === 'greedy' ? greedyOptions : noOptions,
}))

export const ablator: ActorDefinition<SuggesterOptions> = {
  name: 'ablator',
  description: `says what trials of an ablation do without, by ${[...builtinAblators.keys()].join(', ')}`,
  roles: ['ablator'],
  options: suggesterOptions,
  async start({ bus, id, onDropped, access }, { sessions }) {
    const limits = { ...defaultLimits, sessions }
    return startAblator(bus, servedWith(access, plugins), { id, onDropped, limits })
  },
}
