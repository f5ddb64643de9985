/** Changes that a training by several workers makes in the user's own settings. */
import type { Tf } from './backend.ts'
import type { FitArgs } from './hooks.ts'
import type { Copies } from './shards.ts'

/** Whether workers exchange rows between epochs of `fit`: not where the order is the user's own, or tfjs sets rows aside to validate. */
export function exchangesRows({ shuffle, epochs, initialEpoch, validationSplit }: FitArgs): boolean {
  const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise)
  return shuffle !== false && number(epochs, 1) - number(initialEpoch, 0) > 1 && number(validationSplit, 0) === 0
}

/** Other rows for each epoch of `fit`. */
export function reshuffling(tf: Tf, args: FitArgs, copies: Copies): FitArgs {
  let epochs = 0
  const own = {
    onEpochBegin: async () => {
      if (epochs > 0) copies.shuffle()
      epochs += 1
    },
  }
  const { callbacks } = args
  const list: unknown[] = Array.isArray(callbacks) ? callbacks : callbacks == null ? [] : [callbacks]
  const made = list[0] as { setModel?: unknown } | undefined
  // A list of callback objects takes no plain ones beside them.
  return { ...args, callbacks: [typeof made?.setModel === 'function' ? new tf.CustomCallback(own) : own, ...list] }
}
