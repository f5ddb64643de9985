/**
 * The attempts of one experiment at its trials: given out, told to stop, lost, ended. Pure but for what it remembers of attempts
 * that are out: it looks at the log's history and at what happens, and says what is to be done (experiment/effects.ts does it).
 * I1 A trial counts as assigned once that is in the log, and only then goes out; a result is acknowledged once it is kept.
 * I2 An attempt that may have begun costs one of the trial's attempts when it is lost; one that cannot have begun costs nothing.
 * I3 What is superseded is an attempt, never a worker: the same worker may have a later attempt at the same trial.
 * I4 Every attempt has an end: one that outlives its time limit, or the grace after it was told to stop, is given up here.
 * I5 An attempt that is newer than the history is none of this driver's business: whoever gave it out has the experiment now.
 */
import {
  problem,
  type AttemptOutcome,
  type AttemptRef,
  type done,
  type LogEvent,
  type PayloadOf,
  type StopReason,
} from '../../../protocol/index.ts'
import { isFinal, type History, type Observed, type HeldPart, type TrialSnapshot } from '../../../src/history/index.ts'
import type { Place } from '../fleet/index.ts'
import { believed } from './assignment.ts'
import { CodeRefusals, type CodeRefusal } from './code-refusals.ts'
import type { Heard, LossNews, TrialDecision } from './decision.ts'
import { HandBacks } from './hand-backs.ts'
import { TimeLimits } from './time-limits.ts'

export class Attempts {
  readonly #history: History
  /** By trial and attempt: when the log says that it was assigned. */
  readonly #assignedAt = new Map<string, number>()
  readonly #timeLimits: TimeLimits
  readonly #handBacks = new HandBacks()
  readonly #codeRefusals = new CodeRefusals()
  /** By trial and attempt: why one that waits behind another was called back. */
  readonly #recalled = new Map<string, string>()

  constructor(history: History) {
    this.#history = history
    this.#timeLimits = new TimeLimits(() => history.submission.context.policy)
  }

  /** An event of the log, live or replayed. */
  note(event: LogEvent): void {
    if (event.type === 'experiment.signed') this.#codeRefusals.clear()
    if (event.type === 'trial.assigned') this.#assignedAt.set(keyOf(event), event.at)
    if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return
    this.#assignedAt.delete(keyOf(event))
    this.#timeLimits.forget(keyOf(event))
    this.#recalled.delete(keyOf(event))
  }

  /** The work of a driver that takes the experiment up, for each attempt that is out. */
  takeUp(): TrialDecision[] {
    const decisions: TrialDecision[] = []
    for (const trial of this.#history.held) {
      for (const { worker, slot, attempt } of this.partsOf(trial)) {
        const ref = this.#ref(trial, attempt)
        const at = this.#assignedAt.get(keyOf(ref)) ?? 0
        decisions.push({ kind: 'expect', worker, slot, attempt: ref, at })
      }
    }
    // A stop that was decided and may not have been heard.
    for (const trial of this.#history.held) {
      if (this.#history.trial(trial)?.value === 'stopping') decisions.push(...this.stop(trial, 'pruned'))
    }
    return decisions
  }

  /** Gives a trial to a place: its next attempt. */
  nextAttempt(trial: number): AttemptRef {
    return this.#ref(trial, (this.#history.trial(trial)?.context.attempt ?? 0) + 1)
  }

  assign(place: Place, attempt: AttemptRef, at: number): TrialDecision[] {
    const { trial, attempt: number } = attempt
    const { worker, slot } = place
    const event = { type: 'trial.assigned' as const, at, trial, attempt: number, worker, slot }
    return [
      { kind: 'commit', event },
      { kind: 'deliver', place, attempt },
    ]
  }

  /** The workers that have the trial. */
  partsOf(trial: number): readonly HeldPart[] {
    return this.#history.trial(trial)?.context.parts ?? []
  }

  /** The trial still rests on this attempt. */
  holds({ trial, attempt }: AttemptRef): boolean {
    return this.#history.held.has(trial) && this.#history.counts(trial, attempt)
  }

  /** Nothing is begun any more. */
  get isCancelling(): boolean {
    return ['concluding', 'cancelling', 'failing', 'givingUp'].includes(this.#history.state)
  }

  /** Whether an assignment that is on its way should still go out. */
  wants(place: Place, attempt: AttemptRef): boolean {
    return place.holds(attempt) && this.holds(attempt) && !this.isCancelling && !this.#isHalted
  }

  /** Running attempts are handed back. */
  get #isHalted(): boolean {
    return this.#history.state === 'halted'
  }

  /** An assignment was not delivered before it was not wanted any more. */
  undelivered(place: Place, attempt: AttemptRef, at: number): TrialDecision[] {
    if (place.isOver) return []
    // Whether it arrived is not known: it is stopped, and the worker's answer frees the place.
    if (place.state !== 'delivering') return [this.#stop(place.worker, attempt, 'superseded')]
    return [
      { kind: 'free', place },
      ...(this.holds(attempt) ? [returnOf(attempt, place.worker, 'it was not begun', at)] : []),
    ]
  }

  /** The worker does not take it. `now`: elapsed. */
  refused(
    place: Place,
    attempt: AttemptRef,
    { code, message }: { readonly code: string; readonly message: string },
    { now, at }: { readonly now: number; readonly at: number },
  ): TrialDecision[] {
    const { worker } = place
    const decisions: TrialDecision[] = [
      { kind: 'warn', attempt, worker, text: message },
      { kind: 'free', place },
    ]
    if (CodeRefusals.isOne(code)) {
      this.#codeRefusals.note(worker, code, message, now)
      return this.holds(attempt) ? [...decisions, returnOf(attempt, worker, message, at)] : decisions
    }
    if (code !== 'WORKER_DRAINING') decisions.push({ kind: 'rest', place, code })
    if (!this.holds(attempt)) return decisions
    const costsNothing = code === 'LEASE_UNKNOWN' || code === 'SLOT_TAKEN' || code === 'WORKER_DRAINING'
    const end = costsNothing ? this.#handedBack(attempt, worker, message, at) : lossOf(attempt, worker, message, at)
    return [...decisions, end]
  }

  /** Why a worker is given nothing of this experiment for a while. */
  refusalOf(worker: string): CodeRefusal | undefined {
    return this.#codeRefusals.of(worker)
  }

  /** The worker has taken it: what was decided meanwhile is said now. */
  delivered({ worker }: Place, attempt: AttemptRef): TrialDecision[] {
    if (!this.holds(attempt) || this.#isHalted) return [this.#stop(worker, attempt, 'superseded')]
    return this.isCancelling ? [this.#stop(worker, attempt, 'cancelled')] : []
  }

  /** The worker says that it does not know an attempt that it was told to stop. */
  unknownToWorker(place: Place, attempt: AttemptRef, at: number): TrialDecision[] {
    if (place.state !== 'expected' && place.state !== 'delivering') return []
    const free: TrialDecision = { kind: 'free', place }
    return this.holds(attempt) ? [free, returnOf(attempt, place.worker, 'it never reached the worker', at)] : [free]
  }

  /** The worker of an attempt is gone, or knows nothing of it. */
  lose({ place, state, how, behind, workerStartedAt }: LossNews, at: number): TrialDecision[] {
    const { attempt, worker } = place
    if (attempt === null || !this.holds(attempt)) return []
    const reason = how === 'gone' ? 'its worker went away' : 'the worker knows nothing of it'
    const warn: TrialDecision = { kind: 'warn', attempt, worker, text: `attempt lost: ${reason}` }
    // I2
    const livedThrough = workerStartedAt !== null && workerStartedAt <= place.assignedAt
    const unbegun =
      state === 'reserved' ||
      state === 'delivering' ||
      state === 'waiting' ||
      (state === 'expected' && (behind || (how === 'unknown' && livedThrough)))
    return [
      warn,
      unbegun
        ? this.#handedBack(attempt, worker, 'it never reached the worker', at)
        : lossOf(attempt, worker, reason, at),
    ]
  }

  /** A worker has an attempt that this driver does not hold there: expected again, or told to stop. */
  stranger(worker: string, slot: number | null, attempt: AttemptRef): TrialDecision[] {
    const isHere = this.partsOf(attempt.trial).some(
      (part) => part.attempt === attempt.attempt && part.worker === worker,
    )
    if (slot === null) return []
    const { attempt: last = 0 } = this.#history.trial(attempt.trial)?.context ?? {}
    // I5
    if (attempt.attempt > last) return [{ kind: 'verify' }]
    if (!isHere || !this.holds(attempt)) return [this.#stop(worker, attempt, 'superseded')]
    return [{ kind: 'expect', worker, slot, attempt, at: this.#assignedAt.get(keyOf(attempt)) ?? 0 }]
  }

  /** Stops a trial wherever it runs. `now`: elapsed; without it nothing is expected of the workers yet. */
  stop(trial: number, reason: StopReason): TrialDecision[] {
    return this.partsOf(trial).map(({ worker, attempt }) => this.#stop(worker, this.#ref(trial, attempt), reason))
  }

  /** The experiment is paused or stopped: what waits behind another attempt, or all, is handed back at no cost. */
  handBack(all: boolean, placeOf: (worker: string, ref: AttemptRef) => Place | undefined): TrialDecision[] {
    return [...this.#history.held].flatMap((trial) => {
      if (this.#history.trial(trial)?.value === 'stopping') return []
      return this.partsOf(trial).flatMap(({ worker, attempt }) => {
        const ref = this.#ref(trial, attempt)
        if (all) return [this.#stop(worker, ref, 'superseded')]
        const reason = this.#history.paused ? 'the experiment is paused' : 'the experiment is being stopped'
        return placeOf(worker, ref)?.state === 'waiting' ? this.#recall(worker, ref, reason) : []
      })
    })
  }

  /** Slots are idle while these wait behind one that takes long: they are called back, at no cost. */
  recall(places: readonly Place[]): TrialDecision[] {
    return places.flatMap(({ worker, attempt, state }) =>
      attempt !== null && state === 'waiting' && this.holds(attempt)
        ? this.#recall(worker, attempt, 'it waited behind a long one, and another slot was idle')
        : [],
    )
  }

  /** Said once: whoever does not hand it back has begun with it. */
  #recall(worker: string, attempt: AttemptRef, reason: string): TrialDecision[] {
    const key = keyOf(attempt)
    if (this.#recalled.has(key)) return []
    this.#recalled.set(key, reason)
    return [{ ...this.#stop(worker, attempt, 'superseded'), ifWaiting: true }]
  }

  stopAll(): TrialDecision[] {
    return [...this.#history.held].flatMap((trial) => this.stop(trial, 'cancelled'))
  }

  /** A member that does not answer in its ring: should it come back, it begins anew, as a newcomer. */
  expel(trial: number, attempt: number, reason: string, place: Place | undefined, at: number): TrialDecision[] {
    const part = this.partsOf(trial).find((one) => one.attempt === attempt)
    if (part === undefined) return []
    return this.#giveUp(this.#ref(trial, attempt), part.worker, `ring member lost: ${reason}`, place, at)
  }

  /** Takes a worker's word on an attempt that has ended. Throws MESSAGE_INVALID. */
  end(
    worker: string,
    payload: PayloadOf<typeof done>,
    context: { place: Place | undefined; offers: boolean; heard: Heard; at: number },
  ): { decisions: TrialDecision[]; event: Extract<LogEvent, { type: 'trial.ended' }> | null } {
    const { trial, attempt, startedAt, endedAt, points, checkpoint } = payload
    const { place, at } = context
    if (this.#history.trial(trial) === undefined) {
      const reason = `${trial} is not a trial of ${this.#history.submission.experiment}`
      throw problem('MESSAGE_INVALID', { subject: 'trial.done', path: '/trial', reason })
    }
    const ref = this.#ref(trial, attempt)
    const decisions: TrialDecision[] = place === undefined ? [] : [{ kind: 'free', place }]
    if (this.#history.settled(trial)) return { decisions, event: null }
    const outcome = this.#outcomeOf(ref, payload.outcome)
    const key = keyOf(ref)
    const isPrompted = this.#timeLimits.isStopped(key) || this.#recalled.has(key)
    const isUnprompted = outcome.kind === 'returned' && context.offers && !isPrompted
    if (place !== undefined && outcome.kind !== 'returned') decisions.push({ kind: 'served', place })
    // An attempt that waited behind another one is handed back for good reasons.
    if (place !== undefined && place.state !== 'waiting' && place.state !== 'foreign' && isUnprompted) {
      decisions.push({ kind: 'rest', place, code: 'SLOT_HANDS_BACK' })
      if (this.#handBacks.isOneTooMany(trial)) {
        const reason = `it was handed back ${this.#handBacks.most} times, and never begun`
        decisions.push(lossOf(ref, worker, reason, at))
        return { decisions, event: null }
      }
    }
    const event = {
      type: 'trial.ended' as const,
      at,
      trial,
      attempt,
      worker,
      outcome,
      startedAt,
      endedAt,
      points,
      ...(checkpoint === true ? { checkpoint } : {}),
      ...context.heard,
    }
    return { decisions: [...decisions, { kind: 'commit', event }], event }
  }

  /** An attempt that the trial still rests on was stopped as superseded: by a driver that was mistaken. It is tried again. */
  #outcomeOf(ref: AttemptRef, said: AttemptOutcome): AttemptOutcome {
    const isMistaken = said.kind === 'stopped' && said.reason === 'superseded' && this.holds(ref)
    const reason = this.#history.paused ? 'the experiment is paused' : 'another driver stopped it'
    const recalled = this.#recalled.get(keyOf(ref))
    if (recalled !== undefined && (isMistaken || said.kind === 'returned'))
      return { kind: 'returned', reason: recalled }
    if (isMistaken) return { kind: 'returned', reason }
    return believed(this.#history.submission.context, said)
  }

  /** The trial has settled by an attempt's end: the others at it are not needed any more (I3). */
  settled(
    before: TrialSnapshot,
    by: number,
    placeOf: (worker: string, ref: AttemptRef) => Place | undefined,
  ): TrialDecision[] {
    const { trial, parts } = before.context
    this.#handBacks.forget(trial)
    const isDone = this.#history.trial(trial)?.value === 'done'
    return parts.flatMap(({ attempt, worker }): TrialDecision[] => {
      if (attempt === by) return []
      const ref = this.#ref(trial, attempt)
      const place = placeOf(worker, ref)
      if (place?.state === 'reserved') return [{ kind: 'free', place }]
      // Those that train together all return the same, one after the other; whoever does not is stopped.
      const afterMs = this.#history.shared && isDone ? this.#history.submission.context.policy.graceMs : 0
      return [{ kind: 'stop', worker, attempt: ref, reason: 'superseded', afterMs }]
    })
  }

  /** Attempts that have outlived their time (I4). `now`: elapsed. */
  overdue(now: number, placeOf: (worker: string, ref: AttemptRef) => Place | undefined, at: number): TrialDecision[] {
    this.#codeRefusals.tick(now)
    const decisions: TrialDecision[] = []
    for (const trial of this.#history.held) {
      for (const { worker, attempt } of this.partsOf(trial)) {
        const ref = this.#ref(trial, attempt)
        const place = placeOf(worker, ref)
        const text = this.#timeLimits.exceeded(keyOf(ref), place?.state === 'running', now)
        if (text !== null) decisions.push(...this.#giveUp(ref, worker, text, place, at))
      }
    }
    return decisions
  }

  /** A stop goes out: the attempt has its grace from now on. */
  stopSaid(attempt: AttemptRef, now: number): void {
    if (this.holds(attempt)) this.#timeLimits.stopped(keyOf(attempt), now)
  }

  #giveUp(ref: AttemptRef, worker: string, text: string, place: Place | undefined, at: number): TrialDecision[] {
    return [
      { kind: 'warn', attempt: ref, worker, text },
      ...(place === undefined ? [] : [{ kind: 'disown' as const, place }]),
      lossOf(ref, worker, text, at),
      this.#stop(worker, ref, 'superseded'),
    ]
  }

  #ref(trial: number, attempt: number): AttemptRef {
    return { experiment: this.#history.submission.experiment, trial, attempt }
  }

  #stop(worker: string, attempt: AttemptRef, reason: StopReason): Extract<TrialDecision, { kind: 'stop' }> {
    return { kind: 'stop', worker, attempt, reason, afterMs: 0 }
  }

  /** It was not begun: it is tried again at no cost, though not without limit. */
  #handedBack(ref: AttemptRef, worker: string, reason: string, at: number): TrialDecision {
    return this.#handBacks.isOneTooMany(ref.trial) ? lossOf(ref, worker, reason, at) : returnOf(ref, worker, reason, at)
  }
}

/** The attempt is tried again, and counts as none. */
function returnOf({ trial, attempt }: AttemptRef, worker: string, reason: string, at: number): TrialDecision {
  const outcome = { kind: 'returned' as const, reason }
  const end = { at, trial, attempt, worker, outcome, startedAt: null, endedAt: at, points: 0 }
  return { kind: 'commit', event: { type: 'trial.ended', ...end } }
}

/** The attempt is lost: it counts as one of the trial's. */
function lossOf({ trial, attempt }: AttemptRef, worker: string, reason: string, at: number): TrialDecision {
  return { kind: 'commit', event: { type: 'trial.lost', at, trial, attempt, worker, reason } }
}

/** How trials stand: what they came to, as far as they have. */
export const standingsOf = (history: History) => ({
  one(trial: number): Observed | undefined {
    const snapshot = history.trial(trial)
    return snapshot && standingOf(trial, snapshot)
  },
  all: (): Observed[] => [...history.trials].map(([trial, snapshot]) => standingOf(trial, snapshot)),
})

function standingOf(trial: number, { value, context }: TrialSnapshot): Observed {
  const { hparams, metrics, fidelity } = context
  const state: Observed['state'] = isFinal(value) ? value : 'pending'
  const known = { trial, hparams, state, metrics: state === 'pending' ? {} : metrics, step: null }
  return fidelity === undefined ? known : { ...known, fidelity }
}

const keyOf = ({ trial, attempt }: { readonly trial: number; readonly attempt: number }) => `${trial}.${attempt}`
