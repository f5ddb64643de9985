/** An alarm at an instant that may lie further ahead than a timer of Node can count, and may be moved. */
import type { Clock } from '../../../src/actor/index.ts'

const longestTimerMs = 2 ** 31 - 1

export class Deadline {
  readonly #clock: Clock
  readonly #instant: () => number | null
  readonly #due: () => void
  #timer: unknown = undefined

  /** `instant`: when, by the clock; null: not any more. It is asked again before `due` is called. */
  constructor(clock: Clock, instant: () => number | null, due: () => void) {
    this.#clock = clock
    this.#instant = instant
    this.#due = due
  }

  watch(): void {
    this.clear()
    const instant = this.#instant()
    if (instant === null) return
    const left = Math.min(instant - this.#clock.now(), longestTimerMs)
    this.#timer = this.#clock.setTimeout(() => this.#ring(), Math.max(0, left))
  }

  clear(): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #ring(): void {
    const instant = this.#instant()
    if (instant === null) return
    if (instant <= this.#clock.now()) this.#due()
    else this.watch()
  }
}
