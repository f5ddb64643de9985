/**
 * Memory that a runner's two threads share.
 * I1 A stop names the attempt that it is meant for (its serial), so it can never hit the one that follows.
 * I2 Points that wait to be recorded are counted; over the limit `report` blocks instead of filling the memory.
 */
import type { StopCause } from './runner-messages.ts'

const causes: readonly StopCause[] = ['pruned', 'cancelled', 'superseded', 'timeout']
const stopCell = 0
const waitingCell = 1
const turnCell = 2
const cells = 3

/** Points that may wait. */
const maximumWaiting = 50_000
/** While it blocks, a training looks at the stop flag so often. */
const lookMs = 200

export const createSharedMemory = () => new SharedArrayBuffer(cells * Int32Array.BYTES_PER_ELEMENT)

export interface SharedFlags {
  /** The first stop of an attempt counts. */
  stop(serial: number, cause: StopCause): void
  stopCause(serial: number): StopCause | undefined
  /** Counts a point; blocks this thread while too many wait, unless the attempt is stopped. */
  addPoint(serial: number): void
  pointsRecorded(count: number): void
}

export function sharedFlags(memory: SharedArrayBuffer, limit = maximumWaiting): SharedFlags {
  const flags = new Int32Array(memory)
  const wake = (): void => {
    Atomics.add(flags, turnCell, 1)
    Atomics.notify(flags, turnCell)
  }
  const stopCause = (serial: number): StopCause | undefined => {
    const value = Atomics.load(flags, stopCell)
    return value !== 0 && value >> 3 === serial ? causes[(value & 7) - 1] : undefined
  }
  return {
    stopCause,
    stop: (serial, cause) => {
      if (stopCause(serial) !== undefined) return
      Atomics.store(flags, stopCell, (serial << 3) | (causes.indexOf(cause) + 1))
      wake()
    },
    addPoint: (serial) => {
      Atomics.add(flags, waitingCell, 1)
      for (;;) {
        const turn = Atomics.load(flags, turnCell)
        if (Atomics.load(flags, waitingCell) <= limit || stopCause(serial) !== undefined) return
        Atomics.wait(flags, turnCell, turn, lookMs)
      }
    },
    pointsRecorded: (count) => {
      Atomics.sub(flags, waitingCell, count)
      wake()
    },
  }
}
