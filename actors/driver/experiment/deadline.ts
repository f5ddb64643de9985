/** An alarm at an instant that may lie further ahead than a timer of Node can count, and may be moved. */
import type { Clock } from '../../../src/actor/index.ts'

const longestTimerMs = 2 ** 31 - 1

export class Deadline {
  readonly #clock: Clock
  readonly #instant: () => number | null
  readonly #due: () => void
  /** In elapsed time, so that a wall clock that is set back or forth moves no deadline. */
  #dueAt = 0
  #timer: unknown = undefined

  /** `instant`: when, by the wall clock that stamps the log; null: not any more. It is asked again before `due` is called. */
  constructor(clock: Clock, instant: () => number | null, due: () => void) {
    this.#clock = clock
    this.#instant = instant
    this.#due = due
  }

  watch(): void {
    const instant = this.#instant()
    if (instant === null) return this.clear()
    this.#dueAt = this.#clock.elapsed() + instant - this.#clock.now()
    this.#wait()
  }

  clear(): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #wait(): void {
    this.clear()
    const left = Math.min(this.#dueAt - this.#clock.elapsed(), longestTimerMs)
    this.#timer = this.#clock.setTimeout(() => this.#ring(), Math.max(0, left))
  }

  #ring(): void {
    if (this.#instant() === null) return
    if (this.#dueAt <= this.#clock.elapsed()) this.#due()
    else this.#wait()
  }
}
