/**
 * An experiment as its log tells it: the machines of the experiment and of its trials, moved by one event at a time.
 * Pure: live and on replay the same events lead to the same state. What the world is to do comes back as effects.
 */
import type {
  Ablated,
  Change,
  Conclusion,
  Counts,
  Fidelity,
  Hparams,
  LogEvent,
  Observation,
  Plugin,
  Policy,
  PrunerState,
  Submission,
} from '../../protocol/index.ts'
import { flatStepper, type FlatSnapshot } from '../machine/index.ts'
import { Annotations } from './annotations.ts'
import { ArtifactBook, type ArtifactRecord } from './artifacts.ts'
import { Best, type BestTrial } from './best.ts'
import { changedContext, placeOfEntries } from './change.ts'
import { configurationOf, type Configuration } from './configurations.ts'
import { isFinal } from './final.ts'
import { Holders } from './holders.ts'
import { Improvement } from './stop-rules.ts'
import { seedOf } from './seed.ts'
import { experimentMachine, type ExperimentEvent } from './experiment.machine.ts'
import { trialMachine, type TrialEvent, type TrialSnapshot } from './trial.machine.ts'

type ExperimentSnapshot = FlatSnapshot<typeof experimentMachine>
export type Effect =
  | 'openOptimizer'
  | 'closeOptimizer'
  | 'stopRunning'
  /** Of what several trials repeat, one was pruned: the others are to stop. */
  | 'stopRepeats'
  | 'handBackWaiting'
  | 'handBackAll'
  | 'giveUp'
  | 'endDone'
  | 'endStopped'
  | 'endFailed'

/** Events that are not kept. */
type VolatileEvent =
  { type: 'optimizer.lost' } | (Extract<TrialEvent, { type: 'trial.started' | 'trial.cancelled' }> & { trial: number })
type Changed = Extract<LogEvent, { type: 'experiment.changed' }>

const volatile = new Set<string>(['optimizer.lost', 'trial.started', 'trial.cancelled'])
const experimentSteps = flatStepper(experimentMachine)
const trialSteps = flatStepper(trialMachine)

const stoppingStates = new Set<string>(['stopping', 'concluding', 'cancelling', 'failing'])
const resumable = new Set<string>(['stopped', 'failed', 'paused', 'halted'])
const pausedStates = new Set<string>(['paused', 'halted'])
const changeable = new Set<string>([
  'opening',
  'searching',
  'finishing',
  'paused',
  'halted',
  'done',
  'stopped',
  'failed',
])
const goingStates = new Set<string>(['opening', 'searching', 'finishing'])
/** It ends as stopped or failed, and can be resumed once it has. */
const endingStates = new Set<string>(['stopping', 'cancelling', 'failing', 'givingUp', 'endingStopped', 'endingFailed'])
const heldStates = new Set<string>(['assigned', 'running', 'stopping'])

/** The effects that an unfinished state still needs when a driver takes it up. */
const pendingEffects: Readonly<Record<string, readonly Effect[]>> = {
  opening: ['openOptimizer'],
  paused: ['closeOptimizer'],
  halted: ['closeOptimizer', 'handBackAll'],
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

type WorkerIntroduced = Pick<Extract<LogEvent, { type: 'worker.introduced' }>, 'host' | 'backend' | 'versions'>

/** Of an experiment, those of its pruner's failures not counted. */
const mostNotes = 64
/** Of a trial's checkpoints, the hashes of so many are remembered. */
const savedAtMost = 8
/** A pruner that comes and goes is noted so often. */
export const mostPrunerFailures = 8

export class History {
  /** As it stands: as it was submitted, with all that was changed since, and the signature that it has now. */
  submission: Submission
  /** The same as its signature vouches for it: what was changed within its bounds is not in it. */
  vouched: Submission
  /** The requests by which it was changed. */
  readonly changes = new Set<string>()
  readonly trials = new Map<number, TrialSnapshot>()
  /** Trials that wait for a slot, in order. */
  readonly queued = new Set<number>()
  /** Trials that some worker holds. */
  readonly held = new Set<number>()
  /** The last generation of each trial's ring. */
  readonly generations = new Map<number, Extract<LogEvent, { type: 'ring.formed' }>>()
  /** The hashes of each trial's last checkpoints; one of them is what lies in the store. */
  readonly #saved = new Map<string, readonly string[]>()
  readonly #savedAt = new Map<number, number>()
  readonly #artifacts = new ArtifactBook()
  /** Notes and tags that people have written. */
  readonly annotations = new Annotations()
  /** The hosts of its workers, by the workers' names. */
  readonly workers = new Map<string, WorkerIntroduced>()
  /** It is being removed. */
  removing = false
  /** Which worker each attempt was given to. */
  readonly holders = new Holders()
  #experiment: ExperimentSnapshot
  #best: Best
  /** How many workers trained a trial together at most. */
  readonly #members = new Map<number, number>()
  /** Proposals of shadow optimizers, by their names, each with the trial in whose place it stands. */
  readonly proposals = new Map<string, Map<number, Hparams>>()
  firstFailure: string | null = null
  /** Notes for people: the optimizer's on its choices, and those made on the way; each once. */
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
    this.vouched = submission
    this.#best = new Best(submission.context.objectives)
    this.#improvement = new Improvement(submission.context)
    this.#experiment = experimentSteps.initial(this.#asked)
  }

  /** Of a search: who suggests its trials now. */
  get optimizer(): Plugin | null {
    const { context } = this.submission
    return context.kind === 'optimization' ? context.optimizer : null
  }

  /** How many trials each configuration is tried in. */
  get repeats(): number {
    const { context } = this.submission
    return context.kind === 'optimization' ? (context.repeats ?? 1) : 1
  }

  /** How many trials there are to be, repeats among them. */
  get target(): number {
    return this.#experiment.context.target
  }

  /** How many configurations were suggested: where nothing is repeated, trials. */
  get configurations(): number {
    return Math.ceil(this.suggested / this.repeats)
  }

  get paused(): boolean {
    return pausedStates.has(this.#experiment.value)
  }

  /** Whether it stands so that it can be changed: it is not about to end. */
  get changeable(): boolean {
    return changeable.has(this.#experiment.value)
  }

  /** Whether something would go on if it were resumed. */
  get resumes(): boolean {
    if (resumable.has(this.#experiment.value)) return true
    const hasMore = this.suggested < this.target || this.settledCounts.cancelled > 0 || this.queued.size > 0
    return this.#experiment.value === 'done' && hasMore
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

  pendingEffects(): readonly Effect[] {
    const pending = pendingEffects[this.#experiment.value] ?? []
    return this.repeats > 1 ? [...pending, 'stopRepeats'] : pending
  }

  /** The trials that repeat one configuration; undefined: it was not suggested. */
  configuration(configuration: number): Configuration | undefined {
    const { repeats } = this
    if (repeats === 1) {
      const only = this.trials.get(configuration)
      return only === undefined ? undefined : configurationOf([only], configuration)
    }
    const trials = Array.from({ length: repeats }, (_, repeat) => this.trials.get(configuration * repeats + repeat))
    return configurationOf(
      trials.filter((trial) => trial !== undefined),
      configuration,
    )
  }

  configurationOf(trial: number): number {
    return Math.floor(trial / this.repeats)
  }

  /** Trials that are stopped because another repeat of their configuration was pruned, each with the one that was. */
  get needless(): readonly { readonly trial: number; readonly with: number }[] {
    if (this.repeats === 1) return []
    return [...this.held].flatMap((trial) => {
      const by = this.trials.get(trial)?.value === 'stopping' ? undefined : this.#prunedBeside(trial)
      return by === undefined ? [] : [{ trial, with: by }]
    })
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

  /** A trial's artifacts: of the attempt that counts once it has settled, before that of those that are at it. */
  artifacts(trial: number): readonly ArtifactRecord[] {
    const snapshot = this.trials.get(trial)
    if (snapshot === undefined || snapshot.value === 'failed') return []
    const { end, parts, shared } = snapshot.context
    if (!isFinal(snapshot.value)) {
      return this.#artifacts.kept(trial, shared ? undefined : new Set(parts.map(({ attempt }) => attempt)))
    }
    if (end === null) return []
    return this.#artifacts.kept(trial, shared ? undefined : new Set([end.attempt]))
  }

  /** The artifacts that attempts at a trial have saved, whatever became of them. */
  savedArtifacts(trial: number): readonly ArtifactRecord[] {
    return this.#artifacts.saved(trial)
  }

  /** When the trial's last checkpoint was received, or that of the ring that trains it; undefined: it has none. */
  savedAt(trial: number): number | undefined {
    return this.#savedAt.get(trial)
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
        return this.takes(asChange(event))
      case 'experiment.changed':
        return this.changeable && !this.changes.has(event.id)
      case 'shadow.proposed':
        return (
          !this.ended &&
          event.trial < this.configurations &&
          this.proposals.get(event.optimizer)?.has(event.trial) !== true
        )
      case 'experiment.annotated':
        return this.annotations.takes(event)
      case 'experiment.removing':
        return this.ended && !this.removing
      case 'worker.introduced':
        return !this.ended && !this.workers.has(event.worker)
      case 'ring.formed':
      case 'trial.artifact':
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
        return this.resumes && !this.removing
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
        this.vouched = { ...this.vouched, signature: event.signature }
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
        return this.#change(asChange(event))
      case 'experiment.changed':
        return this.takes(event) ? this.#change(event) : []
      case 'shadow.proposed': {
        const points = this.proposals.get(event.optimizer) ?? new Map<number, Hparams>()
        this.proposals.set(event.optimizer, points.set(event.trial, event.hparams))
        return []
      }
      case 'experiment.annotated':
        this.annotations.note(event)
        return []
      case 'experiment.removing':
        this.removing = true
        return []
      case 'worker.introduced': {
        const { host, backend, versions } = event
        this.workers.set(event.worker, { host, backend, versions })
        return []
      }
      case 'trial.artifact':
        if (this.trials.has(event.trial)) this.#artifacts.note(event)
        return []
      case 'ring.formed':
        this.generations.set(event.trial, event)
        this.#members.set(event.trial, Math.max(this.#members.get(event.trial) ?? 0, event.members.length))
        return []
      case 'trial.saved': {
        this.#savedAt.set(event.trial, event.at)
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
        if (!this.resumes) return []
        this.#since = event.at
        if (this.ended) this.#improvement.startOver()
        this.#reopen(event)
        return [...this.#move(event), ...this.#dropNeedless()]
      default:
        return this.#move(event)
    }
  }

  /** A configuration as those who suggest are told of it: one that is open is `pending`, whatever it reported. */
  observation(number: number): Observed | undefined {
    const configuration = this.configuration(number)
    if (configuration === undefined) return undefined
    const { state, metrics, errors, spokesman } = configuration
    const { hparams, fidelity, ablated, end } = spokesman.context
    return {
      trial: number,
      hparams,
      state,
      metrics: state === 'pending' ? {} : metrics,
      step: state !== 'pending' && end?.type === 'trial.ended' ? (end.step ?? null) : null,
      ...(fidelity === undefined ? {} : { fidelity: this.#suggestedFidelity(fidelity) }),
      ...(ablated === undefined ? {} : { ablated }),
      ...(Object.keys(errors).length === 0 ? {} : { errors }),
    }
  }

  /** All configurations as those who suggest are told of them. */
  observations(): Observed[] {
    return Array.from({ length: this.configurations }, (_, number) => this.observation(number)).filter(
      (one) => one !== undefined,
    )
  }

  /** Whoever suggests knows configurations, and repeat r of one goes on from repeat r of another. */
  #suggestedFidelity({ from, ...fidelity }: Fidelity): Fidelity {
    return { ...fidelity, from: from === null ? null : this.configurationOf(from) }
  }

  /** A repeat of the same configuration that was pruned. */
  #prunedBeside(trial: number): number | undefined {
    const { repeats } = this
    if (repeats === 1) return undefined
    const first = this.configurationOf(trial) * repeats
    for (let beside = first; beside < first + repeats; beside += 1) {
      if (this.trials.get(beside)?.value === 'pruned') return beside
    }
    return undefined
  }

  /** From here on it is another. */
  #change(event: Changed): Effect[] {
    const { id, at, change, signature } = event
    this.changes.add(id)
    this.#noteChange(change)
    const context = changedContext(this.submission.context, change, this.configurations)
    this.submission = { ...this.submission, context, ...(signature === undefined ? {} : { signature }) }
    if (signature !== undefined) this.vouched = this.submission
    if (change.pruner !== undefined) this.pruner = { state: 'judges', since: at, failures: 0 }
    if (context.kind === 'optimization') this.#improvement.follow(context.stop)
    if (change.policy !== undefined) this.#follow(context.policy)
    const asked = this.#move({ type: 'asked', ...this.#asked })
    if (change.failed === true) this.#reopen(event)
    return [...asked, ...this.#move(event)]
  }

  /** Trials that have not settled are tried as the policy says now; what was said of those that have stands. */
  #follow({ maxAttempts, retry }: Policy): void {
    for (const [trial, { value, context }] of this.trials) {
      this.trials.set(trial, { value, context: { ...context, maxAttempts, throwsAtMost: retry?.times ?? 0 } })
    }
  }

  get #asked(): { readonly target: number; readonly maxFailed: number | null } {
    const { trials, policy } = this.submission.context
    return { target: trials * this.repeats, maxFailed: policy.maxFailed }
  }

  #noteChange({ optimizer, enqueue, trials, failed }: Change): void {
    const { context } = this.submission
    const number = this.configurations
    if (context.kind === 'optimization') {
      if (optimizer !== undefined) {
        const before = context.optimizer.name
        this.#note([`the optimizer is ${optimizer.name} from trial ${number} on; before it was ${before}`])
      }
      const first = placeOfEntries(context, number)
      if (enqueue !== undefined) this.#note([`${countOf(enqueue.length, 'trial')} enqueued, from trial ${first} on`])
      else if (trials !== undefined) this.#note([`${trials} trials instead of ${context.trials}`])
    }
    if (failed === true) this.#note([`${countOf(this.settledCounts.failed, 'failed trial')} tried anew`])
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
    const { trial: first, hparams, fidelity, ablated, repeats = 1 } = event
    for (let trial = first; trial < first + repeats; trial += 1) {
      const from = fidelity === undefined || fidelity.from === null ? null : fidelity.from + trial - first
      const snapshot = trialSteps.initial({
        trial,
        hparams,
        seed: trial === first ? event.seed : seedOf(this.submission.context, trial, ablated),
        maxAttempts: policy.maxAttempts,
        throwsAtMost: policy.retry?.times ?? 0,
        shared: this.shared,
        sole: kind === 'training',
        ...(fidelity === undefined ? {} : { fidelity: { ...fidelity, from } }),
        ...(ablated === undefined ? {} : { ablated }),
      })
      this.trials.set(trial, snapshot)
      this.queued.add(trial)
    }
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
      const effects = this.#move({ type: 'trial.settled', state: after.value, refused })
      if (after.value !== 'pruned' || this.repeats === 1) return effects
      return [...effects, ...this.#dropNeedless(), 'stopRepeats']
    }
    // A trial that comes back while the experiment is being stopped is not tried again.
    if (after.value === 'queued' && stoppingStates.has(this.#experiment.value)) {
      return this.#moveTrial(trial, { type: 'trial.cancelled' })
    }
    return after.value === 'queued' ? this.#dropNeedless() : []
  }

  /** Trials that wait, and whose configuration was pruned in another trial. */
  #dropNeedless(): Effect[] {
    if (this.repeats === 1) return []
    return [...this.queued].flatMap((trial) =>
      this.#prunedBeside(trial) === undefined ? [] : this.#moveTrial(trial, { type: 'trial.dropped' }),
    )
  }

  #file(trial: number, snapshot: TrialSnapshot): void {
    if (snapshot.value === 'queued') this.queued.add(trial)
    else this.queued.delete(trial)
    if (heldStates.has(snapshot.value)) this.held.add(trial)
    else this.held.delete(trial)
  }

  #rank(trial: number, snapshot: TrialSnapshot): void {
    if (snapshot.value === 'failed') this.firstFailure ??= snapshot.context.problem?.message ?? null
    const configuration = this.configuration(this.configurationOf(trial))
    if (configuration === undefined || configuration.state === 'pending') return
    const { state, metrics } = configuration
    if (state !== 'cancelled') this.#improvement.settled(state, metrics)
    if (state === 'done') this.#best.done(this.standingFor(configuration), metrics)
  }

  /** The trial that stands for a configuration: its best, the first of equals. */
  standingFor({ trials }: Configuration): number {
    const [first] = trials
    const best = new Best(this.submission.context.objectives)
    for (const { context } of trials) best.done(context.trial, context.metrics)
    return best.trial?.trial ?? first?.context.trial ?? 0
  }

  #reopen(event: Extract<LogEvent, { type: 'experiment.resumed' | 'experiment.changed' }>): void {
    for (const [trial, before] of this.trials) {
      const [after] = trialSteps.next(before, event)
      if (after === before || !isFinal(before.value)) continue
      this.trials.set(trial, after)
      this.#file(trial, after)
      this.settledCounts[before.value] -= 1
      this.#move({ type: 'trial.reopened', failed: before.value === 'failed' && event.type === 'experiment.changed' })
    }
  }

  /** Trials that are open when the experiment ends will not run, unless it is resumed. */
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

/** Logs from before there were other changes. */
function asChange({ at, optimizer }: Extract<LogEvent, { type: 'optimizer.swapped' }>): Changed {
  return { type: 'experiment.changed', at, id: `swap-${at}`, change: { optimizer } }
}

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
