/**
 * `Math.random` while a dataset is made: numbers of a seed, so that they are the same on every worker.
 * Calls from anywhere else get the numbers that they would have got. The asynchronous context of a call decides which of the two it
 * is, so that a generator that takes its time does not disturb the code that runs meanwhile.
 * tfjs's own draws without a seed come from `Math.random` too (`tf.util.shuffle`, `tf.randomNormal`, …). What is drawn elsewhere
 * (`crypto`) is not covered.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRandom } from '../../random/index.ts'

export interface SeededRandomness {
  /** Calls `make`; `parts` say which numbers it gets, and so does everything that it starts. */
  during<T>(parts: readonly (string | number)[], make: () => T): T
  /** `Math.random` is what it was. */
  end(): void
}

const storage = new AsyncLocalStorage<() => number>()
let holders = 0
/** Seeds in use. */
let active = 0
let restore = (): void => undefined

/** Until the function that is returned is called, `Math.random` listens to `during`. */
export function holdRandomness(): () => void {
  holders += 1
  if (holders === 1) replace()
  let held = true
  return () => {
    if (!held) return
    held = false
    holders -= 1
    if (holders === 0) restore()
  }
}

export function createSeededRandomness(seed: number): SeededRandomness {
  const end = holdRandomness()
  active += 1
  let ended = false
  return {
    during: (parts, make) => {
      const random = createRandom(seed, 'dataset', ...parts)
      return storage.run(() => random.uniform(), make)
    },
    end: () => {
      if (!ended) active -= 1
      ended = true
      end()
      // Node follows every promise for it, which costs a little.
      if (active === 0) storage.disable()
    },
  }
}

function replace(): void {
  const original = Math.random
  const replaced = (): number => (storage.getStore() ?? original)()
  Math.random = replaced
  restore = () => {
    // Unless the user's code has put its own in its place.
    if (Math.random === replaced) Math.random = original
  }
}
