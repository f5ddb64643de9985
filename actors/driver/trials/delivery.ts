/** Takes attempts to workers and tells them to stop, as often as it needs until the worker has heard or nobody wants it any more. */
import {
  codeOf,
  stopTrial,
  toProblem,
  type AttemptRef,
  type Assignment,
  type Problem,
  type StopReason,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import { Assigning } from './assigning.ts'
import { CodeRefusals } from './code-refusals.ts'

const firstPauseMs = 200
const longestPauseMs = 2000
const passing = new Set<string | undefined>(['BUS_NO_RESPONDERS', 'BUS_TIMEOUT', 'BUS_DISCONNECTED'])

export type Delivered =
  | { readonly kind: 'taken'; readonly position: 'running' | 'next' }
  /** Nobody wants it there any more. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }

/** An assignment on its way that no worker has answered. */
export interface Unanswered {
  readonly worker: string
  readonly attempt: AttemptRef
  readonly code: string
  /** In elapsed time. */
  readonly since: number
}

export class Delivery {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #unanswered = new Set<Unanswered>()
  readonly #assigning: Assigning

  /** `takesSeveral`: whether a worker takes several assignments in one message. */
  constructor(bus: Bus, clock: Clock, takesSeveral: (worker: string) => boolean) {
    this.#bus = bus
    this.#clock = clock
    this.#assigning = new Assigning(bus, takesSeveral)
  }

  /** For people: the one that goes unanswered the longest. */
  get unanswered(): Unanswered | undefined {
    return [...this.#unanswered].reduce<Unanswered | undefined>(
      (oldest, one) => (oldest === undefined || one.since < oldest.since ? one : oldest),
      undefined,
    )
  }

  /** `wanted` is asked before every try. `onSilence`: a try went unanswered, and may have arrived. */
  async deliver(
    worker: string,
    assignment: Assignment,
    wanted: () => boolean,
    onSilence: () => void,
  ): Promise<Delivered> {
    const since = this.#clock.elapsed()
    let waits: Unanswered | undefined
    try {
      for (let tries = 0; wanted(); tries += 1) {
        try {
          return { kind: 'taken', position: await this.#assigning.assign(worker, assignment) }
        } catch (error) {
          const code = codeOf(error) ?? 'INTERNAL'
          if (!passing.has(code)) return refused(code, toProblem(error))
          if (code !== 'BUS_NO_RESPONDERS') onSilence()
          if (waits !== undefined) this.#unanswered.delete(waits)
          waits = { worker, attempt: assignment.attempt, code, since }
          this.#unanswered.add(waits)
          await this.#pause(tries)
        }
      }
      return { kind: 'dropped' }
    } finally {
      if (waits !== undefined) this.#unanswered.delete(waits)
    }
  }

  /** Resolves with what the worker says; undefined: nobody wanted it any more, or the worker refuses. */
  async stop(
    worker: string,
    attempt: AttemptRef,
    stop: { readonly reason: StopReason; readonly ifWaiting?: true },
    wanted: () => boolean,
  ): Promise<{ known: boolean } | undefined> {
    for (let tries = 0; wanted(); tries += 1) {
      try {
        return await ask(this.#bus, stopTrial, { worker }, { attempt, ...stop }, { timeoutMs: 2000 })
      } catch (error) {
        if (codeOf(error) === 'BUS_CLOSED') return undefined
        await this.#pause(tries)
      }
    }
    return undefined
  }

  #pause(tries: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimeout(resolve, Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(tries, 8)))
    })
  }
}

/** People can mend what a worker has against the code: they are told how. */
function refused(code: string, { message, remedy }: Problem): Delivered {
  const told = CodeRefusals.isOne(code) && remedy !== undefined ? `${message}; ${remedy}` : message
  return { kind: 'refused', code, message: told }
}
