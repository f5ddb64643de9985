/** Changes that a training by several workers makes in the user's own settings. */
import type { Tf } from './backend.ts'
import type { FitArgs } from './hooks.ts'
import type { Shards } from './shards.ts'

/** Other rows for each epoch of `fit`, unless the order is the user's own. */
export function reshuffling(tf: Tf, args: FitArgs, shards: Shards): FitArgs {
  if (args.shuffle === false) return args
  let epochs = 0
  const own = {
    onEpochBegin: async () => {
      if (epochs > 0) shards.shuffle()
      epochs += 1
    },
  }
  const { callbacks } = args
  const list: unknown[] = Array.isArray(callbacks) ? callbacks : callbacks == null ? [] : [callbacks]
  const made = list[0] as { setModel?: unknown } | undefined
  // A list of callback objects takes no plain ones beside them.
  return { ...args, callbacks: [typeof made?.setModel === 'function' ? new tf.CustomCallback(own) : own, ...list] }
}
