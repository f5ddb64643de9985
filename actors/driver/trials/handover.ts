/** Attempts on their way to workers: handed over, refused, told to stop. */
import { codeOf, type Assignment, type AttemptRef, type StopReason } from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { Courier } from './delivery.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Place } from '../suggesting/suggestions.ts'

export interface HandoverHost {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly fleet: Fleet
  /** The experiment still has this attempt out. */
  holds(attempt: AttemptRef): boolean
  closed(): boolean
  /** Everything that runs is being stopped. */
  cancelling(): boolean
  /** It was not begun: it is tried again at no cost. */
  returned(attempt: AttemptRef, worker: string, reason: string): void
  lost(attempt: AttemptRef, worker: string, reason: string): void
}

export class Handover {
  readonly #host: HandoverHost
  readonly #courier: Courier

  constructor(host: HandoverHost) {
    this.#host = host
    this.#courier = new Courier(host.bus, host.clock, host.logger)
  }

  async deliver(assignment: Assignment, { slot, held }: Place): Promise<void> {
    const { attempt } = assignment
    const wanted = () => !this.#host.closed() && !held.gone && this.#host.holds(attempt)
    const delivered = await this.#courier.deliver(slot.worker, assignment, wanted)
    if (delivered.kind === 'taken') {
      held.confirmed = true
      if (!this.#host.closed() && this.#host.cancelling()) this.stop(slot.worker, attempt, 'cancelled')
    } else if (delivered.kind === 'refused' && wanted()) {
      this.#refused(delivered, attempt, { slot, held })
    }
  }

  stop(worker: string, attempt: AttemptRef, reason: StopReason): void {
    const wanted = () => !this.#host.closed() && (reason === 'superseded' || this.#host.holds(attempt))
    void this.#stop(worker, attempt, reason, wanted)
  }

  /** Those that train together all return the same, one after the other; whoever does not is stopped, be the experiment over or not. */
  letReturn(worker: string, attempt: AttemptRef, graceMs: number): void {
    this.#host.clock.setTimeout(() => void this.#stop(worker, attempt, 'superseded', () => true), graceMs)
  }

  async #stop(worker: string, attempt: AttemptRef, reason: StopReason, wanted: () => boolean): Promise<void> {
    try {
      await this.#courier.stop(worker, attempt, reason, wanted)
    } catch (error) {
      this.#host.logger.warn({ ...attempt, worker, code: codeOf(error) }, 'it could not be stopped')
    }
  }

  #refused(
    { code, message }: { code: string | undefined; message: string },
    attempt: AttemptRef,
    { slot, held }: Place,
  ): void {
    const { worker } = slot
    this.#host.logger.warn({ ...attempt, worker, code }, message)
    this.#host.fleet.free(slot, held)
    const notLeased = code === 'LEASE_UNKNOWN' || code === 'SLOT_TAKEN'
    if (notLeased) slot.lease = 'none'
    if (notLeased || code === 'WORKER_DRAINING') this.#host.returned(attempt, worker, message)
    else this.#host.lost(attempt, worker, message)
  }
}
