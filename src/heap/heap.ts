/**
 * The JavaScript memory of the thread that calls. Each thread of a process has a heap of its own.
 * V8 collects what has outlived young generations once it fills all that the heap was given at its start, and in a runner that is much
 * (runner-process.ts says why). A thread that allocates little would grow for hours before it gives anything back. So it is collected
 * between two trials: at once when it has grown by much, and when it has grown by little once nothing is to be done.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Collects the heap between pieces of work. */
interface Tidying {
  /** Work begins. */
  busy(): void
  /** Work has ended. `isDue`: the heap is collected however little it has grown. */
  idle(isDue?: boolean): void
}

/** With nothing to do for so long, a thread is collected when it has grown by so much: it costs nobody anything. */
const idleMs = 1_000
const idleBytes = 2 ** 20

/** `grown`: it is collected when work ends and it has grown by so many bytes. */
export function createTidying(grown: number, heap: Heap = createHeap(), clock: Timers = timers): Tidying {
  let timer: unknown
  return {
    busy: () => {
      clock.clearTimeout(timer)
    },
    idle: (isDue = false) => {
      clock.clearTimeout(timer)
      if (isDue || heap.hasGrown(grown)) heap.collect()
      else
        timer = clock.setTimeout(() => {
          if (heap.hasGrown(idleBytes)) heap.collect()
        }, idleMs)
    },
  }
}

interface Timers {
  setTimeout(work: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** Node's own: what trials set is watched (remains.ts). They keep no process alive. */
const { setTimeout: set, clearTimeout: clear } = globalThis
const timers: Timers = {
  setTimeout: (work, ms) => set(work, ms).unref(),
  clearTimeout: (timer) => {
    clear(timer as NodeJS.Timeout | undefined)
  },
}

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
