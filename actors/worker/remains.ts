/**
 * Remains of a trial that has ended: timers, which are cleared, and files, sockets, child processes and threads, of which only
 * the end of the process is sure to be the end.
 */
import { promisify } from 'node:util'
import timers from 'node:timers'
import { syncBuiltinESMExports } from 'node:module'

/** The remains of one trial. */
interface Left {
  /** Timers that were still set; they are cleared. */
  readonly timers: number
  /** Other handles that are still at work, for people; empty: none. */
  readonly rest: string
}

/** Of one trial. */
export interface Remains {
  end(): Promise<Left>
  note(what: NodeJS.Timeout | NodeJS.Immediate): void
  noteThread(thread: { once(event: 'exit', listener: () => void): unknown }): void
}

/** Short-lived work, like the closing of a file, may take so many turns of the event loop, and then so many pauses, to be over. */
const turns = 10
const pauses = 10
const pauseMs = 10

/** Node's own names that mean nothing: what comes and goes by itself. */
const passing = new Set(['CloseReq', 'Immediate', 'TickObject'])

const real = { setTimeout, setInterval, setImmediate, clearTimeout, clearImmediate }

function active(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (!passing.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

/** Call it when the trial begins. */
export function createRemains(): Remains {
  const before = active()
  let noted: WeakRef<NodeJS.Timeout | NodeJS.Immediate>[] = []
  let sweepAt = 64
  let threads = 0

  const left = (now: ReadonlyMap<string, number>): string[] => {
    const kinds: string[] = []
    for (const [kind, count] of now) {
      const more = count - (before.get(kind) ?? 0)
      if (more > 0) kinds.push(more === 1 ? kind : `${more} ${kind}`)
    }
    if (threads > 0) kinds.push(threads === 1 ? 'Worker' : `${threads} Workers`)
    return kinds
  }

  return {
    note: (what) => {
      noted.push(new WeakRef(what))
      // One that has fired is garbage soon.
      if (noted.length < sweepAt) return
      noted = noted.filter((one) => one.deref() !== undefined)
      sweepAt = Math.max(64, noted.length * 2)
    },
    noteThread: (thread) => {
      threads += 1
      thread.once('exit', () => {
        threads -= 1
      })
    },
    end: async () => {
      const found = active()
      const timers = Math.max(0, (found.get('Timeout') ?? 0) - (before.get('Timeout') ?? 0))
      for (const one of noted) {
        const timer = one.deref()
        if (timer === undefined) continue
        if ('refresh' in timer) real.clearTimeout(timer)
        else real.clearImmediate(timer)
      }
      let kinds = left(noted.length > 0 ? active() : found)
      noted = []
      for (let turn = 0; kinds.length > 0 && turn < turns + pauses; turn += 1) {
        await new Promise<void>((resolve) => {
          if (turn < turns) real.setImmediate(resolve)
          else real.setTimeout(resolve, pauseMs)
        })
        kinds = left(active())
      }
      return { timers, rest: kinds.join(', ') }
    },
  }
}

/** Has every timer that user code sets noted by its trial. Once in a process, before any user code. */
export function watchTimers(owner: () => Remains | undefined): void {
  const watched = <A extends unknown[], T extends NodeJS.Timeout | NodeJS.Immediate>(set: (...args: A) => T) => {
    const wrapped = (...args: A): T => {
      const timer = set(...args)
      owner()?.note(timer)
      return timer
    }
    const custom = (set as { readonly [promisify.custom]?: unknown })[promisify.custom]
    Object.defineProperty(wrapped, promisify.custom, { value: custom })
    Object.defineProperty(wrapped, 'name', { value: set.name })
    return wrapped
  }
  const wrapped = {
    setTimeout: watched(real.setTimeout as (...args: unknown[]) => NodeJS.Timeout),
    setInterval: watched(real.setInterval as (...args: unknown[]) => NodeJS.Timeout),
    setImmediate: watched(real.setImmediate as (...args: unknown[]) => NodeJS.Immediate),
  }
  Object.assign(globalThis, wrapped)
  Object.assign(timers, wrapped)
  syncBuiltinESMExports()
}
