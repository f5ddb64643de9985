/**
 * Shifts of runners. Where dozens of runners get a trial of a millisecond each in turn, every one finds the processor's caches cold, and a
 * trial costs up to half as much again. So only so many work at once, each through some trials of its slot in a row. A trial that takes longer
 * than a slice keeps nobody waiting: it goes on, and another runner begins beside it.
 */
import type { Clock } from '../../src/actor/index.ts'

export interface Shifts {
  /** `begin` is called once this runner's next trial may begin, perhaps now. */
  ask(runner: object, begin: () => void): void
  /** It does not wait for that any more, or its trial is over. If it asks again in the same turn of the event loop, its shift goes on. */
  pass(runner: object): void
}

interface Shift {
  /** Begun in it so far. */
  readonly trials: number
  /** When the last one began; null: that is over. */
  readonly since: number | null
}

/** A trial that has taken longer is not a short one. */
const sliceMs = 3
/** Trials in a row, while others wait. */
const inRow = 16

export function createShifts(clock: Clock, atOnce: number): Shifts {
  const shifts = new Map<object, Shift>()
  const waiting = new Map<object, () => void>()
  let isLooking = false

  const work = (runner: object, trials: number, begin: () => void): void => {
    shifts.set(runner, { trials, since: clock.elapsed() })
    begin()
  }
  const next = (): void => {
    for (const [runner, begin] of waiting) {
      if (shifts.size >= atOnce) break
      waiting.delete(runner)
      work(runner, 1, begin)
    }
    if (waiting.size === 0 || isLooking) return
    isLooking = true
    clock.setTimeout(look, sliceMs)
  }
  const look = (): void => {
    isLooking = false
    const now = clock.elapsed()
    for (const [runner, { since }] of shifts) if (since !== null && now - since >= sliceMs) shifts.delete(runner)
    next()
  }

  return {
    ask: (runner, begin) => {
      const { trials = 0 } = shifts.get(runner) ?? {}
      const goesOn = trials > 0 && (trials < inRow || waiting.size === 0)
      if (goesOn) return work(runner, trials + 1, begin)
      shifts.delete(runner)
      waiting.set(runner, begin)
      next()
    },
    pass: (runner) => {
      waiting.delete(runner)
      const shift = shifts.get(runner)
      if (shift === undefined) return
      shifts.set(runner, { ...shift, since: null })
      queueMicrotask(() => {
        if (shifts.get(runner)?.since !== null) return
        shifts.delete(runner)
        next()
      })
    },
  }
}
