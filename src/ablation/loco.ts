/** Leave one component out: the base, then one trial per component; and all of it again for each repeat. */
import type { AblatorPlugin } from './ablator.ts'
import { refuseUnknown } from './options.ts'

export const loco: AblatorPlugin = {
  name: 'loco',
  adaptive: false,
  most: (components, repeats) => (components + 1) * repeats,
  create({ options }) {
    refuseUnknown('loco', options, [])
    return ({ components, repeats, trial }) => {
      const round = components.length + 1
      const repeat = Math.floor(trial / round)
      if (repeat >= repeats) return 'exhausted'
      const component = components[(trial % round) - 1]
      return { without: component === undefined ? [] : [component.name], repeat }
    }
  },
}
