/** Takes attempts to workers and tells them to stop, as often as it needs until the worker has heard or is lost. */
import {
  assign,
  codeOf,
  stopTrial,
  toProblem,
  type AttemptRef,
  type Assignment,
  type StopReason,
} from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'

const resendMs = 200
const stopTries = 20
const passing = new Set<string | undefined>(['BUS_NO_RESPONDERS', 'BUS_TIMEOUT', 'BUS_DISCONNECTED'])

export type Delivered =
  | { readonly kind: 'taken' }
  /** Nobody wants it there any more. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'refused'; readonly code: string | undefined; readonly message: string }

export class Courier {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(bus: Bus, clock: Clock, logger: Logger) {
    this.#bus = bus
    this.#clock = clock
    this.#logger = logger
  }

  /** `wanted` is asked before every try; a worker that is lost ends it. */
  async deliver(worker: string, assignment: Assignment, wanted: () => boolean): Promise<Delivered> {
    while (wanted()) {
      try {
        await ask(this.#bus, assign, { worker }, assignment, { timeoutMs: 5000 })
        return { kind: 'taken' }
      } catch (error) {
        const code = codeOf(error)
        if (!passing.has(code)) return { kind: 'refused', code, message: toProblem(error).message }
        await this.#pause()
      }
    }
    return { kind: 'dropped' }
  }

  async stop(worker: string, attempt: AttemptRef, reason: StopReason, wanted: () => boolean): Promise<void> {
    for (let tries = 0; tries < stopTries && wanted(); tries += 1) {
      try {
        await ask(this.#bus, stopTrial, { worker }, { attempt, reason }, { timeoutMs: 2000 })
        return
      } catch (error) {
        const code = codeOf(error)
        this.#logger.debug({ ...attempt, worker, code }, 'stop is said again')
        if (!passing.has(code)) throw error
        await this.#pause()
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimeout(resolve, resendMs)
    })
  }
}
