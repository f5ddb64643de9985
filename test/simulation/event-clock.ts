/**
 * Simulated time that jumps from one timer to the next, with a view of it for each simulated process.
 * I1 Timers fire in the order of their times; equal times in the order in which they were set.
 * I2 A process that was ended fires no timer any more: as after kill -9, what it would have done never happens.
 */
import type { Clock } from '../../src/actor/index.ts'

interface Timer {
  readonly at: number
  readonly order: number
  readonly fn: () => void
  cancelled: boolean
}

/** One process's view of the time. */
export interface ProcessClock extends Clock {
  /** Its timers are gone (I2). */
  end(): void
}

export class EventClock implements Clock {
  #now: number
  #order = 0
  /** A binary heap by time and order. */
  readonly #timers: Timer[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  elapsed(): number {
    return this.#now
  }

  setTimeout(fn: () => void, ms: number): unknown {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: (this.#order += 1), fn, cancelled: false }
    this.#push(timer)
    return timer
  }

  clearTimeout(id: unknown): void {
    if (id !== undefined && id !== null) (id as Timer).cancelled = true
  }

  /** Moves to the next timer and fires it; false: there is none before `until`, and it is `until` now. */
  advance(until: number): boolean {
    for (;;) {
      const next = this.#timers[0]
      if (next === undefined || next.at > until) {
        this.#now = Math.max(this.#now, until)
        return false
      }
      this.#pop()
      if (next.cancelled) continue
      this.#now = next.at
      next.fn()
      return true
    }
  }

  /** The view of a process that begins now. */
  process(): ProcessClock {
    let ended = false
    const bornAt = this.now()
    return {
      now: () => this.now(),
      elapsed: () => this.now() - bornAt,
      setTimeout: (fn, ms) =>
        this.setTimeout(() => {
          if (!ended) fn()
        }, ms),
      clearTimeout: (id) => {
        this.clearTimeout(id)
      },
      end: () => {
        ended = true
      },
    }
  }

  #push(timer: Timer): void {
    const heap = this.#timers
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !before(timer, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#timers
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
      const child = right !== undefined && left !== undefined && before(right, left) ? right : left
      if (child === undefined || !before(child, last)) break
      heap[at] = child
      at = child === right ? 2 * at + 2 : 2 * at + 1
    }
    heap[at] = last
  }
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
