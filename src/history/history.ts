/**
 * An experiment as its log tells it: the machines of the experiment and of its trials, moved by one event at a time.
 * Pure: live and on replay the same events lead to the same state. What the world is to do comes back as effects.
 */
import type {
  Ablated,
  Conclusion,
  Counts,
  Hparams,
  LogEvent,
  Observation,
  Plugin,
  PrunerState,
  Submission,
} from '../../protocol/index.ts'
import { flatStepper, type FlatSnapshot } from '../machine/index.ts'
import { Best, type BestTrial } from './best.ts'
import { isFinal } from './final.ts'
import { Holders } from './holders.ts'
import { Improvement } from './stop-rules.ts'
import { experimentMachine, type ExperimentEvent } from './experiment.machine.ts'
import { trialMachine, type TrialEvent } from './trial.machine.ts'

export type TrialSnapshot = FlatSnapshot<typeof trialMachine>
type ExperimentSnapshot = FlatSnapshot<typeof experimentMachine>
export type Effect =
  'openOptimizer' | 'closeOptimizer' | 'stopRunning' | 'giveUp' | 'endDone' | 'endStopped' | 'endFailed'

/** Events that are not kept. */
type VolatileEvent =
  { type: 'optimizer.lost' } | (Extract<TrialEvent, { type: 'trial.started' | 'trial.cancelled' }> & { trial: number })

const volatile = new Set<string>(['optimizer.lost', 'trial.started', 'trial.cancelled'])
const experimentSteps = flatStepper(experimentMachine)
const trialSteps = flatStepper(trialMachine)

const stoppingStates = new Set<string>(['stopping', 'concluding', 'cancelling', 'failing'])
const resumable = new Set<string>(['stopped', 'failed'])
const goingStates = new Set<string>(['opening', 'searching', 'finishing'])
/** It ends as stopped or failed, and can be resumed once it has. */
const endingStates = new Set<string>(['stopping', 'cancelling', 'failing', 'givingUp', 'endingStopped', 'endingFailed'])
const heldStates = new Set<string>(['assigned', 'running', 'stopping'])

/** What an unfinished state still has to do when a driver takes it up. */
const pendingEffects: Readonly<Record<string, readonly Effect[]>> = {
  opening: ['openOptimizer'],
  stopping: ['closeOptimizer'],
  concluding: ['closeOptimizer', 'stopRunning'],
  cancelling: ['closeOptimizer', 'stopRunning'],
  failing: ['closeOptimizer', 'stopRunning'],
  givingUp: ['giveUp'],
  endingDone: ['endDone'],
  endingStopped: ['endStopped'],
  endingFailed: ['endFailed'],
}

/** A trial as those who suggest are told of it. */
export interface Observed extends Observation {
  readonly ablated?: Ablated
}

/** Of an experiment, those of its pruner's failures not counted. */
const mostNotes = 64
/** Of a trial's checkpoints, the hashes of so many are remembered. */
const savedAtMost = 8
/** A pruner that comes and goes is noted so often. */
export const mostPrunerFailures = 8

export class History {
  /** As it was submitted, with the signature that it has now. */
  submission: Submission
  readonly trials = new Map<number, TrialSnapshot>()
  /** Trials that wait for a slot, in order. */
  readonly queued = new Set<number>()
  /** Trials that some worker holds. */
  readonly held = new Set<number>()
  /** The last generation of each trial's ring. */
  readonly generations = new Map<number, Extract<LogEvent, { type: 'ring.formed' }>>()
  /** The hashes of each trial's last checkpoints; one of them is what lies in the store. */
  readonly #saved = new Map<string, readonly string[]>()
  /** Which worker each attempt was given to. */
  readonly holders = new Holders()
  #experiment: ExperimentSnapshot
  readonly #best: Best
  /** How many workers trained a trial together at most. */
  readonly #members = new Map<number, number>()
  /** What optimizers that are asked on the side proposed, by their names, in the place of which trial. */
  readonly proposals = new Map<string, Map<number, Hparams>>()
  /** Of a search: who suggests its trials now. */
  optimizer: Plugin | null
  firstFailure: string | null = null
  /** What people should know: what the optimizer says of its choices, and what was noted on the way; each once. */
  notes: readonly string[] = []
  /** The code of what an actor of the user's did that hindered nothing else: its pruner gave answers that are none. */
  misbehaved: string | undefined = undefined
  /** Whether the pruner judges, since when, and how often it has begun to fail. */
  pruner: { readonly state: PrunerState; readonly since: number; readonly failures: number } = {
    state: 'judges',
    since: 0,
    failures: 0,
  }
  /** How many events of the log it has taken in, with those that are missing: the number of the next one. */
  length = 0
  /** Whether its trials go on from checkpoints, for a scheduler says how far each goes. */
  continues = false
  readonly #improvement: Improvement
  #since = 0
  readonly settledCounts = { done: 0, pruned: 0, failed: 0, cancelled: 0 }

  constructor(submission: Submission) {
    this.submission = submission
    const { context } = submission
    const { trials: target, policy, objectives } = context
    this.optimizer = context.kind === 'optimization' ? context.optimizer : null
    this.#best = new Best(objectives)
    this.#improvement = new Improvement(submission.context)
    this.#experiment = experimentSteps.initial({ target, maxFailed: policy.maxFailed })
  }

  /** The state of its machine. */
  get state(): string {
    return this.#experiment.value
  }

  get suggested(): number {
    return this.#experiment.context.suggested
  }

  get ended(): boolean {
    return ['done', 'stopped', 'failed'].includes(this.#experiment.value)
  }

  /** How many trials stand how, in a reader's words. */
  get tally(): Counts {
    return { queued: this.queued.size, running: this.held.size, ...this.settledCounts }
  }

  /** It is on its way to an end that it can be resumed from. */
  get ending(): boolean {
    return endingStates.has(this.#experiment.value)
  }

  get failedTrials(): number {
    return this.#experiment.context.failed
  }

  get problem() {
    return this.#experiment.context.problem
  }

  /** Where there is one objective: the trial with the best value; ties go to the lower number. */
  get best(): BestTrial | null {
    return this.#best.trial
  }

  /** The stop rule that ended it, or is about to. */
  get concluded(): Conclusion | null {
    return this.#experiment.context.conclusion
  }

  /** When its time is up, by the clock that stamps the log; null: never, or not any more. */
  get deadline(): number | null {
    const { context } = this.submission
    const afterMs = context.kind === 'optimization' ? context.stop?.afterMs : undefined
    return afterMs === undefined || !goingStates.has(this.#experiment.value) ? null : this.#since + afterMs
  }

  /** The stop rule that its results meet, while it still goes on. */
  get conclusion(): Conclusion | null {
    return goingStates.has(this.#experiment.value) ? this.#improvement.conclusion : null
  }

  /** Whether another optimizer can still be put in the place of its own. */
  get swappable(): boolean {
    return this.optimizer !== null && (this.state === 'opening' || this.state === 'searching')
  }

  pendingEffects(): readonly Effect[] {
    return pendingEffects[this.#experiment.value] ?? []
  }

  trial(trial: number): TrialSnapshot | undefined {
    return this.trials.get(trial)
  }

  /** In an ablation: what a trial does without. */
  ablated(trial: number): Ablated | undefined {
    return this.trials.get(trial)?.context.ablated
  }

  /** Several workers train a trial together. */
  get shared(): boolean {
    return 'ring' in this.submission.context
  }

  /** Whether an attempt is one that the trial is made of now. */
  counts(trial: number, attempt: number): boolean {
    const context = this.trials.get(trial)?.context
    if (context === undefined) return false
    return context.attempt === attempt || context.parts.some((part) => part.attempt === attempt)
  }

  /** Where several workers train a trial together: how many did at most. */
  members(trial: number): number | undefined {
    return this.#members.get(trial)
  }

  /** Whether the log holds the hash of this checkpoint of the trial, or of the ring that trains it. */
  hasSaved(trial: number, ring: boolean, sha256: string): boolean {
    return this.#saved.get(`${trial} ${ring}`)?.includes(sha256) === true
  }

  settled(trial: number): boolean {
    const snapshot = this.trials.get(trial)
    return snapshot !== undefined && isFinal(snapshot.value)
  }

  /** Whether an event would change anything: what would not is not worth a place in the log, and may mislead who reads it. */
  takes(event: LogEvent): boolean {
    switch (event.type) {
      case 'experiment.accepted':
      case 'experiment.adopted':
        return true
      case 'optimizer.swapped':
        return this.swappable && JSON.stringify(this.optimizer) !== JSON.stringify(event.optimizer)
      case 'shadow.proposed':
        return (
          !this.ended && this.trials.has(event.trial) && this.proposals.get(event.optimizer)?.has(event.trial) !== true
        )
      case 'ring.formed':
      case 'trial.saved':
        return this.trials.has(event.trial) && !this.settled(event.trial)
      case 'trial.suggested':
        return !this.trials.has(event.trial) && this.#experimentTakes(event)
      case 'trial.assigned':
      case 'trial.stopping':
      case 'trial.ended':
      case 'trial.lost': {
        const before = this.trials.get(event.trial)
        if (before === undefined) return false
        const [after] = trialSteps.next(before, event)
        return after.value !== before.value || after.context !== before.context
      }
      case 'experiment.signed':
        return event.signature.value !== this.submission.signature?.value
      case 'experiment.resumed':
        return resumable.has(this.#experiment.value)
      case 'experiment.noted': {
        if (this.ended) return false
        const { state, failures } = this.pruner
        if (event.pruner !== undefined) return event.pruner !== state && failures < mostPrunerFailures
        return this.notes.length < mostNotes && !this.notes.includes(event.note)
      }
      default:
        return this.#experimentTakes(event)
    }
  }

  apply(event: LogEvent | VolatileEvent): Effect[] {
    if (!volatile.has(event.type)) this.length += 1
    switch (event.type) {
      case 'experiment.accepted':
        this.#since = event.at
        return []
      case 'experiment.adopted':
        return []
      case 'experiment.signed':
        this.submission = { ...this.submission, signature: event.signature }
        return []
      case 'experiment.noted':
        if (event.pruner === undefined) this.#note([event.note])
        else this.#notePruner(event.pruner, event)
        if (event.code === 'PRUNER_MISBEHAVED') this.misbehaved = event.code
        return []
      case 'optimizer.opened':
        this.#note(event.notes ?? [])
        return this.#move(event)
      case 'optimizer.swapped':
        if (!this.swappable) return []
        this.#note([
          `the optimizer is ${event.optimizer.name} from trial ${this.suggested} on; before it was ${this.optimizer?.name}`,
        ])
        this.optimizer = event.optimizer
        return this.#move(event)
      case 'shadow.proposed': {
        const points = this.proposals.get(event.optimizer) ?? new Map<number, Hparams>()
        this.proposals.set(event.optimizer, points.set(event.trial, event.hparams))
        return []
      }
      case 'ring.formed':
        this.generations.set(event.trial, event)
        this.#members.set(event.trial, Math.max(this.#members.get(event.trial) ?? 0, event.members.length))
        return []
      case 'trial.saved': {
        const key = `${event.trial} ${event.ring}`
        // The one before lies there until the store has the new one.
        this.#saved.set(key, [event.sha256, ...(this.#saved.get(key) ?? [])].slice(0, savedAtMost))
        return []
      }
      case 'trial.suggested':
        // The first suggestion of a trial counts.
        if (this.trials.has(event.trial)) return []
        this.#create(event)
        return this.#move(event)
      case 'trial.assigned':
        this.holders.note(event)
        return this.#moveTrial(event.trial, event)
      case 'trial.started':
      case 'trial.stopping':
      case 'trial.ended':
      case 'trial.lost':
      case 'trial.cancelled':
        return this.#moveTrial(event.trial, event)
      case 'experiment.ended':
        return [...this.#move(event), ...this.#cancelOpen()]
      case 'experiment.resumed':
        if (!resumable.has(this.#experiment.value)) return []
        this.#since = event.at
        this.#improvement.startOver()
        this.#reopen(event)
        return this.#move(event)
      default:
        return this.#move(event)
    }
  }

  /** A trial as those who suggest are told of it: one that is open is `pending`, whatever it reported. */
  observation(trial: number): Observed | undefined {
    const snapshot = this.trials.get(trial)
    if (snapshot === undefined) return undefined
    const { hparams, fidelity, metrics, ablated, end } = snapshot.context
    const { value } = snapshot
    const settled = isFinal(value)
    return {
      trial,
      hparams,
      state: settled ? value : 'pending',
      metrics: settled ? metrics : {},
      step: settled && end?.type === 'trial.ended' ? (end.step ?? null) : null,
      ...(fidelity === undefined ? {} : { fidelity }),
      ...(ablated === undefined ? {} : { ablated }),
    }
  }

  #note(said: readonly string[]): void {
    const fresh = said.filter((note) => !this.notes.includes(note))
    if (fresh.length > 0) this.notes = [...this.notes, ...fresh].slice(0, mostNotes)
  }

  /** Bounded by how often it is noted, so that it is never left out for other notes. */
  #notePruner(state: PrunerState, { at, note }: { at: number; note: string }): void {
    const { failures } = this.pruner
    this.pruner = { state, since: at, failures: state === 'fails' ? failures + 1 : failures }
    if (!this.notes.includes(note)) this.notes = [...this.notes, note]
  }

  #experimentTakes(event: ExperimentEvent): boolean {
    const before = this.#experiment
    const [after] = experimentSteps.next(before, event)
    return after.value !== before.value || after.context !== before.context
  }

  #create(event: Extract<LogEvent, { type: 'trial.suggested' }>): void {
    const { kind, policy } = this.submission.context
    const { trial, hparams, seed, fidelity, ablated } = event
    const snapshot = trialSteps.initial({
      trial,
      hparams,
      seed,
      maxAttempts: policy.maxAttempts,
      shared: this.shared,
      sole: kind === 'training',
      ...(fidelity === undefined ? {} : { fidelity }),
      ...(ablated === undefined ? {} : { ablated }),
    })
    this.trials.set(trial, snapshot)
    this.queued.add(trial)
    if (fidelity !== undefined) this.continues = true
  }

  #moveTrial(trial: number, event: TrialEvent): Effect[] {
    const before = this.trials.get(trial)
    if (before === undefined) return []
    const [after] = trialSteps.next(before, event)
    if (after.value === before.value && after.context === before.context) return []
    this.trials.set(trial, after)
    this.#file(trial, after)
    if (isFinal(after.value) && !isFinal(before.value)) {
      this.#rank(trial, after)
      this.settledCounts[after.value] += 1
      const refused = after.context.problem?.code === 'SURGERY_REFUSED'
      return this.#move({ type: 'trial.settled', state: after.value, refused })
    }
    // What comes back while the experiment is being stopped is not tried again.
    if (after.value === 'queued' && stoppingStates.has(this.#experiment.value)) {
      return this.#moveTrial(trial, { type: 'trial.cancelled' })
    }
    return []
  }

  #file(trial: number, snapshot: TrialSnapshot): void {
    if (snapshot.value === 'queued') this.queued.add(trial)
    else this.queued.delete(trial)
    if (heldStates.has(snapshot.value)) this.held.add(trial)
    else this.held.delete(trial)
  }

  #rank(trial: number, snapshot: TrialSnapshot): void {
    if (snapshot.value !== 'cancelled') this.#improvement.settled(snapshot.value, snapshot.context.metrics)
    if (snapshot.value === 'failed') this.firstFailure ??= snapshot.context.problem?.message ?? null
    if (snapshot.value === 'done') this.#best.done(trial, snapshot.context.metrics)
  }

  #reopen(event: Extract<LogEvent, { type: 'experiment.resumed' }>): void {
    for (const [trial, before] of this.trials) {
      const [after] = trialSteps.next(before, event)
      if (after === before || !isFinal(before.value)) continue
      this.trials.set(trial, after)
      this.#file(trial, after)
      this.settledCounts[before.value] -= 1
      this.#move({ type: 'trial.reopened' })
    }
  }

  /** What is open when the experiment ends will not be run, unless it is resumed. */
  #cancelOpen(): Effect[] {
    if (!this.ended) return []
    return [...this.queued, ...this.held].flatMap((trial) => this.#moveTrial(trial, { type: 'trial.cancelled' }))
  }

  #move(event: ExperimentEvent): Effect[] {
    const [snapshot, actions] = experimentSteps.next(this.#experiment, event)
    this.#experiment = snapshot
    const effects: Effect[] = []
    for (const type of actions) {
      // Queued trials are cancelled here, so that a replay does it alike; running ones only the world can stop.
      if (type === 'cancelQueued' || type === 'cancelTrials') {
        for (const trial of Array.from(this.queued))
          effects.push(...this.#moveTrial(trial, { type: 'trial.cancelled' }))
        if (type === 'cancelTrials') effects.push('stopRunning')
      } else {
        effects.push(type as Effect)
      }
    }
    return effects
  }
}
