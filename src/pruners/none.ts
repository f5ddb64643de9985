/** Lets every trial run to its end. */
import { refuseUnknown } from './options.ts'
import type { PrunerPlugin } from './pruner.ts'

export const nonePruner: PrunerPlugin = {
  name: 'none',
  create({ options }) {
    refuseUnknown('none', options, [])
    return () => 'continue'
  },
}
