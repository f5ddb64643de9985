import { describe, expect, it } from 'vitest'
import { jittered, reconnecting, reconnectWait } from '../../src/bus/backoff.ts'

describe('the pause before another try to connect', () => {
  it('is anywhere below a bound that doubles with each try in vain, up to 30 s', () => {
    const bounds = [0, 1, 2, 3, 10, 1000].map((tries) => jittered(tries, reconnecting, () => 1))
    expect(bounds).toEqual([250, 500, 1000, 2000, 30_000, 30_000])
    expect(jittered(5, reconnecting, () => 0)).toBe(0)
    expect(jittered(2, reconnecting, () => 0.25)).toBe(250)
  })

  it('is drawn once for each try, and is over when it was waited for', () => {
    let at = 0
    let draws = 0
    const wait = reconnectWait(
      () => {
        draws += 1
        return 0.5
      },
      () => at,
    )
    expect(wait()).toBe(125)
    at = 60
    expect(wait()).toBe(125)
    at = 125
    expect(wait()).toBe(-Infinity)
    expect(draws).toBe(1)
    // The next try waits below twice as much.
    at = 130
    expect(wait()).toBe(250)
    at = 380
    expect(wait()).toBe(-Infinity)
    expect(draws).toBe(2)
  })

  it('begins anew after a connection that lasted', () => {
    let at = 0
    const wait = reconnectWait(
      () => 0.5,
      () => at,
    )
    for (let tries = 0; tries < 8; tries += 1) {
      at += wait() + 1
      wait()
    }
    expect(wait()).toBe(15_000)
    at += 60_000
    expect(wait()).toBe(125)
  })
})
