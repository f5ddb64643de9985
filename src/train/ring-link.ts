/**
 * The main thread's end of the line to the thread that has the ring. The main thread waits on an Atomic while the ring works, and
 * so takes its answers from the port itself: no event loop turns meanwhile.
 * I1 Every collective of a training has a number, the same on all ranks, for all run the same function: gradients, averages of
 *    weights, reports, the result. A ring's `step` in the protocol is this number.
 * I2 After `leave` nobody waits: what train has begun and did not await gets an error.
 * I3 A stop is seen while it waits, and ends the wait by EarlyStop.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { MaggyError, problem, RemoteError, type Problem } from '../../protocol/index.ts'
import type { VariableSpec } from '../ring/index.ts'
import { EarlyStop } from './early-stop.ts'

export interface Place {
  readonly rank: number
  readonly members: number
  readonly generation: number
}

/** From the training to the ring's thread. Vectors are in shared memory. */
export type ToRing =
  /** Answered by `begin`, once the ring is formed; or by `ahead`, where it runs already. */
  | {
      readonly type: 'join'
      readonly manifest: string
      readonly variables: readonly VariableSpec[]
      /** Gradient steps that it has passed, and how often it was sent ahead before. */
      readonly step: number
      readonly chases: number
    }
  /** Answered by `reduced`. */
  | {
      readonly type: 'reduce'
      readonly collective: number
      readonly vector: Float32Array
      readonly weight: number
      /** The weight if nobody else counts: that of a newcomer's own gradient. */
      readonly ownWeight: number
      readonly key: string
      /** Elements from this one on lose nothing on their way, whatever the ring's encoding is. */
      readonly exactFrom: number
      /** Gradient steps, and samples of this member, up to and with this one. */
      readonly step: number
      readonly samples: number
      /** In words, for another rank that is at something else. */
      readonly doing: string
      /** The elements of the mean that user code is told, for the record. */
      readonly told: readonly [from: number, to: number] | null
    }
  /** The values that user code got from the collective before, for the record. */
  | { readonly type: 'told'; readonly values: Float64Array }
  /** Each rank's bytes, for all: answered by `gathered`. */
  | { readonly type: 'gather'; readonly bytes: Uint8Array; readonly doing: string }
  /** The answer to `export`. */
  | { readonly type: 'state'; readonly bytes: Uint8Array }
  | { readonly type: 'checkpoint'; readonly next: number; readonly bytes: Uint8Array }
  | { readonly type: 'leave'; readonly reason: 'done' | 'failed' | 'draining' }

export type FromRing =
  /** Nobody shall wait for it: it is to come to gradient step `step` first, passing collectives that are in this record, and to ask again. */
  | { readonly type: 'ahead'; readonly step: number; readonly record: Uint8Array }
  | {
      readonly type: 'begin'
      readonly place: Place
      /** The collective to take part in first; those before it are over. */
      readonly next: number
      /** The results of those collectives. */
      readonly record: Uint8Array
      /** Null: keep what you have (the others have it from you). */
      readonly state: Uint8Array | null
      /** The seats of those who begin together, by rank; null where the ring was there before. */
      readonly seats: readonly number[] | null
    }
  | {
      readonly type: 'reduced'
      readonly place: Place
      readonly vector: Float32Array
      readonly weight: number
      /** Where the ring would like the next vector of this key to be; null: where the last one was. */
      readonly next: Float32Array | null
    }
  | { readonly type: 'gathered'; readonly bytes: readonly Uint8Array[] }
  /** The state is wanted, by a newcomer. Comes while this thread waits. */
  | { readonly type: 'export' }
  | { readonly type: 'failed'; readonly problem: Problem }

/** Both threads are given this: a port each, and a cell that is counted up with each message to the main thread. */
export interface RingLine {
  readonly port: MessagePort
  readonly memory: SharedArrayBuffer
}

export const createRingMemory = (): SharedArrayBuffer => new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)

/** The other thread's way to speak to the main one, asleep or not. */
export function tellMain({ port, memory }: RingLine, message: FromRing): void {
  port.postMessage(message)
  const turns = new Int32Array(memory)
  Atomics.add(turns, 0, 1)
  Atomics.notify(turns, 0)
}

type Begin = Extract<FromRing, { type: 'begin' | 'ahead' }>
type Reduced = Extract<FromRing, { type: 'reduced' }>

export interface RingLink {
  join(question: Omit<Extract<ToRing, { type: 'join' }>, 'type'>): Begin
  /** Blocks until all ranks have given theirs. The result is valid until the call after the next one of its key. */
  reduce(question: Omit<Extract<ToRing, { type: 'reduce' }>, 'type'>): Reduced
  /** Each rank's bytes, by rank. Blocks until all have given theirs. */
  gather(question: Omit<Extract<ToRing, { type: 'gather' }>, 'type'>): readonly Uint8Array[]
  tell(message: ToRing): void
}

/** While it waits it looks at the stop flag so often. */
const lookMs = 100

export function createRingLink(options: {
  readonly line: RingLine
  readonly stopReason: () => string | undefined
  /** Gives the state to be handed to a newcomer. */
  readonly exportState: () => Uint8Array
}): RingLink {
  const { line, stopReason, exportState } = options
  const turns = new Int32Array(line.memory)
  let left = false
  const tell = (message: ToRing): void => {
    left ||= message.type === 'leave'
    line.port.postMessage(message)
  }

  function wait<T extends FromRing['type']>(...wanted: readonly T[]): Extract<FromRing, { type: T }> {
    for (;;) {
      // I2
      if (left) throw problem('TRAINING_OVER', {})
      const turn = Atomics.load(turns, 0)
      for (let got = receiveMessageOnPort(line.port); got !== undefined; got = receiveMessageOnPort(line.port)) {
        const message = got.message as FromRing
        if (message.type === 'export') tell({ type: 'state', bytes: exportState() })
        else if (message.type === 'failed') throw new RingFailure(message.problem)
        else if (wanted.includes(message.type as T)) return message as Extract<FromRing, { type: T }>
      }
      const reason = stopReason()
      if (reason !== undefined) throw new EarlyStop(reason)
      Atomics.wait(turns, 0, turn, lookMs)
    }
  }

  const ask = (message: ToRing): void => {
    if (!left) tell(message)
  }

  return {
    tell,
    join: (question) => {
      ask({ type: 'join', ...question })
      return wait('begin', 'ahead')
    },
    reduce: (question) => {
      ask({ type: 'reduce', ...question })
      return wait('reduced')
    },
    gather: (question) => {
      ask({ type: 'gather', ...question })
      return wait('gathered').bytes
    },
  }
}

/** The ring has failed for good, in another thread. */
class RingFailure extends RemoteError {}

/** Whether an error is this system's own word about a training by several, and not the user's code's. */
export function isRingFailure(error: unknown): error is MaggyError | RemoteError {
  if (error instanceof RingFailure) return true
  return error instanceof MaggyError && (error.code.startsWith('RING_') || ownCodes.has(error.code))
}

/** Whether the ring goes on elsewhere: without this member, which had been silent for too long or lacks weights, or from an earlier checkpoint. */
export const isLeftBehind = (error: unknown): error is MaggyError | RemoteError =>
  isRingFailure(error) && leftBehind.has(error.code)

const leftBehind = new Set(['RING_STALE', 'RING_PASSED', 'RING_WEIGHTS_ELSEWHERE'])

const ownCodes = new Set([
  'GRADIENT_NOT_FINITE',
  'GRADIENT_MISSING',
  'DATASET_TOO_SMALL',
  'DATASET_DIFFERS',
  'FITS_AT_ONCE',
  'DATASET_PART_EMPTY',
])
