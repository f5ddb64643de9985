/**
 * The drivers that hold a worker's slots: when they were heard last, and whether they are still there.
 * I1 A lease ends when its driver was silent for `leaseTtlMs`, or at once when nobody listens for it any more: it is asked when it is
 *    silent, and when another driver calls the roll, for that one may be its successor.
 */
import type { Clock } from '../../src/actor/index.ts'
import { ask, type Bus } from '../../src/bus/index.ts'
import { codeOf, driverPing } from '../../protocol/index.ts'

const leaseTtlMs = 5000
/** Beats come once a second. */
const askAfterMs = 1500
const timeoutMs = 1000

export interface Holders {
  /** The driver holds a slot from now on. */
  add(driver: string): void
  /** It beats. */
  heard(driver: string): void
  /** After an outage of the worker's own, everybody gets the whole time again. */
  extend(): void
  /** Once a second. `holding`: the drivers that hold slots. */
  tick(holding: ReadonlySet<string>): void
  /** Another driver calls the roll. */
  rollCalled(by: string): void
}

export function createHolders(bus: Bus, clock: Clock, onGone: (driver: string) => void): Holders {
  const heardAt = new Map<string, number>()
  const asked = new Set<string>()

  const askWhether = async (driver: string): Promise<void> => {
    if (asked.has(driver)) return
    asked.add(driver)
    try {
      await ask(bus, driverPing, { driver }, {}, { timeoutMs })
    } catch (error) {
      // One that does not answer in time may be busy: its beats decide.
      if (codeOf(error) === 'BUS_NO_RESPONDERS' && heardAt.delete(driver)) onGone(driver)
    } finally {
      asked.delete(driver)
    }
  }

  return {
    add: (driver) => {
      heardAt.set(driver, clock.elapsed())
    },
    heard: (driver) => {
      if (heardAt.has(driver)) heardAt.set(driver, clock.elapsed())
    },
    extend: () => {
      for (const driver of heardAt.keys()) heardAt.set(driver, clock.elapsed())
    },
    tick: (holding) => {
      for (const driver of holding) {
        const silentMs = clock.elapsed() - (heardAt.get(driver) ?? -Infinity)
        if (silentMs > leaseTtlMs) onGone(driver)
        else if (silentMs > askAfterMs) void askWhether(driver)
      }
      for (const driver of heardAt.keys()) if (!holding.has(driver)) heardAt.delete(driver)
    },
    rollCalled: (by) => {
      for (const driver of heardAt.keys()) if (driver !== by) void askWhether(driver)
    },
  }
}
