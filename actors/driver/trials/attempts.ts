/**
 * The attempts of one experiment at its trials: handed out, judged while they run, lost, ended.
 * I1 A trial counts as assigned once that is in the log, and only then goes out; a result is acknowledged once it is kept.
 */
import {
  problem,
  type AttemptRef,
  type done,
  type LogEvent,
  type metrics,
  type Metrics,
  type PayloadOf,
  type Seen,
  type Submission,
} from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { assignmentOf, believed } from './assignment.ts'
import type { History, Observed, Part, TrialSnapshot } from '../../../src/history/index.ts'
import type { Fleet, Held } from '../fleet/fleet.ts'
import { Handover } from './handover.ts'
import { Jury } from '../pruning/judgement.ts'
import type { Place } from '../suggesting/suggestions.ts'

export interface AttemptsHost {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly driver: string
  readonly fleet: Fleet
  commit(event: LogEvent): void
  /** Resolves once all that was committed is in the log; false: another driver has the experiment. */
  kept(): Promise<boolean>
  changed(): void
  /** A worker has ended an attempt, and said how. */
  ended(event: Extract<LogEvent, { type: 'trial.ended' }>): void
  /** A trial has settled. */
  settled(trial: number, observation: Observed | undefined): void
}

export class Attempts {
  readonly #host: AttemptsHost
  readonly #submission: Submission
  readonly #history: History
  readonly #jury: Jury
  readonly #handover: Handover
  #closed = false

  constructor(host: AttemptsHost, history: History) {
    this.#host = host
    this.#submission = history.submission
    this.#history = history
    this.#jury = new Jury(host.bus, host.logger, history, (...said) => this.#prune(...said))
    this.#handover = new Handover({
      ...host,
      holds: (ref) => this.#holds(ref),
      closed: () => this.#closed,
      cancelling: () => ['concluding', 'cancelling', 'failing', 'givingUp'].includes(history.state),
      returned: (ref, worker, reason) => this.#returned(ref, worker, reason),
      lost: (ref, worker, reason) => this.#lose(ref, worker, reason),
    })
  }

  get #id(): string {
    return this.#submission.experiment
  }

  /** Reads back what was reported before this driver was there. */
  recall(): Promise<void> {
    return this.#jury.recall()
  }

  hear(trial: number, batch: PayloadOf<typeof metrics>): void {
    this.#jury.hear(trial, batch)
  }

  /** What a trial reported last. */
  last(trial: number): { step: number; metrics: Metrics } | null {
    return this.#jury.last(trial)
  }

  close(): void {
    this.#closed = true
    this.#jury.close()
  }

  /** The worker of an attempt is gone, or knows nothing of it. */
  lost(held: Held, worker: string, reason: string): void {
    if (held.attempt === null || this.#closed) return
    const { trial, attempt } = held.attempt
    this.#host.logger.warn({ experiment: this.#id, trial, attempt, worker }, `attempt lost: ${reason}`)
    if (held.confirmed === true) this.#lose(held.attempt, worker, reason)
    else this.#returned(held.attempt, worker, 'it never reached the worker')
  }

  /** A worker runs an attempt that this driver does not hold there: expected again, or told to stop. */
  foreign(worker: string, slot: number, ref: AttemptRef): void {
    const trial = this.#history.trial(ref.trial)
    if (trial === undefined || this.#closed) return
    const here = this.partsOf(ref.trial).some((part) => part.attempt === ref.attempt && part.worker === worker)
    if (here && this.#history.held.has(ref.trial)) this.#host.fleet.expect(worker, slot, ref)
    else this.#handover.stop(worker, ref, 'superseded')
  }

  /** Tells all that run to stop. */
  stopAll(): void {
    for (const trial of this.#history.held) {
      for (const { worker, attempt } of this.partsOf(trial)) {
        this.#handover.stop(worker, { experiment: this.#id, trial, attempt }, 'cancelled')
      }
    }
  }

  /** All trials, as whoever suggests them is told. */
  history(): Observed[] {
    return [...this.#history.trials.keys()].flatMap((trial) => {
      const observation = this.#history.observation(trial)
      return observation === undefined ? [] : [observation]
    })
  }

  /** The workers that have the trial. */
  partsOf(trial: number): readonly Part[] {
    return this.#history.trial(trial)?.context.parts ?? []
  }

  /** A member that does not answer in its ring: should it come back, it begins anew, as a newcomer. */
  expel(trial: number, attempt: number, reason: string): void {
    const part = this.partsOf(trial).find((one) => one.attempt === attempt)
    if (part === undefined || this.#closed) return
    const { worker } = part
    const ref = { experiment: this.#id, trial, attempt }
    this.#host.logger.warn({ ...ref, worker }, `ring member lost: ${reason}`)
    const place = this.#host.fleet.find(worker, ref)
    if (place !== undefined) {
      this.#host.fleet.free(place.slot, place.held)
      // Until its worker says otherwise.
      place.slot.foreign = true
    }
    this.#host.commit({ type: 'trial.lost', at: this.#host.clock.now(), trial, attempt, worker, reason })
    this.#handover.stop(worker, ref, 'superseded')
  }

  /** Gives a trial to a place: its next attempt. */
  assign(trial: number, { slot, held }: Place): void {
    const attempt = (this.#history.trial(trial)?.context.attempt ?? 0) + 1
    held.attempt = { experiment: this.#id, trial, attempt }
    if (this.#history.queued.has(trial)) this.#jury.restart(trial, attempt)
    this.#host.commit({
      type: 'trial.assigned',
      at: this.#host.clock.now(),
      trial,
      attempt,
      worker: slot.worker,
      slot: slot.slot,
    })
    void this.#handOver(held.attempt, { slot, held })
  }

  async #handOver(attempt: AttemptRef, place: Place): Promise<void> {
    if (!(await this.#host.kept())) return
    const trial = this.#history.trial(attempt.trial)?.context
    if (trial === undefined) return
    const assignment = assignmentOf({
      driver: this.#host.driver,
      submission: this.#submission,
      attempt,
      slot: place.slot.slot,
      trial,
      ablated: this.#history.ablated(attempt.trial),
    })
    await this.#handover.deliver(assignment, place)
  }

  /** It was not begun: it is tried again at no cost. */
  #returned(ref: AttemptRef, worker: string, reason: string): void {
    const at = this.#host.clock.now()
    const outcome = { kind: 'returned' as const, reason }
    const end = { at, worker, outcome, startedAt: null, endedAt: at, points: 0 }
    this.#host.commit({ type: 'trial.ended', ...trialOf(ref), ...end })
  }

  #lose({ trial, attempt }: AttemptRef, worker: string, reason: string): void {
    const before = this.#history.trial(trial)
    const open = before !== undefined && !this.#history.settled(trial)
    this.#host.commit({
      type: 'trial.lost',
      at: this.#host.clock.now(),
      trial,
      attempt,
      worker,
      reason,
      ...this.#jury.heard(trial),
    })
    // Its last attempt is a result too.
    if (open && this.#history.settled(trial)) this.#settled(trial, before, worker)
  }

  #holds(ref: AttemptRef): boolean {
    const snapshot = this.#history.trial(ref.trial)
    return snapshot !== undefined && this.#history.counts(ref.trial, ref.attempt) && this.#history.held.has(ref.trial)
  }

  /** What a worker says of an attempt that has ended. Resolves once it is kept; rejects if it cannot be. */
  async end(worker: string, payload: PayloadOf<typeof done>): Promise<PayloadOf<{ payload: (typeof done)['reply'] }>> {
    const { trial, attempt, startedAt, endedAt, points, checkpoint } = payload
    const place = this.#host.fleet.find(worker, { experiment: this.#id, trial, attempt })
    if (place !== undefined) this.#host.fleet.free(place.slot, place.held)
    const before = this.#history.trial(trial)
    if (before === undefined)
      throw problem('MESSAGE_INVALID', {
        subject: 'trial.done',
        path: '/trial',
        reason: `${trial} is not a trial of ${this.#id}`,
      })
    if (!this.#history.settled(trial)) {
      const outcome = believed(this.#submission.context, payload.outcome)
      const event = {
        type: 'trial.ended' as const,
        at: this.#host.clock.now(),
        trial,
        attempt,
        worker,
        outcome,
        startedAt,
        endedAt,
        points,
        ...(checkpoint === true ? { checkpoint } : {}),
        ...this.#lastStep(trial),
        ...this.#jury.heard(trial),
      }
      this.#jury.noteSilence(event)
      this.#host.ended(event)
      this.#host.commit(event)
      if (this.#history.settled(trial)) this.#settled(trial, before, worker)
    } else {
      this.#host.changed()
    }
    if (!(await this.#host.kept())) throw problem('EXPERIMENT_UNKNOWN', { experiment: this.#id })
    return {}
  }

  #lastStep(trial: number): { step?: number } {
    const step = this.#jury.last(trial)?.step
    return step === undefined ? {} : { step }
  }

  #settled(trial: number, before: TrialSnapshot, worker: string): void {
    const after = this.#history.trial(trial)
    if (after === undefined) return
    this.#jury.settle(trial, after.value as 'done' | 'pruned' | 'failed' | 'cancelled')
    const observation = this.#history.observation(trial)
    const { policy } = this.#submission.context
    // A late result of an earlier attempt came first: the later attempt is not needed.
    for (const { attempt, worker: holder } of before.context.parts) {
      if (holder === worker) continue
      const ref = { experiment: this.#id, trial, attempt }
      if (this.#history.shared && after.value === 'done') this.#handover.letReturn(holder, ref, policy.graceMs)
      else this.#handover.stop(holder, ref, 'superseded')
    }
    this.#host.settled(trial, observation)
    this.#host.changed()
  }

  #prune(trial: number, attempt: number, step: number, seen?: Seen): void {
    const value = this.#history.trial(trial)?.value
    if (value !== 'assigned' && value !== 'running') return
    for (const { worker, attempt: each } of this.partsOf(trial)) {
      this.#handover.stop(worker, { experiment: this.#id, trial, attempt: each }, 'pruned')
    }
    const at = this.#host.clock.now()
    const basis = seen === undefined ? {} : { seen }
    this.#host.commit({ type: 'trial.stopping', at, trial, attempt, reason: 'pruned', step, ...basis })
  }
}

const trialOf = ({ trial, attempt }: AttemptRef) => ({ trial, attempt })
