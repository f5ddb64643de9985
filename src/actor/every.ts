import type { Clock } from './clock.ts'

/** Calls `fn` each `ms` until it is told to end; on a clock, so that tests can turn it by hand. */
export function every(clock: Clock, ms: number, fn: () => void): () => void {
  let ended = false
  const next = (): unknown =>
    clock.setTimeout(() => {
      if (ended) return
      timer = next()
      fn()
    }, ms)
  let timer = next()
  return () => {
    ended = true
    clock.clearTimeout(timer)
  }
}
