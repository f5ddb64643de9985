/**
 * Leave two out: the base, each component alone, then every pair; all of it again for each repeat. What a pair costs beyond what
 * its two cost alone is their interaction.
 */
import type { AblatorPlugin } from './ablator.ts'
import { refuseUnknown } from './options.ts'

const round = (components: number) => 1 + components + (components * (components - 1)) / 2

export const pairs: AblatorPlugin = {
  name: 'pairs',
  adaptive: false,
  most: (components, repeats) => round(components) * repeats,
  create({ options, components }) {
    refuseUnknown('pairs', options, [])
    const names = components.map(({ name }) => name)
    const twos = names.flatMap((first, index) => names.slice(index + 1).map((second) => [first, second]))
    const plan = [[], ...names.map((name) => [name]), ...twos]
    return ({ repeats, trial }) => {
      const repeat = Math.floor(trial / plan.length)
      return repeat >= repeats ? 'exhausted' : { without: [...(plan[trial % plan.length] ?? [])], repeat }
    }
  },
}
