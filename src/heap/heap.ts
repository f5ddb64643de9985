/**
 * The JavaScript memory of the thread that calls. Each thread of a process has a heap of its own.
 * V8 collects what has outlived young generations once it fills all that the heap was given at its start, and in a runner that is much
 * (runner-process.ts says why). A thread that allocates little would grow for hours before it gives anything back. So it is collected
 * between two trials, when it has grown.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

interface Heap {
  /** Whether it holds so many bytes more than after its last collection here, or than the least that was seen since. */
  hasGrown(bytes: number): boolean
  collect(): void
}

/** To ask for its size costs as much as much of a short trial does, and memory does not grow far in so short a time. */
const lookAgainMs = 20

export function createHeap(now: () => number = performance.now.bind(performance)): Heap {
  let least = Infinity
  let lookedAt = -Infinity
  return {
    hasGrown: (bytes) => {
      const at = now()
      if (at - lookedAt < lookAgainMs) return false
      lookedAt = at
      const used = oldBytes()
      least = Math.min(least, used)
      return used - least > bytes
    },
    collect: () => {
      collector ??= exposeCollector()
      collector()
      least = oldBytes()
    },
  }
}

/** Of JavaScript's memory, what only a collection of all of it frees. */
const oldBytes = (): number =>
  getHeapSpaceStatistics().reduce(
    (sum, { space_name: name, space_used_size: used }) => (name.startsWith('new_') ? sum : sum + used),
    0,
  )

let collector: (() => void) | undefined

function exposeCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
