/**
 * Leave two out: the base, each component alone, then every pair; all of it again for each repeat. What a pair costs beyond what
 * its two cost alone is their interaction.
 */
import type { AblatorPlugin } from './ablator.ts'
import { refuseUnknown, removalKey } from './options.ts'

const round = (components: number) => 1 + components + (components * (components - 1)) / 2

export const pairs: AblatorPlugin = {
  name: 'pairs',
  adaptive: false,
  most: (components, repeats) => round(components) * repeats,
  combinations: twosOf,
  create({ options, components, impossible = [] }) {
    refuseUnknown('pairs', options, [])
    const names = components.map(({ name }) => name)
    const never = new Set(impossible.map(removalKey))
    const twos = twosOf(names).filter((pair) => !never.has(removalKey(pair)))
    const plan = [[], ...names.map((name) => [name]), ...twos]
    return ({ repeats, trial }) => {
      const repeat = Math.floor(trial / plan.length)
      return repeat >= repeats ? 'exhausted' : { without: [...(plan[trial % plan.length] ?? [])], repeat }
    }
  },
}

/** Every two of them. */
function twosOf<T>(of: readonly T[]): T[][] {
  return of.flatMap((first, index) => of.slice(index + 1).map((second) => [first, second]))
}
