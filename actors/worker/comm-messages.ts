/** Messages between a runner's main thread and its second thread. */
import type { ArtifactKind, AttemptRef, MetricPoint, Problem } from '../../protocol/index.ts'
import type { RingLine } from '../../src/train/index.ts'
import type { RunnerSetting } from './runner-messages.ts'
import type { Attempt } from './telemetry.ts'

export interface CommSetting extends RunnerSetting {
  readonly memory: SharedArrayBuffer
}

export type ToComm =
  | { readonly type: 'begin'; readonly attempt: Attempt }
  | { readonly type: 'point'; readonly point: MetricPoint }
  /** Also of an attempt that has ended. */
  | {
      readonly type: 'line'
      readonly attempt: AttemptRef
      readonly from: 'stdout' | 'stderr' | 'log'
      readonly text: string
    }
  /** The attempt that begins trains in a ring; the port is handed over. */
  | {
      readonly type: 'ring'
      readonly attempt: AttemptRef
      readonly slot: number
      readonly ring: string
      readonly seat: number
      readonly line: RingLine
    }
  /** Answered by `flushed` once every point so far is recorded. */
  | { readonly type: 'flush' }
  | { readonly type: 'end' }
  /** Answered by `stored` with the same id. */
  | { readonly type: 'store'; readonly id: number; readonly attempt: AttemptRef; readonly data: Uint8Array }
  /** Answered by `fetched` with the same id. */
  | { readonly type: 'fetch'; readonly id: number; readonly attempt: AttemptRef; readonly of: number }
  /** Answered by `uploaded` with the same id; before that it is asked for pieces. */
  | {
      readonly type: 'upload'
      readonly id: number
      readonly attempt: AttemptRef
      readonly name: string
      readonly kind: ArtifactKind
      readonly bytes: number
    }
  /** The bytes that `wanted` asked for, or why they cannot be had. */
  | { readonly type: 'piece'; readonly id: number; readonly data?: Uint8Array; readonly problem?: Problem }
  /** Answered by `closed`. */
  | { readonly type: 'close' }

export type FromComm =
  /** Its first word: it is on the bus. */
  | { readonly type: 'connected' }
  | { readonly type: 'flushed' }
  /** Of the attempt no more than so many points are recorded, for the next one is not valid. Comes before `flushed`. */
  | { readonly type: 'refused'; readonly attempt: AttemptRef; readonly points: number; readonly problem: Problem }
  | { readonly type: 'closed' }
  | { readonly type: 'stored'; readonly id: number; readonly problem?: Problem }
  /** Answered by `piece` with the same id. */
  | { readonly type: 'wanted'; readonly id: number; readonly offset: number; readonly length: number }
  | { readonly type: 'uploaded'; readonly id: number; readonly problem?: Problem }
  | {
      readonly type: 'fetched'
      readonly id: number
      readonly data?: Uint8Array | undefined
      readonly problem?: Problem
    }
