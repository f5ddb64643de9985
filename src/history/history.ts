/**
 * An experiment as its log tells it: the machines of the experiment and of its trials, moved by one event at a time.
 * Pure: live and on replay the same events lead to the same state. What the world is to do comes back as effects.
 */
import type { SnapshotFrom } from 'xstate'
import type { Ablated, Conclusion, LogEvent, Metrics, Observation, Submission } from '../../protocol/index.ts'
import { stepper } from '../machine/index.ts'
import type { FinalState } from './verdict.ts'
import { Improvement } from './stop-rules.ts'
import { experimentMachine, type ExperimentEvent } from './experiment.machine.ts'
import { trialMachine, type TrialEvent } from './trial.machine.ts'

export type TrialSnapshot = SnapshotFrom<typeof trialMachine>
export type ExperimentSnapshot = SnapshotFrom<typeof experimentMachine>
export type Effect =
  'openOptimizer' | 'closeOptimizer' | 'stopRunning' | 'giveUp' | 'endDone' | 'endStopped' | 'endFailed'

/** Events that are not kept. */
type VolatileEvent =
  { type: 'optimizer.lost' } | (Extract<TrialEvent, { type: 'trial.started' | 'trial.cancelled' }> & { trial: number })

const volatile = new Set<string>(['optimizer.lost', 'trial.started', 'trial.cancelled'])
const settledStates = new Set<string>(['done', 'pruned', 'failed', 'cancelled'])
const experimentSteps = stepper(experimentMachine, { target: 1, maxFailed: null })
const trialSteps = stepper(trialMachine, { trial: 0, hparams: {}, maxAttempts: 1 })

const stoppingStates = new Set<string>(['stopping', 'concluding', 'cancelling', 'failing'])
const goingStates = new Set<string>(['opening', 'searching', 'finishing'])
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

export class History {
  readonly submission: Submission
  readonly trials = new Map<number, TrialSnapshot>()
  /** Trials that wait for a slot, in order. */
  readonly queued = new Set<number>()
  /** Trials that some worker holds. */
  readonly held = new Set<number>()
  readonly #ablated = new Map<number, Ablated>()
  /** The last generation of each trial's ring. */
  readonly generations = new Map<number, Extract<LogEvent, { type: 'ring.formed' }>>()
  #experiment: ExperimentSnapshot
  #best: { trial: number; metrics: Metrics } | null = null
  firstFailure: string | null = null
  /** How many events of the log it has taken in, with those that are missing: the number of the next one. */
  length = 0
  readonly #improvement: Improvement
  #since = 0
  readonly settledCounts = { done: 0, pruned: 0, failed: 0, cancelled: 0 }

  constructor(submission: Submission) {
    this.submission = submission
    const { trials: target, policy } = submission.context
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

  get failedTrials(): number {
    return this.#experiment.context.failed
  }

  get problem() {
    return this.#experiment.context.problem
  }

  /** The best trial by the first objective; ties go to the lower number. */
  get best(): { trial: number; metrics: Metrics } | null {
    return this.#best
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

  pendingEffects(): readonly Effect[] {
    return pendingEffects[this.#experiment.value] ?? []
  }

  trial(trial: number): TrialSnapshot | undefined {
    return this.trials.get(trial)
  }

  /** In an ablation: what a trial does without. */
  ablated(trial: number): Ablated | undefined {
    return this.#ablated.get(trial)
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

  settled(trial: number): boolean {
    const snapshot = this.trials.get(trial)
    return snapshot !== undefined && settledStates.has(snapshot.value)
  }

  apply(event: LogEvent | VolatileEvent): Effect[] {
    if (!volatile.has(event.type)) this.length += 1
    switch (event.type) {
      case 'experiment.accepted':
        this.#since = event.at
        return []
      case 'experiment.adopted':
        return []
      case 'ring.formed':
        this.generations.set(event.trial, event)
        return []
      case 'trial.suggested':
        this.#create(event)
        return this.#move(event)
      case 'trial.assigned':
      case 'trial.started':
      case 'trial.stopping':
      case 'trial.ended':
      case 'trial.lost':
      case 'trial.cancelled':
        return this.#moveTrial(event.trial, event)
      case 'experiment.resumed':
        this.#since = event.at
        this.#improvement.startOver()
        return [...this.#reopenCancelled(event), ...this.#move(event)]
      default:
        return this.#move(event)
    }
  }

  /** A trial as those who suggest are told of it: one that is open is `pending`, whatever it reported. */
  observation(trial: number): Observed | undefined {
    const snapshot = this.trials.get(trial)
    if (snapshot === undefined) return undefined
    const { hparams, fidelity, metrics, step } = snapshot.context
    const settled = settledStates.has(snapshot.value)
    const state = settled ? (snapshot.value as Observation['state']) : 'pending'
    const ablated = this.#ablated.get(trial)
    return {
      trial,
      hparams,
      state,
      metrics: settled ? metrics : {},
      step: settled ? step : null,
      ...(fidelity === undefined ? {} : { fidelity }),
      ...(ablated === undefined ? {} : { ablated }),
    }
  }

  #create(event: Extract<LogEvent, { type: 'trial.suggested' }>): void {
    const { maxAttempts } = this.submission.context.policy
    const snapshot = trialSteps.initial({
      trial: event.trial,
      hparams: event.hparams,
      maxAttempts,
      ...(event.fidelity === undefined ? {} : { fidelity: event.fidelity }),
      shared: this.shared,
    })
    this.trials.set(event.trial, snapshot)
    this.queued.add(event.trial)
    if (event.ablated !== undefined) this.#ablated.set(event.trial, event.ablated)
  }

  #moveTrial(trial: number, event: TrialEvent): Effect[] {
    const before = this.trials.get(trial)
    if (before === undefined) return []
    const [after] = trialSteps.next(before, event)
    if (after.value === before.value && after.context === before.context) return []
    this.trials.set(trial, after)
    this.#file(trial, after)
    if (settledStates.has(after.value) && !settledStates.has(before.value)) {
      this.#rank(trial, after)
      const state = after.value as FinalState
      this.settledCounts[state] += 1
      return this.#move({ type: 'trial.settled', state })
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
    const objective = this.submission.context.objectives[0]
    if (snapshot.value !== 'done' || objective === undefined) return
    const { metrics } = snapshot.context
    const value = metrics[objective.metric]
    const bar = this.#best?.metrics[objective.metric]
    if (value === undefined || value === null) return
    const better = bar === undefined || bar === null || (objective.direction === 'maximize' ? value > bar : value < bar)
    if (better) this.#best = { trial, metrics }
  }

  #reopenCancelled(event: Extract<LogEvent, { type: 'experiment.resumed' }>): Effect[] {
    for (const [trial, before] of this.trials) {
      const [after] = trialSteps.next(before, event)
      if (after.value !== 'queued' || before.value === 'queued') continue
      this.trials.set(trial, after)
      this.#file(trial, after)
      this.settledCounts.cancelled -= 1
      this.#move({ type: 'trial.reopened' })
    }
    return []
  }

  #move(event: ExperimentEvent): Effect[] {
    const [snapshot, actions] = experimentSteps.next(this.#experiment, event)
    this.#experiment = snapshot
    const effects: Effect[] = []
    for (const { type } of actions) {
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
