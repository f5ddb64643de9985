import { SimulatedClock } from 'xstate'
import type { Clock } from '../../src/actor/index.ts'

/** Time that a test turns by hand. The wall clock can be set apart from it, as a host's is when its time is corrected. */
export class TestClock implements Clock {
  readonly #time = new SimulatedClock()
  #wallAhead = 0

  now(): number {
    return this.#time.now() + this.#wallAhead
  }

  elapsed(): number {
    return this.#time.now()
  }

  setTimeout(fn: () => void, ms: number): number {
    return this.#time.setTimeout(fn, ms)
  }

  clearTimeout(id: unknown): void {
    this.#time.clearTimeout(id as number)
  }

  increment(ms: number): void {
    this.#time.increment(ms)
  }

  set(ms: number): void {
    this.#time.set(ms)
  }

  /** Somebody corrects the host's time; no time passes. */
  setWall(aheadMs: number): void {
    this.#wallAhead = aheadMs
  }
}
