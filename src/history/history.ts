/**
 * An experiment as its log tells it: what each event means, written once for all who read it. Pure.
 * I1 Live and on replay the same events lead to the same state; what the world is to do comes back as effects.
 * I2 `takes` only looks: whoever asks it changes nothing.
 * I3 No event costs more as the history grows, but those that reopen trials or change the policy.
 */
import type { Conclusion, Counts, LogEvent, Submission } from '../../protocol/index.ts'
import type { ArtifactRecord } from './artifacts.ts'
import type { BestTrial } from './best.ts'
import type { Configuration } from './configurations.ts'
import { asChange, CurrentSubmission, type Changed } from './current-submission.ts'
import { isFinal } from './final.ts'
import type { Effect, Lifecycle } from './lifecycle.ts'
import { Machines } from './machines.ts'
import { notesOnChange } from './notes.ts'
import { observationOf, type Observed } from './observation.ts'
import type { Ranking } from './ranking.ts'
import { Records } from './records.ts'
import type { TrialEvent, TrialSnapshot } from './trial.machine.ts'

/** Events that are not kept. */
type VolatileEvent =
  { type: 'optimizer.lost' } | (Extract<TrialEvent, { type: 'trial.started' | 'trial.cancelled' }> & { trial: number })

const volatile = new Set<string>(['optimizer.lost', 'trial.started', 'trial.cancelled'])

export class History {
  readonly #submission: CurrentSubmission
  readonly #machines: Machines
  readonly records = new Records()
  readonly lifecycle: Lifecycle
  readonly ranking: Ranking
  readonly trials: ReadonlyMap<number, TrialSnapshot>
  /** Trials that wait for a slot, in order. */
  readonly queued: ReadonlySet<number>
  /** Trials that some worker holds. */
  readonly held: ReadonlySet<number>
  /** Of those that a worker holds: they wait in their slot behind another one. */
  readonly waiting: ReadonlySet<number>
  readonly settledCounts: Readonly<Record<'done' | 'pruned' | 'failed' | 'cancelled', number>>
  /** How many events of the log it has taken in, with those that are missing: the number of the next one. */
  length = 0
  /** Whether its trials go on from checkpoints, for a scheduler says how far each goes. */
  continues = false
  #since = 0

  constructor(submission: Submission) {
    this.#submission = new CurrentSubmission(submission)
    this.#machines = new Machines(submission.context)
    const { lifecycle, trials, ranking } = this.#machines
    this.lifecycle = lifecycle
    this.ranking = ranking
    this.trials = trials.all
    this.queued = trials.queued
    this.held = trials.held
    this.waiting = trials.waiting
    this.settledCounts = trials.settledCounts
  }

  /** As it stands: as it was submitted, with all that was changed since, and the signature that it has now. */
  get submission(): Submission {
    return this.#submission.now
  }

  /** The same as its signature vouches for it: what was changed within its bounds is not in it. */
  get vouched(): Submission {
    return this.#submission.vouched
  }

  /** The requests by which it was changed. */
  get changes(): ReadonlySet<string> {
    return this.#submission.changes
  }

  /** Several workers train a trial together. */
  get shared(): boolean {
    return 'ring' in this.submission.context
  }

  // How it stands

  /** The state of its machine. */
  get state(): string {
    return this.lifecycle.state
  }

  get paused(): boolean {
    return this.lifecycle.paused
  }

  get ended(): boolean {
    return this.lifecycle.ended
  }

  get suggested(): number {
    return this.lifecycle.suggested
  }

  /** Whether something would go on if it were resumed. */
  get resumes(): boolean {
    const { lifecycle, queued, settledCounts } = this
    if (lifecycle.resumable) return true
    const hasMore = lifecycle.suggested < lifecycle.target || settledCounts.cancelled > 0 || queued.size > 0
    return lifecycle.state === 'done' && hasMore
  }

  /** How many trials stand how, in a reader's words: what waits in a slot behind another one does not run. */
  get tally(): Counts {
    const { queued, held, waiting, settledCounts } = this
    return { queued: queued.size + waiting.size, running: held.size - waiting.size, ...settledCounts }
  }

  /** Trials whose turn it is by the last event, which named another one. */
  get movedUp(): readonly number[] {
    return this.#machines.trials.movedUp
  }

  /** Where there is one objective: the trial with the best value; ties go to the lower number. */
  get best(): BestTrial | null {
    return this.ranking.best
  }

  /** Notes for people: the optimizer's on its choices, and those made on the way; each once. */
  get notes(): readonly string[] {
    return this.records.notes.all
  }

  /** When its time is up, by the clock that stamps the log; null: never, or not any more. */
  get deadline(): number | null {
    const { context } = this.submission
    const afterMs = context.kind === 'optimization' ? context.stop?.afterMs : undefined
    return afterMs === undefined || !this.lifecycle.going ? null : this.#since + afterMs
  }

  /** The stop rule that its results meet, while it still goes on. */
  get conclusion(): Conclusion | null {
    return this.lifecycle.going ? this.ranking.conclusion : null
  }

  /** The effects that its state still needs when a driver takes it up. */
  pendingEffects(): readonly Effect[] {
    const { pending } = this.lifecycle
    return this.repeats > 1 ? [...pending, 'stopRepeats'] : pending
  }

  // Its trials

  trial(trial: number): TrialSnapshot | undefined {
    return this.trials.get(trial)
  }

  settled(trial: number): boolean {
    const snapshot = this.trials.get(trial)
    return snapshot !== undefined && isFinal(snapshot.value)
  }

  /** Whether an attempt is one that the trial is made of now. */
  counts(trial: number, attempt: number): boolean {
    const context = this.trials.get(trial)?.context
    if (context === undefined) return false
    return context.attempt === attempt || context.parts.some((part) => part.attempt === attempt)
  }

  /** A trial's artifacts: of the attempt that counts once it has settled, before that of those that are at it. */
  artifacts(trial: number): readonly ArtifactRecord[] {
    const snapshot = this.trials.get(trial)
    return snapshot === undefined ? [] : this.records.artifacts.of(trial, snapshot)
  }

  // Its configurations

  /** How many trials each configuration is tried in. */
  get repeats(): number {
    return this.#machines.trials.repeats
  }

  /** How many configurations were suggested: where nothing is repeated, trials. */
  get configurations(): number {
    return Math.ceil(this.suggested / this.repeats)
  }

  /** The trials that repeat one configuration; undefined: it was not suggested. */
  configuration(configuration: number): Configuration | undefined {
    return this.#machines.trials.configuration(configuration)
  }

  configurationOf(trial: number): number {
    return this.#machines.trials.configurationOf(trial)
  }

  /** Trials that are stopped because another repeat of their configuration was pruned, each with the one that was. */
  get needless(): readonly { readonly trial: number; readonly with: number }[] {
    return this.#machines.trials.needless
  }

  /** A configuration as those who suggest are told of it. */
  observation(number: number): Observed | undefined {
    const configuration = this.configuration(number)
    return configuration === undefined ? undefined : observationOf(configuration, this.repeats)
  }

  /** All configurations as those who suggest are told of them. */
  observations(): Observed[] {
    return Array.from({ length: this.configurations }, (_, number) => this.observation(number)).filter(
      (one) => one !== undefined,
    )
  }

  // The events of its log

  /** Whether an event would change anything: one that would not is not worth a place in the log, and may mislead a reader. */
  takes(event: LogEvent): boolean {
    const { lifecycle, ended } = this
    switch (event.type) {
      case 'experiment.accepted':
      case 'experiment.adopted':
        return true
      case 'optimizer.swapped':
        return this.takes(asChange(event))
      case 'experiment.changed':
        return lifecycle.changeable && !this.changes.has(event.id)
      case 'shadow.proposed':
        return !ended && event.trial < this.configurations && this.records.proposals.takes(event)
      case 'experiment.annotated':
        return this.records.annotations.takes(event)
      case 'experiment.removing':
        return ended && !this.records.removing
      case 'worker.introduced':
        return !ended && !this.records.workers.has(event.worker)
      case 'ring.formed':
      case 'trial.artifact':
      case 'trial.saved':
        return this.trials.has(event.trial) && !this.settled(event.trial)
      case 'trial.suggested':
        return !this.trials.has(event.trial) && lifecycle.takes(event)
      case 'trial.assigned':
      case 'trial.stopping':
      case 'trial.ended':
      case 'trial.lost':
        return this.#machines.trials.takes(event.trial, event)
      case 'experiment.signed':
        return event.signature.value !== this.submission.signature?.value
      case 'experiment.resumed':
        return this.resumes && !this.records.removing
      case 'experiment.noted':
        return !ended && this.records.notes.takes(event)
      default:
        return lifecycle.takes(event)
    }
  }

  apply(event: LogEvent | VolatileEvent): Effect[] {
    this.#machines.trials.forgetMovedUp()
    if (!volatile.has(event.type)) this.length += 1
    switch (event.type) {
      case 'trial.suggested':
        // The first suggestion of a trial counts.
        if (this.trials.has(event.trial)) return []
        this.#machines.trials.create(event, this.submission.context)
        if (event.fidelity !== undefined) this.continues = true
        return this.#machines.move(event)
      case 'trial.assigned':
        this.records.holders.note(event)
        return this.#machines.moveTrial(event.trial, event)
      case 'trial.started':
      case 'trial.stopping':
      case 'trial.ended':
      case 'trial.lost':
      case 'trial.cancelled':
        return this.#machines.moveTrial(event.trial, event)
      case 'optimizer.opened':
        this.records.notes.add(event.notes ?? [])
        return this.#machines.move(event)
      case 'optimizer.swapped':
        return this.#change(asChange(event))
      case 'experiment.changed':
        return this.takes(event) ? this.#change(event) : []
      case 'experiment.ended':
        return this.#machines.end(event)
      case 'experiment.resumed':
        if (!this.resumes) return []
        this.#since = event.at
        return this.#machines.resume(event)
      case 'optimizer.exhausted':
      case 'optimizer.lost':
      case 'experiment.paused':
      case 'experiment.stopping':
      case 'experiment.failing':
        return this.#machines.move(event)
      case 'experiment.accepted':
        this.#since = event.at
        return []
      case 'experiment.adopted':
        return []
      case 'experiment.signed':
        this.#submission.sign(event)
        return []
      case 'trial.artifact':
        if (this.trials.has(event.trial)) this.records.note(event)
        return []
      case 'trial.saved':
        this.records.note(event)
        return event.ring ? this.#machines.moveTrial(event.trial, event) : []
      default:
        this.records.note(event)
        return []
    }
  }

  /** From here on it is another. */
  #change(event: Changed): Effect[] {
    const { at, change } = event
    this.records.notes.add(
      notesOnChange(change, this.submission.context, this.configurations, this.settledCounts.failed),
    )
    this.#submission.change(event, this.configurations)
    if (change.pruner !== undefined) this.records.notes.newPruner(at)
    return this.#machines.change(event, this.submission.context)
  }
}
