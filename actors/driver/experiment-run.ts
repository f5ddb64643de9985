/**
 * One experiment that this driver owns: its state, its log, its optimizer, and what goes to workers and comes from them.
 * I1 What must not be lost is in the log before it counts: a trial before it is assigned, a result before it is acknowledged.
 * I2 A fenced run does nothing more: another driver has the experiment.
 */
import {
  assign,
  codeOf,
  done,
  metrics,
  problem,
  started,
  stopTrial,
  toProblem,
  type AttemptOutcome,
  type AttemptRef,
  type Hparams,
  type LogEvent,
  type PayloadOf,
  type StopReason,
  type Submission,
} from '../../protocol/index.ts'
import type { Clock, Logger } from '../../src/actor/index.ts'
import { answer, ask, hear, type Bus, type OnDropped, type Subscription } from '../../src/bus/index.ts'
import { createPruner } from '../../src/pruners/index.ts'
import { deriveSeed } from '../../src/random/index.ts'
import type { Effect, TrialSnapshot } from './experiment-state.ts'
import { ExperimentState } from './experiment-state.ts'
import type { Fleet, Held, Slot } from './fleet.ts'
import { LogWriter } from './log-writer.ts'
import { MetricBook } from './metric-book.ts'
import { opensAgain, OptimizerSession } from './optimizer-session.ts'
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

/** A place in a slot that waits for a trial. */
interface Place {
  readonly slot: Slot
  readonly held: Held
}

const reopenMs = 500
const resendMs = 200
/** Waiting for a suggestion of a trial that runs shorter than this would be felt: such trials are handed out ahead. */
const shortTrialMs = 2000

export class ExperimentRun {
  readonly id: string
  readonly submission: Submission
  readonly state: ExperimentState
  readonly book: MetricBook
  readonly #env: RunEnvironment
  readonly #writer: LogWriter
  readonly #subscriptions: Subscription[] = []
  #session: OptimizerSession | null = null
  #opening = false
  #suggesting = false
  #closed = false
  readonly #places: Place[] = []
  #typicalMs: number | null = null
  /** Why the optimizer is not there, while it is not. */
  optimizerProblem: { code: string; message: string; since: number } | null = null

  constructor(env: RunEnvironment, submission: Submission, last: number) {
    this.#env = env
    this.id = submission.experiment
    this.submission = submission
    this.state = new ExperimentState(submission)
    const { pruner, objectives } = submission.context
    this.book = new MetricBook(pruner === null ? null : createPruner(pruner, objectives))
    this.#writer = new LogWriter(env.bus, env.clock, this.id, last, () => this.#fence())
  }

  /** Events from the log, before the run is started. */
  replay(events: readonly LogEvent[]): void {
    for (const event of events) {
      this.state.apply(event)
      if (event.type === 'trial.ended') this.#learnDuration(event)
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
      const context = this.state.trial(trial)?.context
      if (!context || context.worker === null) continue
      this.#env.fleet.expect(context.worker, context.slot, { experiment: this.id, trial, attempt: context.attempt })
    }
    if (this.book.prunes) await refill(this.#env.bus, this.book, this.state)
    if (this.state.name === 'searching') this.#commit({ type: 'optimizer.lost' })
    else this.#perform([...this.state.pendingEffects()])
    this.#env.changed()
    return true
  }

  /** Since when no worker that fits has been here; null while one is. */
  withoutWorkersSince: number | null = null

  noteWorkers(fitting: boolean, now: number): void {
    this.withoutWorkersSince = fitting ? null : (this.withoutWorkersSince ?? now)
  }

  /** How many more trials could start now. */
  demand(): number {
    if (this.#closed) return 0
    const { policy, trials } = this.submission.context
    const queued = this.state.queued.size
    const waiting = this.#places.filter(({ held }) => !held.gone).length
    const fresh = this.state.name === 'searching' ? trials - this.state.suggested - waiting : 0
    const acceptsQueued = !['stopping', 'cancelling', 'failing', 'givingUp'].includes(this.state.name)
    const wanted = (acceptsQueued ? queued : 0) + Math.max(0, fresh)
    const cap = policy.parallel === null ? Infinity : policy.parallel - this.state.held.size - waiting
    return Math.max(0, Math.min(wanted, cap))
  }

  /** Places that it holds or waits for, for a fair share between experiments. */
  get share(): number {
    return this.state.held.size + this.#places.length
  }

  /** Whether trials may wait in a slot behind the one that runs: results do not matter to the next, and trials are short. */
  get prefetches(): boolean {
    return (
      this.#session !== null &&
      !this.#session.adaptive &&
      this.#typicalMs !== null &&
      this.#typicalMs < shortTrialMs &&
      this.state.name === 'searching'
    )
  }

  get adaptive(): boolean {
    return this.#session?.adaptive ?? true
  }

  suits(labels: Readonly<Record<string, string>>): boolean {
    return Object.entries(this.submission.context.policy.labels).every(([name, value]) => labels[name] === value)
  }

  /** Takes a place: a queued trial goes there now, or a new one as soon as it is suggested. */
  fill(slot: Slot, held: Held): void {
    const [queued] = this.state.queued
    if (queued !== undefined) {
      this.#assign(queued, { slot, held })
    } else {
      this.#places.push({ slot, held })
      void this.#suggest()
    }
  }

  /** The worker of an attempt is gone, or knows nothing of it. */
  lost(held: Held, worker: string, reason: string): void {
    if (held.attempt === null || this.#closed) return
    const { trial, attempt } = held.attempt
    this.#env.logger.warn({ experiment: this.id, trial, attempt, worker }, `attempt lost: ${reason}`)
    this.#commit({ type: 'trial.lost', at: this.#env.clock.now(), trial, attempt, worker, reason })
  }

  /** A worker runs an attempt that this driver does not hold there: expected again, or told to stop. */
  foreign(worker: string, slot: number, ref: AttemptRef): void {
    const trial = this.state.trial(ref.trial)
    if (trial === undefined || this.#closed) return
    const current = trial.context.attempt === ref.attempt && this.state.held.has(ref.trial)
    if (current && trial.context.worker === worker) this.#env.fleet.expect(worker, slot, ref)
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
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    this.#env.fleet.forget(this.id)
    for (const { slot, held } of this.#places.splice(0)) this.#env.fleet.free(slot, held)
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
      hear(
        bus,
        metrics,
        { ...here, trial: '*' },
        (batch, { worker, trial }) => this.#heard(worker, Number(trial), batch),
        { onDropped },
      ),
    )
  }

  /** Moves the state and writes the log; effects follow. */
  #commit(...events: (LogEvent | { type: 'optimizer.lost' })[]): void {
    for (const event of events) {
      if (event.type !== 'optimizer.lost') this.#writer.write(event)
      this.#perform(this.state.apply(event))
    }
    this.#env.changed()
  }

  #perform(effects: readonly Effect[]): void {
    if (this.#closed) return
    for (const effect of effects) {
      switch (effect) {
        case 'openOptimizer':
          void this.#open()
          break
        case 'closeOptimizer':
          void this.#closeOptimizer()
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
    this.#env.logger.info({ experiment: this.id, state }, 'experiment ended')
    this.close()
    this.#env.ended(this)
  }

  #giveUp(): void {
    const failed = this.state.failedTrials
    const { stack: _, ...fault } = toProblem(
      problem('EXPERIMENT_GIVEN_UP', { failed, reason: this.state.firstFailure ?? 'no reason known' }),
    )
    this.#commit({ type: 'experiment.failing', at: this.#env.clock.now(), problem: fault })
  }

  #stopRunning(): void {
    for (const { slot, held } of this.#places.splice(0)) this.#env.fleet.free(slot, held)
    for (const trial of this.state.held) {
      const context = this.state.trial(trial)?.context
      if (!context || context.worker === null) continue
      void this.#stop(context.worker, { experiment: this.id, trial, attempt: context.attempt }, 'cancelled')
    }
  }

  // The optimizer

  async #open(): Promise<void> {
    if (this.#opening) return
    this.#opening = true
    this.#session = null
    try {
      while (!this.#closed && this.state.name === 'opening') {
        try {
          const session = await OptimizerSession.open(this.#env.bus, this.submission, this.#history())
          this.#session = session
          this.optimizerProblem = null
          const { instance, adaptive } = session
          this.#commit({ type: 'optimizer.opened', at: this.#env.clock.now(), instance, adaptive })
          void this.#suggest()
        } catch (error) {
          await this.#optimizerFailed(error)
        }
      }
    } finally {
      this.#opening = false
    }
  }

  async #optimizerFailed(error: unknown): Promise<void> {
    const fault = toProblem(error)
    if (!opensAgain(error)) {
      this.#env.logger.error({ experiment: this.id, code: fault.code }, fault.message)
      const { stack: _, ...kept } = fault
      if (!this.#closed) this.#commit({ type: 'experiment.failing', at: this.#env.clock.now(), problem: kept })
      return
    }
    const { name } = this.submission.context.optimizer
    const missing = problem('OPTIMIZER_UNAVAILABLE', { optimizer: name })
    this.optimizerProblem ??= {
      code: missing.code,
      message: `${missing.message}; ${missing.remedy}`,
      since: this.#env.clock.now(),
    }
    await new Promise<void>((resolve) => {
      this.#env.clock.setTimeout(resolve, reopenMs)
    })
  }

  async #closeOptimizer(): Promise<void> {
    const session = this.#session
    this.#session = null
    try {
      await session?.close()
    } catch (error) {
      // It forgets the experiment by itself in time; nothing depends on its having heard.
      this.#env.logger.debug(
        { experiment: this.id, code: codeOf(error) },
        'the optimizer was gone before it was closed',
      )
    }
  }

  #history() {
    return [...this.state.trials.keys()].flatMap((trial) => {
      const observation = this.state.observation(trial, this.book.last(trial)?.step ?? null)
      return observation === undefined ? [] : [observation]
    })
  }

  async #suggest(): Promise<void> {
    if (this.#suggesting) return
    this.#suggesting = true
    try {
      // Everything that this turn asks for joins one request.
      await Promise.resolve()
      while (this.#places.length > 0 && this.#session !== null && this.state.name === 'searching' && !this.#closed) {
        await this.#suggestOnce(this.#session)
      }
    } finally {
      this.#suggesting = false
      if (this.state.name !== 'searching') this.#dropPlaces()
    }
  }

  async #suggestOnce(session: OptimizerSession): Promise<void> {
    const wanted = Math.min(this.#places.length, this.submission.context.trials - this.state.suggested)
    if (wanted <= 0) return this.#dropPlaces()
    let answered
    try {
      answered = await session.suggest(this.state.suggested, wanted)
    } catch (error) {
      if (this.#closed || session !== this.#session) return
      if (opensAgain(error)) this.#commit({ type: 'optimizer.lost' })
      else await this.#optimizerFailed(error)
      return
    }
    if (this.#closed || session !== this.#session) return
    for (const hparams of answered.hparams) this.#adopt(hparams)
    if (answered.exhausted) {
      this.#commit({ type: 'optimizer.exhausted', at: this.#env.clock.now() })
      this.#dropPlaces()
    }
  }

  #adopt(hparams: Hparams): void {
    const trial = this.state.suggested
    const seed = deriveSeed(this.submission.context.seed, 'trial', trial)
    this.#commit({ type: 'trial.suggested', at: this.#env.clock.now(), trial, hparams, seed })
    const place = this.#takePlace()
    if (place !== undefined) this.#assign(trial, place)
  }

  #takePlace(): Place | undefined {
    for (;;) {
      const place = this.#places.shift()
      if (place === undefined || !place.held.gone) return place
    }
  }

  #dropPlaces(): void {
    if (this.#places.length === 0) return
    for (const { slot, held } of this.#places.splice(0)) this.#env.fleet.free(slot, held)
    this.#env.changed()
  }

  // Trials

  #assign(trial: number, { slot, held }: Place): void {
    const attempt = (this.state.trial(trial)?.context.attempt ?? 0) + 1
    held.attempt = { experiment: this.id, trial, attempt }
    this.book.restart(trial, attempt)
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
    const payload = {
      attempt: ref,
      driver: this.#env.driver,
      slot: slot.slot,
      bundle,
      contextName,
      hparams: { ...context.hparams, ...snapshot.context.hparams },
      seed: deriveSeed(context.seed, 'trial', trial),
      objectives: context.objectives.map(({ metric }) => metric),
      trialTimeoutMs: context.policy.trialTimeoutMs,
      graceMs: context.policy.graceMs,
    }
    while (!this.#closed && !held.gone && this.#holds(ref)) {
      try {
        await ask(this.#env.bus, assign, { worker: slot.worker }, payload, { timeoutMs: 5000 })
        held.confirmed = true
        if (this.#closed || !this.#isCancelling()) return
        return void this.#stop(slot.worker, ref, 'cancelled')
      } catch (error) {
        if (await this.#refused(error, ref, slot, held)) return
      }
    }
  }

  /** Whether a failed handover is over; if not, it is tried again until the worker is lost. */
  async #refused(error: unknown, ref: AttemptRef, slot: Slot, held: Held): Promise<boolean> {
    const code = codeOf(error)
    if (code === 'BUS_NO_RESPONDERS' || code === 'BUS_TIMEOUT' || code === 'BUS_DISCONNECTED') {
      await new Promise<void>((resolve) => {
        this.#env.clock.setTimeout(resolve, resendMs)
      })
      return false
    }
    if (held.gone) return true
    const { message } = toProblem(error)
    this.#env.logger.warn({ ...ref, worker: slot.worker, code }, message)
    this.#env.fleet.free(slot, held)
    if (code === 'LEASE_UNKNOWN' || code === 'SLOT_TAKEN') slot.lease = 'none'
    const now = this.#env.clock.now()
    const { trial, attempt } = ref
    const { worker } = slot
    if (code === 'LEASE_UNKNOWN' || code === 'SLOT_TAKEN' || code === 'WORKER_DRAINING') {
      const outcome = { kind: 'returned' as const, reason: message }
      this.#commit({
        type: 'trial.ended',
        at: now,
        trial,
        attempt,
        worker,
        outcome,
        startedAt: null,
        endedAt: now,
        points: 0,
      })
    } else {
      this.#commit({ type: 'trial.lost', at: now, trial, attempt, worker, reason: message })
    }
    return true
  }

  #holds(ref: AttemptRef): boolean {
    const snapshot = this.state.trial(ref.trial)
    return snapshot !== undefined && snapshot.context.attempt === ref.attempt && this.state.held.has(ref.trial)
  }

  #isCancelling(): boolean {
    return ['cancelling', 'failing', 'givingUp'].includes(this.state.name)
  }

  async #ended(
    worker: string,
    payload: PayloadOf<typeof done>,
  ): Promise<PayloadOf<{ payload: (typeof done)['reply'] }>> {
    const { trial, attempt, startedAt, endedAt, points } = payload
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
      }
      this.#learnDuration(event)
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
    if (observation !== undefined) this.#session?.observe(observation)
    // A late result of an earlier attempt came first: the later attempt is not needed.
    const { attempt, worker: holder } = before.context
    if (holder !== null && holder !== worker)
      void this.#stop(holder, { experiment: this.id, trial, attempt }, 'superseded')
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

  #learnDuration({ startedAt, endedAt }: { startedAt: number | null; endedAt: number }): void {
    if (startedAt === null) return
    const ms = endedAt - startedAt
    this.#typicalMs = this.#typicalMs === null ? ms : this.#typicalMs * 0.8 + ms * 0.2
  }

  #heard(worker: string, trial: number, batch: PayloadOf<typeof metrics>): void {
    const snapshot = this.state.trial(trial)
    if (snapshot === undefined || snapshot.context.attempt !== batch.attempt || this.state.settled(trial)) return
    const heard = this.book.hear(trial, batch)
    if (heard.kind === 'gap') void this.#fillGap(trial)
    else if (heard.kind === 'stop') this.#prune(worker, trial, batch.attempt, heard.step)
  }

  #prune(worker: string, trial: number, attempt: number, step: number): void {
    const value = this.state.trial(trial)?.value
    if (value !== 'assigned' && value !== 'running') return
    void this.#stop(worker, { experiment: this.id, trial, attempt }, 'pruned')
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

  async #stop(worker: string, ref: AttemptRef, reason: StopReason): Promise<void> {
    for (let tries = 0; tries < 20 && !this.#closed; tries += 1) {
      try {
        await ask(this.#env.bus, stopTrial, { worker }, { attempt: ref, reason }, { timeoutMs: 2000 })
        return
      } catch (error) {
        const code = codeOf(error)
        if (code === undefined) throw error
        this.#env.logger.debug({ ...ref, worker, code }, 'stop is said again')
        if (reason !== 'superseded' && !this.#holds(ref)) return
        await new Promise<void>((resolve) => {
          this.#env.clock.setTimeout(resolve, resendMs)
        })
      }
    }
  }
}
