/**
 * A fault of tfjs, mended: in a list for `fit` and `fitDataset`, its own callback objects (`tf.callbacks.earlyStopping(…)`, a
 * subclass of `tf.Callback`) and plain ones (what `reporter.callbacks()` gives) may stand beside each other, in any order. tfjs
 * itself takes lists of one kind only: it looks at the first, and treats the rest alike.
 * It stays for the life of the process: lists that tfjs takes are passed on as they are.
 */
import type { Tf } from './backend.ts'

type Method = (this: unknown, ...args: unknown[]) => unknown
interface Arguments {
  readonly callbacks?: unknown
  readonly yieldEvery?: unknown
}

const mended = new WeakSet<object>()

/** Call it before other hooks are put on `fit`: it does not go with them. */
export function takeMixedCallbacks(tf: Tf): void {
  const prototype = tf.LayersModel.prototype as object
  if (mended.has(prototype)) return
  mended.add(prototype)
  const table = prototype as Record<string, Method>
  // Where each has its arguments: fit(x, y, args), fitDataset(dataset, args).
  for (const [name, at] of [
    ['fit', 2],
    ['fitDataset', 1],
  ] as const) {
    const original = table[name]
    if (original === undefined) continue
    table[name] = async function (this: unknown, ...given) {
      const args = given[at] as Arguments | undefined
      const list = args?.callbacks
      if (!Array.isArray(list) || !isMixed(list)) return await original.apply(this, given)
      const callbacks = list.map((one: unknown) =>
        isOwn(one) ? one : new tf.CustomCallback(bound(one as object), args?.yieldEvery as 'auto'),
      )
      return await original.apply(this, given.with(at, { ...args, callbacks }))
    }
  }
}

const isMixed = (list: readonly unknown[]): boolean => list.some(isOwn) && !list.every(isOwn)

/** By what it can do, so that another copy's is recognised too. */
function isOwn(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'setParams' in value && 'setModel' in value
}

const events = ['TrainBegin', 'TrainEnd', 'EpochBegin', 'EpochEnd', 'BatchBegin', 'BatchEnd', 'Yield']

/** Its functions, with itself as `this`: they may stand in a class. */
function bound(callback: object): object {
  const found = callback as Record<string, unknown>
  const functions = events
    .map((event) => `on${event}`)
    .filter((name) => typeof found[name] === 'function')
    .map((name) => [name, (found[name] as Method).bind(callback)] as const)
  return { ...callback, ...Object.fromEntries(functions) }
}
