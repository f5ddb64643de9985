/** What the attempts of an experiment ask to be done, and the news that they decide on. experiment/effects.ts carries it out. */
import type { AttemptRef, LogEvent, StopReason } from '../../../protocol/index.ts'
import type { Loss, Place, PlaceState } from '../fleet/index.ts'

export type TrialDecision =
  | { readonly kind: 'commit'; readonly event: LogEvent }
  /** Once all that was committed is in the log. */
  | { readonly kind: 'deliver'; readonly place: Place; readonly attempt: AttemptRef }
  | { readonly kind: 'free'; readonly place: Place }
  /** It is given up; the place is free when its worker says so. */
  | { readonly kind: 'disown'; readonly place: Place }
  /** The worker is believed to have the attempt. */
  | {
      readonly kind: 'expect'
      readonly worker: string
      readonly slot: number
      readonly attempt: AttemptRef
      readonly at: number
    }
  | {
      readonly kind: 'stop'
      readonly worker: string
      readonly attempt: AttemptRef
      readonly reason: StopReason
      readonly afterMs: number
      /** What has begun goes on. */
      readonly ifWaiting?: true
    }
  /** A worker has an attempt that the history knows nothing of: another driver may have the experiment. */
  | { readonly kind: 'verify' }
  /** Attempts come to nothing in its slot: nothing goes there for a while. */
  | { readonly kind: 'rest'; readonly place: Place; readonly code: string }
  | { readonly kind: 'served'; readonly place: Place }
  | { readonly kind: 'warn'; readonly attempt: AttemptRef; readonly worker: string; readonly text: string }

export interface LossNews {
  readonly place: Place
  /** Of the place, before. */
  readonly state: PlaceState
  readonly how: Loss
  /** It waited behind another attempt. */
  readonly behind: boolean
  /** By the wall clock: when the worker's process started, if it is here. */
  readonly workerStartedAt: number | null
}

/** A trial's reports as the driver heard them, for the log. */
export interface Heard {
  readonly step?: number
  /** The slot's memory, which was not enough. */
  readonly memoryBytes?: number
  readonly heard?: number
}
