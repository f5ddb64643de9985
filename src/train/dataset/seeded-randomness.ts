/**
 * `Math.random` while a dataset is made: numbers of a seed, so that they are the same on every worker.
 * Whoever calls it from anywhere else gets the numbers that it would have got: which of the two is decided by the asynchronous
 * context of the call, so that a dataset that is made slowly does not disturb what runs meanwhile.
 * What tfjs draws without a seed comes from `Math.random` too (`tf.util.shuffle`, `tf.randomNormal`, …). What is drawn elsewhere
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
