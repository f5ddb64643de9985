/**
 * One experiment that this driver owns: its history, its log, and the rooms that decide about it. What happens comes in here, is
 * given to the room that it concerns, and what that decides is carried out by effects.ts.
 * I1 A fenced run does nothing more: another driver has the experiment.
 */
import {
  annotateExperiment,
  done,
  doneSeveral,
  metrics,
  problem,
  started,
  changeExperiment,
  pauseExperiment,
  signExperiment,
  stopExperiment,
  toProblem,
  type AskedChange,
  type AttemptRef,
  type LogEvent,
  type Metrics,
  type PayloadOf,
  type ReplyOf,
  type RingStanding,
  type Submission,
} from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import { answer, hear, type Bus, type OnDropped, type Subscription } from '../../../src/bus/index.ts'
import { History, isCrash, type Crash, type LogEntry } from '../../../src/history/index.ts'
import { bytesText } from '../../../src/words/index.ts'
import {
  fits,
  wishOf,
  type Claimant,
  type Fleet,
  type FleetNews,
  type Offer,
  type RingNeed,
  type Slot,
  type Wish,
} from '../fleet/index.ts'
import { Pruning } from '../pruning/index.ts'
import { Rings } from '../rings/index.ts'
import { Suggestions } from '../suggesting/index.ts'
import { Attempts, Delivery, disbelief, trialIn } from '../trials/index.ts'
import { annotate } from './annotating.ts'
import { Artifacts } from './artifacts.ts'
import { Changes } from './changes.ts'
import { Checkpoints } from './checkpoints.ts'
import { Deadline } from './deadline.ts'
import { Demand } from './demand.ts'
import { Effects, type Decision, type Rooms } from './effects.ts'
import { LogWriter, type LogEnd } from './log-writer.ts'
import { Preferences, type Outgrown } from './preferences.ts'
import { Results, type RefusedResult } from './results.ts'
import { serveStore } from './store.ts'
import { Signatures } from './signatures.ts'
import { Waiting } from './waiting.ts'

export interface RunEnvironment {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly driver: string
  readonly fleet: Fleet
  readonly onDropped: OnDropped
  readonly tell: (news: RunNews, run: ExperimentRun) => void
}

export type RunNews =
  /** Something changed that placement may use. */
  | 'changed'
  /** It has ended, and its end is kept. */
  | 'ended'
  /** Another driver has it. */
  | 'fenced'

export class ExperimentRun implements Claimant {
  readonly id: string
  readonly submission: Submission
  readonly history: History
  readonly rooms: Rooms
  readonly waiting = new Waiting()
  /** Time of slots that it has used, in ms. */
  used = 0
  readonly #env: RunEnvironment
  readonly #effects: Effects
  readonly #demand: Demand
  readonly #deadline: Deadline
  readonly #results: Results
  readonly #subscriptions: Subscription[] = []
  #closed = false
  readonly #signatures: Signatures
  readonly #changes: Changes
  readonly #preferences: Preferences
  /** What is offered stays the same for as long as its worker does. */
  readonly #fitting = new WeakMap<Offer, { readonly wish: Wish; readonly fits: boolean }>()
  #wish: { readonly continues: boolean; readonly of: Submission; readonly wish: Wish } | undefined

  constructor(env: RunEnvironment, submission: Submission, end: LogEnd) {
    const { bus, clock, logger } = env
    const history = new History(submission)
    this.#env = env
    this.id = submission.experiment
    this.submission = submission
    this.history = history
    const decide = (decision: Decision): void => this.#effects.perform([decision])
    const { context } = submission
    const ring = 'ring' in context ? context.ring : undefined
    this.rooms = {
      history,
      writer: new LogWriter(
        bus,
        clock,
        this.id,
        end,
        () => this.#fence(),
        (entries) => {
          const { code, message } = problem('LOG_POISONED', { experiment: this.id, entries })
          logger.warn({ experiment: this.id, code }, message)
        },
      ),
      attempts: new Attempts(history),
      delivery: new Delivery(bus, clock, (worker) => env.fleet.info(worker)?.ahead !== undefined),
      suggestions: new Suggestions(env, history, decide),
      pruning: new Pruning(env, history, decide),
      rings: ring === undefined ? null : new Rings({ ...env, decide }, this.id, ring),
      checkpoints: new Checkpoints(bus, logger, submission),
      artifacts: new Artifacts(
        {
          ...env,
          isAssigned: (worker, trial, attempt) => this.#isAssigned(worker, trial, attempt),
          saved: (event) => this.#saved(event),
        },
        history,
      ),
    }
    this.#demand = new Demand(history, this.rooms.suggestions, this.rooms.rings, () => bus.members > 0)
    this.#effects = new Effects(env, this.rooms, ({ kind }) => this.#tell(kind))
    this.#signatures = new Signatures(env, history, {
      commit: (event) => {
        this.#effects.commit(event)
      },
      kept: () => this.kept(),
    })
    this.#preferences = new Preferences(env, history, (offer) => this.suits(offer))
    this.#changes = new Changes(env, history, this.rooms.suggestions, {
      commit: (...events) => {
        this.#effects.commit(...events)
        this.#deadline.watch()
      },
      kept: () => this.kept(),
    })
    this.#results = new Results(env, this.rooms, {
      ended: (event) => {
        this.#demand.learnDuration(event)
      },
      carriedOut: (event) => {
        if (event.memoryBytes !== undefined) this.#noteOutgrown(event, event.memoryBytes)
        else if (isCrash(event)) this.#noteCrash(event)
      },
      perform: (decisions) => {
        this.#effects.perform(decisions)
      },
    })
    const instant = () => (this.#closed ? null : history.deadline)
    this.#deadline = new Deadline(clock, instant, () => this.#effects.conclude('time'))
  }

  /** The log so far, before the run is started. */
  replay(entries: readonly LogEntry[]): void {
    for (const { first, events } of entries) {
      if (first !== undefined) this.history.length = first
      for (const event of events) {
        this.history.apply(event)
        if (event.type === 'trial.ended') this.#demand.learnDuration(event)
        this.rooms.attempts.note(event)
        this.rooms.checkpoints.note(event)
      }
    }
  }

  /**
   * Opens a new log or adopts an old one with `first`, and goes on where it ends; false: another driver was faster. All that has to
   * be read is read before: when that fails, nothing is written, and nothing is left behind.
   */
  async start(...first: LogEvent[]): Promise<boolean> {
    const { history, writer, attempts, pruning, rings, artifacts } = this.rooms
    await pruning.recall(first)
    if (history.length > 0) await artifacts.takeUp()
    if (!(await writer.open(first))) return false
    for (const event of first) history.apply(event)
    this.#listen()
    this.#effects.perform(attempts.takeUp())
    for (const trial of history.held)
      rings?.restore(trial, attempts.partsOf(trial), history.records.generations.last(trial))
    for (const trial of history.queued) rings?.restore(trial, [], history.records.generations.last(trial))
    this.#deadline.watch()
    if (history.state === 'searching') this.#effects.move({ type: 'optimizer.lost' })
    else this.#effects.follow(history.pendingEffects())
    if (history.conclusion !== null) this.#effects.conclude(history.conclusion)
    pruning.judgeRecalled()
    this.#tell('changed')
    return true
  }

  // What placement looks at

  queued(now: number): number {
    return this.#closed ? 0 : this.#demand.queued(now) - this.#particular().length
  }

  /** It claims places, and so does each of its trials that does not suit every worker. */
  claimants(): Claimant[] {
    const fresh = (): number => 0
    const needs = (): readonly RingNeed[] => []
    const alone = this.#particular().map(({ trial, suits }): Claimant => {
      const { id, places, priority, share, used } = this
      const suited = (offer: Offer): boolean => this.suits(offer) && suits(offer)
      const standing = { id, trial, places, priority, share, used }
      return { ...standing, queued: () => 1, fresh, needs, prompt: true, ahead: 0, patienceMs: 0, suits: suited }
    })
    return [...alone, this]
  }

  #particular(): ReturnType<Preferences['among']> {
    if (this.#closed || this.rooms.rings !== null) return []
    return this.#preferences.among(this.#demand.startable())
  }

  fresh(): number {
    return this.#closed ? 0 : this.#demand.fresh()
  }

  needs(now: number): readonly RingNeed[] {
    return this.#closed ? [] : this.#demand.ringNeeds(now)
  }

  get places(): number {
    return this.history.held.size
  }

  get priority(): number {
    return this.history.submission.context.policy.priority ?? 0
  }

  get share(): number {
    return this.history.submission.context.policy.share ?? 1
  }

  get prompt(): boolean {
    return this.rooms.suggestions.isPrompt
  }

  get ahead(): number {
    return this.#demand.ahead
  }

  get patienceMs(): number {
    return this.#demand.patienceMs
  }

  suits(offer: Offer): boolean {
    return this.#fits(offer) && this.rooms.attempts.refusalOf(offer.worker) === undefined
  }

  #fits(offer: Offer): boolean {
    const { wish } = this
    let known = this.#fitting.get(offer)
    if (known?.wish !== wish) this.#fitting.set(offer, (known = { wish, fits: fits(offer, wish) }))
    return known.fits
  }

  /** What it asks of workers. It is known only with its first suggestions whether its trials continue checkpoints. */
  get wish(): Wish {
    const { continues } = this.history
    const { key } = this.#signatures
    const of = this.history.submission
    if (this.#wish?.continues !== continues || this.#wish.of !== of || this.#wish.wish.key !== key) {
      this.#wish = { continues, of, wish: wishOf(of, continues, key) }
    }
    return this.#wish.wish
  }

  /** A place for a trial that is there: its next attempt goes there. */
  fill(slot: Slot, forTrial?: number): void {
    const { rings, attempts } = this.rooms
    const trial = forTrial ?? (rings === null ? this.#firstOfAll() : rings.withRoom(this.#env.clock.elapsed()))
    if (trial === undefined || this.#closed) return
    const attempt = attempts.nextAttempt(trial)
    const place = this.#env.fleet.reserve(slot, attempt)
    this.#effects.perform(attempts.assign(place, attempt, this.#env.clock.now()))
  }

  /** Slots are idle while its trials wait here. */
  recall({ next, behind }: Slot): void {
    if (this.#closed || next === null) return
    this.#effects.perform(this.rooms.attempts.recall([next, ...behind]))
  }

  /** The first trial that suits every worker. */
  #firstOfAll(): number | undefined {
    return this.#demand.firstStartable((trial) => this.#preferences.of(trial) === undefined)
  }

  /** So many trials could start as soon as they are suggested. */
  want(count: number): void {
    if (!this.#closed) this.rooms.suggestions.want(count)
  }

  // What happens

  lost(news: Extract<FleetNews, { kind: 'lost' }>): void {
    this.#effects.perform(this.rooms.attempts.lose(news, this.#env.clock.now()))
  }

  stranger(worker: string, slot: number | null, attempt: AttemptRef): void {
    this.#effects.perform(this.rooms.attempts.stranger(worker, slot, attempt))
  }

  tick(): void {
    const { clock, fleet } = this.#env
    const placeOf = fleet.find.bind(fleet)
    this.#effects.perform(this.rooms.attempts.overdue(clock.elapsed(), placeOf, clock.now()))
  }

  /** The bus is back: another driver may have taken over meanwhile. */
  reconnected(): void {
    this.rooms.writer.verify()
  }

  kept(): Promise<boolean> {
    return this.rooms.writer.kept()
  }

  /** Lets go of everything without a word to the log. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#effects.close()
    this.#deadline.clear()
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    this.#env.fleet.forget(this.id)
    this.rooms.suggestions.drop()
    this.rooms.pruning.close()
    this.rooms.rings?.close()
    this.rooms.writer.close()
  }

  /** Somebody changes it. */
  change(asked: AskedChange): Promise<{ state: string; trials: number }> {
    return this.#changes.take(asked)
  }

  /** Of one that is not started yet: the event that changes it. */
  eventOf(asked: AskedChange): ReturnType<Changes['eventOf']> {
    return this.#changes.eventOf(asked)
  }

  // What is shown

  /** A result that was refused: said until another was taken. */
  get refusedResult(): RefusedResult | null {
    return this.#results.refused
  }

  /** What a trial reported last. */
  last(trial: number): { step: number; metrics: Metrics } | null {
    return this.rooms.pruning.last(trial)
  }

  standing(trial: number): RingStanding | undefined {
    return this.rooms.rings?.standing(trial)
  }

  get inRings(): boolean {
    return this.rooms.rings !== null
  }

  /** How many trials wait for members, and how many there are; `free`: places that may be had now. */
  missing(free: number): { wanted: number; there: number } | undefined {
    return this.rooms.rings?.missing(this.#env.clock.elapsed(), free, this.#demand.startable())
  }

  /** One of its trials that waits because it ran out of memory. */
  get outgrown(): Outgrown | undefined {
    return this.#preferences.outgrown()
  }

  /** In elapsed time: when something was last suggested, assigned or ended. */
  get movedAt(): number {
    return this.#effects.movedAt
  }

  get hasWork(): boolean {
    return this.#demand.hasWork
  }

  #tell(news: RunNews): void {
    if (this.#closed && news === 'changed') return
    if (news === 'ended') this.close()
    this.#env.tell(news, this)
  }

  #fence(): void {
    if (this.#closed) return
    this.close()
    this.#env.tell('fenced', this)
  }

  #listen(): void {
    const { bus, onDropped } = this.#env
    const here = { worker: '*', experiment: this.id }
    this.#subscriptions.push(
      ...serveStore({
        bus,
        experiment: this.id,
        onDropped,
        isAssigned: (worker, trial, attempt) => this.#isAssigned(worker, trial, attempt),
        continues: (trial, other) => this.history.trial(trial)?.context.fidelity?.from === other,
        hasSaved: (trial, ring, sha256) => this.history.records.checkpoints.has(trial, ring, sha256),
        saved: (checkpoint) => this.#saved({ type: 'trial.saved', at: this.#env.clock.now(), ...checkpoint }),
      }),
      this.rooms.artifacts.serve(),
      answer(bus, done, here, (payload, { worker }) => this.#results.take(worker, payload), {
        onDropped,
        notValid: (value, { worker }, fault) => this.#results.takeInvalid(worker, value, fault),
      }),
      answer(bus, doneSeveral, here, ({ results }, { worker }) => this.#results.takeSeveral(worker, results), {
        onDropped,
        notValid: (value, { worker }, fault) => this.#results.takeSeveralInvalid(worker, value, fault),
      }),
      answer(bus, signExperiment, { experiment: this.id }, ({ signature }) => this.#signatures.take(signature), {
        onDropped,
      }),
      answer(bus, annotateExperiment, { experiment: this.id }, (said) => this.#annotate(said), { onDropped }),
      answer(bus, stopExperiment, { experiment: this.id }, ({ mode }) => this.#stop(mode), { onDropped }),
      answer(bus, changeExperiment, { experiment: this.id }, (asked) => this.change(asked), { onDropped }),
      answer(bus, pauseExperiment, { experiment: this.id }, ({ now = false }) => this.#changes.pause(now), {
        onDropped,
      }),
      hear(bus, started, here, (said, { worker }) => this.#started(worker, said), { onDropped }),
      hear(
        bus,
        metrics,
        { ...here, trial: '*' },
        (batch, { worker, trial }) => {
          const number = trialIn(trial) ?? -1
          if (this.#believes(metrics.name, worker, number, batch.attempt)) this.rooms.pruning.hear(number, batch)
        },
        { onDropped },
      ),
    )
  }

  #annotate(said: PayloadOf<typeof annotateExperiment>): Promise<ReplyOf<typeof annotateExperiment>> {
    const commit = (event: LogEvent): void => {
      this.#effects.commit(event)
    }
    return annotate(this.#env, this.history, { commit, kept: () => this.kept() }, said)
  }

  /** Somebody stops it; the answer is its state once that is kept. */
  async #stop(mode: 'finish' | 'cancel'): Promise<{ state: string }> {
    this.#effects.commit({ type: 'experiment.stopping', at: this.#env.clock.now(), mode })
    await this.kept()
    return { state: this.history.state }
  }

  #isAssigned(worker: string, trial: number, attempt: number): boolean {
    return this.rooms.attempts.partsOf(trial).some((part) => part.worker === worker && part.attempt === attempt)
  }

  /** A checkpoint, or an artifact, counts once its hash is in the log. */
  async #saved(event: Extract<LogEvent, { type: 'trial.saved' | 'trial.artifact' }>): Promise<void> {
    this.#effects.commit(event)
    if (await this.kept()) return
    throw problem('DRIVER_FENCED', { driver: this.#env.driver, experiment: this.id })
  }

  /** People should know where a trial that ran out of memory is tried next. */
  #noteOutgrown({ trial, worker }: { readonly trial: number; readonly worker: string }, bytes: number): void {
    if (!this.history.queued.has(trial)) return
    const waits = this.history.submission.context.policy.resources?.outOfMemory === 'wait'
    const larger = this.#preferences.larger(bytes)
    const next =
      larger !== undefined
        ? 'it is tried where there is more'
        : waits
          ? 'it waits for more'
          : 'no worker has more: it is tried again'
    this.#note(`trial ${trial} ran out of memory on ${worker}, with ${bytesText(bytes)} for a slot; ${next}`)
  }

  /** Where others go on with a trial nothing else is seen of it. */
  #noteCrash({ trial, worker, outcome }: Crash): void {
    if (!this.history.held.has(trial)) return
    const { code, message } = outcome.problem
    this.#note(`trial ${trial} crashed on ${worker}, and others go on with it (${code}: ${message})`)
  }

  #note(note: string): void {
    this.#effects.perform([{ kind: 'note', note }])
  }

  /** What another worker says of an attempt than the one that has it is counted and dropped. */
  #believes(what: string, worker: string, trial: number, attempt: number): boolean {
    const foreign = disbelief(this.history, worker, trial, attempt)
    if (foreign !== undefined) this.#env.onDropped(what, toProblem(foreign))
    return foreign === undefined
  }

  #started(worker: string, { trial, attempt, at }: PayloadOf<typeof started>): void {
    if (!this.#believes(started.name, worker, trial, attempt)) return
    this.#effects.follow(this.history.apply({ type: 'trial.started', trial, attempt, at }))
  }
}
