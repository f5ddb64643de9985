/**
 * One experiment that this driver owns: its state, its log, its optimizer, and what goes to workers and comes from them.
 * I1 What must not be lost is in the log before it counts: a trial before it is assigned, a result before it is acknowledged.
 * I2 A fenced run does nothing more: another driver has the experiment.
 */
import {
  checkpointBucket,
  checkpointName,
  codeOf,
  done,
  metrics,
  problem,
  ringCheckpointName,
  ringName,
  started,
  toProblem,
  type Ablated,
  type Assignment,
  type AttemptOutcome,
  type AttemptRef,
  type Conclusion,
  type LogEvent,
  type Problem,
  type PayloadOf,
  type StopReason,
  type Submission,
} from '../../protocol/index.ts'
import type { Clock, Logger } from '../../src/actor/index.ts'
import { answer, hear, type Bus, type OnDropped, type Subscription } from '../../src/bus/index.ts'
import { createPruner, isServed } from '../../src/pruners/index.ts'
import { deriveSeed } from '../../src/random/index.ts'
import { Courier } from './courier.ts'
import { Gangs } from './gangs.ts'
import type { Gang } from './scheduler.ts'
import type { Part } from './trial.machine.ts'
import type { Effect, TrialSnapshot } from './experiment-state.ts'
import { ExperimentState } from './experiment-state.ts'
import type { Fleet, Held, Slot } from './fleet.ts'
import { LogWriter } from './log-writer.ts'
import { MetricBook } from './metric-book.ts'
import { OptimizerDesk, type Place } from './optimizer-desk.ts'
import { PrunerDesk } from './pruner-desk.ts'
import { Shelf } from './shelf.ts'
import type { Observed, Suggestion } from './suggester.ts'
import { refill } from './telemetry.ts'

export interface RunEnvironment {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly driver: string
  readonly fleet: Fleet
  readonly onDropped: OnDropped
  /** Something changed that the scheduler may use. */
  changed(): void
  /** It has ended, and its end is kept. */
  ended(run: ExperimentRun): void
  /** Another driver has it. */
  fenced(run: ExperimentRun): void
}

/** Waiting for a suggestion of a trial that runs shorter than this would be felt: such trials are handed out ahead. */
const shortTrialMs = 2000
/** What a timer of Node can count. */
const longestTimerMs = 2 ** 31 - 1
/** Trials that places are reserved for at once. */
const freshGangs = 16

export class ExperimentRun {
  readonly id: string
  readonly submission: Submission
  readonly state: ExperimentState
  readonly book: MetricBook
  readonly #env: RunEnvironment
  readonly #writer: LogWriter
  readonly #subscriptions: Subscription[] = []
  readonly desk: OptimizerDesk
  /** Where several workers train a trial together. */
  readonly gangs: Gangs | null
  readonly #courier: Courier
  readonly #shelf: Shelf
  readonly #judges: PrunerDesk | null
  #closed = false
  #saidSilent = false
  #timer: unknown = undefined
  #typicalMs: number | null = null

  constructor(env: RunEnvironment, submission: Submission, last: number) {
    this.#env = env
    this.id = submission.experiment
    this.submission = submission
    this.state = new ExperimentState(submission)
    const { pruner, objectives } = submission.context
    this.book = new MetricBook(pruner === null ? null : createPruner(pruner, objectives))
    this.#shelf = new Shelf(objectives)
    this.#judges = !isServed(pruner)
      ? null
      : new PrunerDesk(env.bus, env.logger, submission, {
          reported: () => this.book.reported(),
          stop: (trial) => this.#pruneAsTold(trial),
        })
    this.#courier = new Courier(env.bus, env.clock, env.logger)
    this.desk = new OptimizerDesk(env.bus, env.clock, env.logger, submission, {
      opened: ({ instance, adaptive, notes }) => {
        for (const note of notes) env.logger.info({ experiment: this.id }, note)
        const said = notes.length === 0 ? {} : { notes: [...notes] }
        this.#commit({ type: 'optimizer.opened', at: env.clock.now(), instance, adaptive, ...said })
      },
      lost: () => this.#commit({ type: 'optimizer.lost' }),
      failed: (fault) => this.#fail(fault),
      suggested: (suggestion, takePlace) => this.#adopt(suggestion, takePlace),
      exhausted: () => this.#commit({ type: 'optimizer.exhausted', at: env.clock.now() }),
      dropped: (places) => this.#drop(places),
      history: () => this.#history(),
      suggestedSoFar: () => this.state.suggested,
      underWay: () => this.state.queued.size + this.state.held.size > 0,
      searching: () => this.state.name === 'searching' && !this.#closed,
      opening: () => this.state.name === 'opening' && !this.#closed,
    })
    this.gangs = this.#openGangs()
    this.#writer = new LogWriter(env.bus, env.clock, this.id, last, () => this.#fence())
  }

  /** Events from the log, before the run is started. */
  replay(events: readonly LogEvent[]): void {
    for (const event of events) {
      this.state.apply(event)
      if (event.type === 'trial.ended') this.#learnDuration(event)
      this.#shelve(event)
    }
  }

  /** Listens, expects what the log says is running, and goes on where the log ends. `first` opens a new log or adopts an old one. */
  async start(...first: LogEvent[]): Promise<boolean> {
    const effects: Effect[] = []
    for (const event of first) {
      this.#writer.write(event)
      effects.push(...this.state.apply(event))
    }
    if (!(await this.#writer.kept())) return false
    this.#listen()
    for (const trial of this.state.held) {
      const parts = this.#partsOf(trial)
      for (const { worker, slot, attempt } of parts) {
        this.#env.fleet.expect(worker, slot, { experiment: this.id, trial, attempt })
      }
      this.gangs?.restore(trial, parts, this.state.generations.get(trial))
    }
    for (const trial of this.state.queued) this.gangs?.restore(trial, [], this.state.generations.get(trial))
    if (this.book.prunes) await refill(this.#env.bus, this.book, this.state)
    this.#watchTime()
    if (this.state.name === 'searching') this.#commit({ type: 'optimizer.lost' })
    else this.#perform([...this.state.pendingEffects()])
    this.#concludeIfDue()
    this.#env.changed()
    return true
  }

  /** The clock's rule; like every other it counts once it is in the log. */
  #watchTime(): void {
    const { deadline } = this.state
    if (deadline === null) return
    const left = Math.min(deadline - this.#env.clock.now(), longestTimerMs)
    this.#env.clock.clearTimeout(this.#timer)
    this.#timer = this.#env.clock.setTimeout(
      () => {
        if (this.#closed || this.state.deadline === null) return
        if (this.state.deadline <= this.#env.clock.now()) this.#conclude('time')
        else this.#watchTime()
      },
      Math.max(0, left),
    )
  }

  #concludeIfDue(): void {
    const { conclusion } = this.state
    if (conclusion !== null) this.#conclude(conclusion)
  }

  #conclude(reason: Conclusion): void {
    this.#env.logger.info({ experiment: this.id, reason }, 'experiment concludes')
    this.#commit({ type: 'experiment.stopping', at: this.#env.clock.now(), mode: 'cancel', reason })
  }

  /** Since when no worker that fits has been here; null while one is. */
  withoutWorkersSince: number | null = null
  /** Since when a ring of it waits for members; null while none does. */
  missingSince: number | null = null

  noteWorkers(fitting: boolean, now: number): void {
    this.withoutWorkersSince = fitting ? null : (this.withoutWorkersSince ?? now)
  }

  /** How many more trials could start now. */
  demand(): number {
    if (this.gangs !== null) return this.#closed || !this.#acceptsQueued ? 0 : this.gangs.room(this.#env.clock.now())
    return this.#startable()
  }

  needs(now: number): readonly Gang[] {
    return this.#closed || !this.#acceptsQueued ? [] : (this.gangs?.needs(now) ?? [])
  }

  get #acceptsQueued(): boolean {
    return !['stopping', 'concluding', 'cancelling', 'failing', 'givingUp'].includes(this.state.name)
  }

  get inRings(): boolean {
    return this.gangs !== null
  }

  #startable(): number {
    if (this.#closed) return 0
    const { policy, trials } = this.submission.context
    const queued = this.state.queued.size
    const { waiting } = this.desk
    const fresh = this.state.name === 'searching' && !this.desk.resting ? trials - this.state.suggested - waiting : 0
    const wanted = (this.#acceptsQueued ? queued : 0) + Math.max(0, fresh)
    const cap = policy.parallel === null ? Infinity : policy.parallel - this.state.held.size - waiting
    return Math.max(0, Math.min(wanted, cap))
  }

  /** Places that it holds or waits for, for a fair share between experiments. */
  get share(): number {
    return this.state.held.size + this.desk.waiting
  }

  /** Whether trials may wait in a slot behind the one that runs: results do not matter to the next, and trials are short. */
  get prefetches(): boolean {
    const short = this.#typicalMs !== null && this.#typicalMs < shortTrialMs
    return short && this.gangs === null && !this.desk.adaptive && this.state.name === 'searching'
  }

  suits(labels: Readonly<Record<string, string>>): boolean {
    return Object.entries(this.submission.context.policy.labels).every(([name, value]) => labels[name] === value)
  }

  /** Takes a place: a queued trial goes there now, or a new one as soon as it is suggested. */
  fill(slot: Slot, held: Held, gang?: number): void {
    if (this.gangs !== null) return this.gangs.fill({ slot, held }, gang, this.#env.clock.now())
    const [queued] = this.state.queued
    if (queued !== undefined) this.#assign(queued, { slot, held })
    else this.desk.wait({ slot, held })
  }

  /** The worker of an attempt is gone, or knows nothing of it. */
  lost(held: Held, worker: string, reason: string): void {
    if (held.attempt === null || this.#closed) return
    const { trial, attempt } = held.attempt
    this.#env.logger.warn({ experiment: this.id, trial, attempt, worker }, `attempt lost: ${reason}`)
    if (held.confirmed === true) this.#lose(held.attempt, worker, reason)
    else this.#returned(held.attempt, worker, 'it never reached the worker')
  }

  /** A worker runs an attempt that this driver does not hold there: expected again, or told to stop. */
  foreign(worker: string, slot: number, ref: AttemptRef): void {
    const trial = this.state.trial(ref.trial)
    if (trial === undefined || this.#closed) return
    const here = this.#partsOf(ref.trial).some((part) => part.attempt === ref.attempt && part.worker === worker)
    if (here && this.state.held.has(ref.trial)) this.#env.fleet.expect(worker, slot, ref)
    else void this.#stop(worker, ref, 'superseded')
  }

  stop(mode: 'finish' | 'cancel'): void {
    this.#commit({ type: 'experiment.stopping', at: this.#env.clock.now(), mode })
  }

  kept(): Promise<boolean> {
    return this.#writer.kept()
  }

  /** Lets go of everything without a word to the log. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#env.clock.clearTimeout(this.#timer)
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    this.#env.fleet.forget(this.id)
    this.desk.drop()
    this.#judges?.drop()
    this.gangs?.close()
  }

  #fence(): void {
    if (this.#closed) return
    this.close()
    this.#env.fenced(this)
  }

  #listen(): void {
    const { bus, onDropped } = this.#env
    const here = { worker: '*', experiment: this.id }
    this.#subscriptions.push(
      answer(bus, done, here, (payload, { worker }) => this.#ended(worker, payload), { onDropped }),
      hear(
        bus,
        started,
        here,
        ({ trial, attempt, at }) => this.#perform(this.state.apply({ type: 'trial.started', trial, attempt, at })),
        { onDropped },
      ),
      hear(bus, metrics, { ...here, trial: '*' }, (batch, { trial }) => this.#heard(Number(trial), batch), {
        onDropped,
      }),
    )
  }

  /** Moves the state and writes the log; effects follow. */
  #commit(...events: (LogEvent | { type: 'optimizer.lost' })[]): void {
    for (const event of events) {
      if (event.type !== 'optimizer.lost') {
        this.#writer.write(event)
        this.#shelve(event)
      }
      this.#perform(this.state.apply(event))
      if (this.gangs !== null) this.#tellGangs(this.gangs, event)
    }
    this.#concludeIfDue()
    this.#env.changed()
  }

  #perform(effects: readonly Effect[]): void {
    if (this.#closed) return
    for (const effect of effects) {
      switch (effect) {
        case 'openOptimizer':
          if (this.submission.context.kind === 'training') this.#openTraining()
          else void this.desk.open()
          break
        case 'closeOptimizer':
          void this.desk.close()
          break
        case 'stopRunning':
          this.#stopRunning()
          break
        case 'giveUp':
          this.#giveUp()
          break
        case 'endDone':
          void this.#end('done')
          break
        case 'endStopped':
          void this.#end('stopped')
          break
        case 'endFailed':
          void this.#end('failed')
          break
      }
    }
  }

  async #end(state: 'done' | 'stopped' | 'failed'): Promise<void> {
    this.#commit({ type: 'experiment.ended', at: this.#env.clock.now(), state, best: this.state.best })
    if (!(await this.#writer.kept())) return
    // One that was stopped, or has failed, can be resumed: its trials go on from where they were.
    if (state === 'done') await this.#clearShelf(true)
    this.#env.logger.info({ experiment: this.id, state }, 'experiment ended')
    this.close()
    this.#env.ended(this)
  }

  #giveUp(): void {
    const own = this.submission.context.kind === 'training' ? this.state.trial(0)?.context.problem : null
    if (own) return this.#fail(own)
    const failed = this.state.failedTrials
    const { stack: _, ...fault } = toProblem(
      problem('EXPERIMENT_GIVEN_UP', { failed, reason: this.state.firstFailure ?? 'no reason known' }),
    )
    this.#commit({ type: 'experiment.failing', at: this.#env.clock.now(), problem: fault })
  }

  #stopRunning(): void {
    this.desk.drop()
    for (const trial of this.state.held) {
      for (const { worker, attempt } of this.#partsOf(trial)) {
        void this.#stop(worker, { experiment: this.id, trial, attempt }, 'cancelled')
      }
    }
  }

  /** A trial may have saved something: it said so, or its attempt ended without a word. */
  #shelve(event: LogEvent): void {
    if (event.type === 'trial.lost') this.#shelf.put(event.trial)
    if (event.type !== 'trial.ended') return
    if (event.checkpoint === true || event.outcome.kind === 'crashed') this.#shelf.put(event.trial)
  }

  async #clearShelf(over: boolean): Promise<void> {
    for (const trial of this.#shelf.clear(() => this.#history(), over)) {
      await this.#discard(checkpointName(this.id, trial), trial)
    }
  }

  async #discard(checkpoint: string, trial: number): Promise<void> {
    try {
      await this.#env.bus.blobs.delete(checkpointBucket, checkpoint)
    } catch (error) {
      // It takes room, and does no other harm.
      this.#env.logger.warn({ experiment: this.id, trial, code: codeOf(error) }, 'a checkpoint could not be deleted')
    }
  }

  #fail(fault: Problem): void {
    if (!this.#closed) this.#commit({ type: 'experiment.failing', at: this.#env.clock.now(), problem: fault })
  }

  #history(): Observed[] {
    return [...this.state.trials.keys()].flatMap((trial) => {
      const observation = this.state.observation(trial, this.book.last(trial)?.step ?? null)
      return observation === undefined ? [] : [observation]
    })
  }

  #adopt(suggestion: Suggestion, takePlace: () => Place | undefined): void {
    const trial = this.state.suggested
    const seed = this.#seedOf(trial, suggestion.ablated)
    this.#commit({ type: 'trial.suggested', at: this.#env.clock.now(), trial, ...suggestion, seed })
    const place = takePlace()
    if (place === undefined) return
    this.#assign(trial, place)
    this.gangs?.follow(trial, place.held)
  }

  /** A training is one trial, with the hparams that it was given: nobody needs to be asked. */
  #openTraining(): void {
    if (this.state.name !== 'opening') return
    const at = this.#env.clock.now()
    const opened = { type: 'optimizer.opened' as const, at, instance: this.#env.driver, adaptive: false }
    if (this.state.suggested > 0) return this.#commit(opened)
    const seed = deriveSeed(this.submission.context.seed, 'trial', 0)
    this.#commit(opened, { type: 'trial.suggested', at, trial: 0, hparams: {}, seed })
  }

  #partsOf(trial: number): readonly Part[] {
    return this.state.trial(trial)?.context.parts ?? []
  }

  #openGangs(): Gangs | null {
    const { context } = this.submission
    if (!('ring' in context) || context.ring === undefined) return null
    return new Gangs(
      {
        ...this.#env,
        experiment: this.id,
        queued: () => [...this.state.queued].slice(0, Math.max(0, this.#startable())),
        fresh: () => Math.min(freshGangs, Math.max(0, this.#startable() - this.state.queued.size)),
        assign: (trial, place) => this.#assign(trial, place),
        suggest: (place) => this.desk.wait(place),
        free: (places) => this.#drop(places),
        formed: async (trial, generation, members) => {
          if (this.#closed) return false
          const at = this.#env.clock.now()
          this.#commit({ type: 'ring.formed', at, trial, generation, members: [...members] })
          return (await this.#writer.kept()) && !this.#closed
        },
        dropped: (trial, attempt, reason) => this.#expel(trial, attempt, reason),
        changed: () => this.#env.changed(),
      },
      context.ring,
    )
  }

  /** Rings learn what became of their members from the same events as everybody. */
  #tellGangs(gangs: Gangs, event: LogEvent | { type: 'optimizer.lost' }): void {
    if (event.type === 'trial.assigned') gangs.seat(event.trial, event)
    if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return
    if (this.state.settled(event.trial) || this.state.queued.has(event.trial)) gangs.end(event.trial)
    else gangs.gone(event.trial, event.attempt)
  }

  /** A member that does not answer in its ring: should it come back, it begins anew, as a newcomer. */
  #expel(trial: number, attempt: number, reason: string): void {
    const part = this.#partsOf(trial).find((one) => one.attempt === attempt)
    if (part === undefined || this.#closed) return
    const { worker } = part
    const ref = { experiment: this.id, trial, attempt }
    this.#env.logger.warn({ ...ref, worker }, `ring member lost: ${reason}`)
    const place = this.#env.fleet.find(worker, ref)
    if (place !== undefined) {
      this.#env.fleet.free(place.slot, place.held)
      // Until its worker says otherwise.
      place.slot.foreign = true
    }
    this.#commit({ type: 'trial.lost', at: this.#env.clock.now(), trial, attempt, worker, reason })
    void this.#stop(worker, ref, 'superseded')
  }

  /** The trials of one repeat of an ablation share their seed: what differs is what they do without. */
  #seedOf(trial: number, ablated: Ablated | undefined): number {
    const { seed } = this.submission.context
    return ablated === undefined ? deriveSeed(seed, 'trial', trial) : deriveSeed(seed, 'repeat', ablated.repeat)
  }

  #drop(places: readonly Place[]): void {
    for (const { slot, held } of places) this.#env.fleet.free(slot, held)
    if (this.desk.waiting === 0) this.gangs?.drop()
    this.#env.changed()
  }

  #assign(trial: number, { slot, held }: Place): void {
    const attempt = (this.state.trial(trial)?.context.attempt ?? 0) + 1
    held.attempt = { experiment: this.id, trial, attempt }
    if (this.state.queued.has(trial)) this.book.restart(trial, attempt)
    this.#commit({
      type: 'trial.assigned',
      at: this.#env.clock.now(),
      trial,
      attempt,
      worker: slot.worker,
      slot: slot.slot,
    })
    void this.#handOver(trial, held.attempt, slot, held)
  }

  async #handOver(trial: number, ref: AttemptRef, slot: Slot, held: Held): Promise<void> {
    if (!(await this.#writer.kept())) return
    const { context, bundle, contextName } = this.submission
    const snapshot = this.state.trial(trial)
    if (snapshot === undefined) return
    const ablated = this.state.ablated(trial)
    const payload = {
      attempt: ref,
      driver: this.#env.driver,
      slot: slot.slot,
      bundle,
      contextName,
      ...trialInput(context, snapshot.context),
      seed: this.#seedOf(trial, ablated),
      objectives: context.objectives.map(({ metric }) => metric),
      trialTimeoutMs: context.policy.trialTimeoutMs,
      graceMs: context.policy.graceMs,
      ...(ablated === undefined ? {} : { ablated }),
      ...('ring' in context && context.ring !== undefined
        ? { ring: { ring: ringName(this.id, trial), settings: context.ring } }
        : {}),
    }
    const wanted = () => !this.#closed && !held.gone && this.#holds(ref)
    const delivered = await this.#courier.deliver(slot.worker, payload, wanted)
    if (delivered.kind === 'taken') {
      held.confirmed = true
      if (!this.#closed && this.#isCancelling()) void this.#stop(slot.worker, ref, 'cancelled')
    } else if (delivered.kind === 'refused' && wanted()) {
      this.#refused(delivered, ref, slot, held)
    }
  }

  #refused(
    { code, message }: { code: string | undefined; message: string },
    ref: AttemptRef,
    slot: Slot,
    held: Held,
  ): void {
    const { worker } = slot
    this.#env.logger.warn({ ...ref, worker, code }, message)
    this.#env.fleet.free(slot, held)
    const notLeased = code === 'LEASE_UNKNOWN' || code === 'SLOT_TAKEN'
    if (notLeased) slot.lease = 'none'
    if (notLeased || code === 'WORKER_DRAINING') this.#returned(ref, worker, message)
    else this.#lose(ref, worker, message)
  }

  /** It was not begun: it is tried again at no cost. */
  #returned(ref: AttemptRef, worker: string, reason: string): void {
    const at = this.#env.clock.now()
    const outcome = { kind: 'returned' as const, reason }
    const end = { at, worker, outcome, startedAt: null, endedAt: at, points: 0 }
    this.#commit({ type: 'trial.ended', ...trialOf(ref), ...end })
  }

  #lose({ trial, attempt }: AttemptRef, worker: string, reason: string): void {
    const before = this.state.trial(trial)
    const open = before !== undefined && !this.state.settled(trial)
    this.#commit({ type: 'trial.lost', at: this.#env.clock.now(), trial, attempt, worker, reason })
    // Its last attempt is a result too.
    if (open && this.state.settled(trial)) this.#settled(trial, before, worker)
  }

  #holds(ref: AttemptRef): boolean {
    const snapshot = this.state.trial(ref.trial)
    return snapshot !== undefined && this.state.counts(ref.trial, ref.attempt) && this.state.held.has(ref.trial)
  }

  #isCancelling(): boolean {
    return ['concluding', 'cancelling', 'failing', 'givingUp'].includes(this.state.name)
  }

  async #ended(
    worker: string,
    payload: PayloadOf<typeof done>,
  ): Promise<PayloadOf<{ payload: (typeof done)['reply'] }>> {
    const { trial, attempt, startedAt, endedAt, points, checkpoint } = payload
    const place = this.#env.fleet.find(worker, { experiment: this.id, trial, attempt })
    if (place !== undefined) this.#env.fleet.free(place.slot, place.held)
    const before = this.state.trial(trial)
    if (before === undefined)
      throw problem('MESSAGE_INVALID', {
        subject: 'trial.done',
        path: '/trial',
        reason: `${trial} is not a trial of ${this.id}`,
      })
    if (!this.state.settled(trial)) {
      const outcome = this.#checked(payload.outcome)
      const event = {
        type: 'trial.ended' as const,
        at: this.#env.clock.now(),
        trial,
        attempt,
        worker,
        outcome,
        startedAt,
        endedAt,
        points,
        ...(checkpoint === true ? { checkpoint } : {}),
      }
      this.#learnDuration(event)
      this.#noteSilence(event)
      this.#commit(event)
      if (this.state.settled(trial)) this.#settled(trial, before, worker)
    } else {
      this.#env.changed()
    }
    if (!(await this.#writer.kept())) throw problem('EXPERIMENT_UNKNOWN', { experiment: this.id })
    return {}
  }

  #settled(trial: number, before: TrialSnapshot, worker: string): void {
    const after = this.state.trial(trial)
    if (after === undefined) return
    this.book.settle(trial, after.value as 'done' | 'pruned' | 'failed' | 'cancelled')
    const observation = this.state.observation(trial, this.book.last(trial)?.step ?? null)
    if (observation !== undefined) this.desk.observe(observation)
    // A late result of an earlier attempt came first: the later attempt is not needed.
    for (const { attempt, worker: holder } of before.context.parts) {
      if (holder === worker) continue
      const ref = { experiment: this.id, trial, attempt }
      if (this.state.shared && after.value === 'done') this.#letReturn(holder, ref)
      else void this.#stop(holder, ref, 'superseded')
    }
    void this.#clearShelf(false)
    if (this.state.shared) void this.#discard(ringCheckpointName(ringName(this.id, trial)), trial)
    this.#env.changed()
  }

  /** Those that train together all return the same, one after the other; whoever does not is stopped, be the experiment over or not. */
  #letReturn(worker: string, ref: AttemptRef): void {
    const { clock, logger } = this.#env
    clock.setTimeout(() => {
      this.#courier
        .stop(worker, ref, 'superseded', () => true)
        .catch((error: unknown) => logger.warn({ ...ref, worker, code: codeOf(error) }, 'it could not be stopped'))
    }, this.submission.context.policy.graceMs)
  }

  /** A result is believed only if it holds what the context asked for. */
  #checked(outcome: AttemptOutcome): AttemptOutcome {
    if (outcome.kind !== 'done') return outcome
    const missing = this.submission.context.objectives.find(({ metric }) => outcome.metrics[metric] === undefined)
    if (missing === undefined) return outcome
    const returned = Object.keys(outcome.metrics).join(', ') || 'none'
    const { stack: _, ...fault } = toProblem(problem('METRIC_MISSING', { metric: missing.metric, returned }))
    return { kind: 'failed', problem: fault }
  }

  /** Said once: a pruner that hears nothing stops nothing. */
  #noteSilence({ outcome, points }: Extract<LogEvent, { type: 'trial.ended' }>): void {
    const pruner = this.submission.context.pruner?.name ?? 'none'
    if (this.#saidSilent || pruner === 'none' || points > 0 || outcome.kind !== 'done') return
    this.#saidSilent = true
    this.#env.logger.warn(
      { experiment: this.id, pruner },
      `a trial ended without a report, so the pruner ${pruner} has nothing to judge: call reporter.report in train`,
    )
  }

  #learnDuration({ startedAt, endedAt }: { startedAt: number | null; endedAt: number }): void {
    if (startedAt === null) return
    const ms = endedAt - startedAt
    this.#typicalMs = this.#typicalMs === null ? ms : this.#typicalMs * 0.8 + ms * 0.2
  }

  #heard(trial: number, batch: PayloadOf<typeof metrics>): void {
    const snapshot = this.state.trial(trial)
    if (snapshot === undefined || !this.state.counts(trial, batch.attempt) || this.state.settled(trial)) return
    const heard = this.book.hear(trial, batch, this.state.shared)
    if (heard.kind === 'gap') void this.#fillGap(trial)
    else if (heard.kind === 'stop') this.#prune(trial, batch.attempt, heard.step)
    else this.#judges?.note(trial)
  }

  #pruneAsTold(trial: number): void {
    const { attempt } = this.state.trial(trial)?.context ?? {}
    if (this.#closed || attempt === undefined) return
    this.#prune(trial, attempt, this.book.last(trial)?.step ?? 0)
  }

  #prune(trial: number, attempt: number, step: number): void {
    const value = this.state.trial(trial)?.value
    if (value !== 'assigned' && value !== 'running') return
    for (const { worker, attempt: each } of this.#partsOf(trial)) {
      void this.#stop(worker, { experiment: this.id, trial, attempt: each }, 'pruned')
    }
    this.#commit({ type: 'trial.stopping', at: this.#env.clock.now(), trial, attempt, reason: 'pruned', step })
  }

  async #fillGap(trial: number): Promise<void> {
    try {
      await refill(this.#env.bus, this.book, this.state, trial)
    } catch (error) {
      // The next batch finds the same gap and asks again.
      this.#env.logger.warn({ experiment: this.id, trial, code: codeOf(error) }, 'metrics could not be read back')
    }
  }

  #stop(worker: string, ref: AttemptRef, reason: StopReason): Promise<void> {
    return this.#courier.stop(worker, ref, reason, () => !this.#closed && (reason === 'superseded' || this.#holds(ref)))
  }
}

/** What train gets as hparams, and the checkpoint that it goes on from. */
function trialInput(
  { hparams: fixed }: Submission['context'],
  { hparams, fidelity }: TrialSnapshot['context'],
): Pick<Assignment, 'hparams' | 'resumeFrom'> {
  if (fidelity === undefined) return { hparams: { ...fixed, ...hparams } }
  const { budget, from } = fidelity
  return { hparams: { ...fixed, ...hparams, budget }, ...(from === null ? {} : { resumeFrom: from }) }
}

const trialOf = ({ trial, attempt }: AttemptRef) => ({ trial, attempt })
