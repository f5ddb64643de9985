/** Messages between the worker process and a runner's main thread, over the child process's channel. */
import type { ClientOptions } from '../../src/bus/index.ts'
import type { BusGate } from '../../src/isolation/index.ts'
import type { Assignment, AttemptOutcome, Problem } from '../../protocol/index.ts'

export interface RunnerAccess {
  readonly token?: string
  readonly user?: { readonly jwt?: string; readonly seed: string }
  readonly tls?: ClientOptions['tls']
  readonly identity?: { readonly role: string; readonly name: string }
}

/** Where the runner's second thread finds the bus, and as whom it speaks. */
export interface RunnerSetting {
  readonly server: string
  /** Credentials that it shows there: those of runners, which are narrower than the worker's own. */
  readonly access: RunnerAccess
  readonly worker: string
  /** Its number, among those of its worker. */
  readonly runner: number
  /** Where it is confined: what it opens for itself, to find the bus there. */
  readonly gates?: readonly BusGate[]
}

/** Why an attempt is told to stop; a timeout is the worker's own decision. */
export type StopCause = 'pruned' | 'cancelled' | 'superseded' | 'timeout'

export type ToRunner =
  | { readonly type: 'setting'; readonly setting: RunnerSetting }
  | { readonly type: 'begin'; readonly assignment: Assignment; readonly file: string }
  /** Heard when the event loop turns; a loop that blocks it hears of the stop from the second thread. */
  | { readonly type: 'stop'; readonly key: string; readonly cause: StopCause }
  | { readonly type: 'leave' }

export type FromRunner =
  | { readonly type: 'hello' }
  | { readonly type: 'ready'; readonly backend: string; readonly versions: Record<string, string> }
  | { readonly type: 'unfit'; readonly problem: Problem }
  | { readonly type: 'started'; readonly key: string; readonly at: number }
  | {
      readonly type: 'ended'
      readonly key: string
      readonly outcome: AttemptOutcome
      readonly startedAt: number
      readonly endedAt: number
      readonly points: number
      /** The trial has a checkpoint. */
      readonly checkpoint?: boolean
      /** Resident memory of the runner after it. */
      readonly rssBytes: number
      /** The state that user code left behind is in doubt: the runner takes no other. */
      readonly last: boolean
    }
