/**
 * One experiment that this driver owns: its state, its log, its optimizer, and what goes to workers and comes from them.
 * I1 What must not be lost is in the log before it counts: a trial before it is assigned, a result before it is acknowledged.
 * I2 A fenced run does nothing more: another driver has the experiment.
 */
import {
  done,
  metrics,
  problem,
  started,
  toProblem,
  type AttemptRef,
  type Conclusion,
  type LogEvent,
  type Metrics,
  type Problem,
  type Submission,
} from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import { answer, hear, type Bus, type OnDropped, type Subscription } from '../../../src/bus/index.ts'
import { Attempts } from '../trials/attempts.ts'
import { Deadline } from './deadline.ts'
import { Demand } from './demand.ts'
import { History, seedOf, type Effect, type LogEntry } from '../../../src/history/index.ts'
import type { Fleet, Held, Slot } from '../fleet/fleet.ts'
import { Gangs } from '../rings/rings.ts'
import { LogWriter, type LogEnd } from './log-writer.ts'
import { OptimizerDesk, type Place } from '../suggesting/suggestions.ts'
import { Retention } from './retention.ts'
import type { Gang } from '../fleet/placement.ts'
import type { Suggestion } from '../suggesting/suggester.ts'

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

/** Trials that places are reserved for at once. */
const freshGangs = 16

export class ExperimentRun {
  readonly id: string
  readonly submission: Submission
  readonly history: History
  readonly desk: OptimizerDesk
  /** Where several workers train a trial together. */
  readonly gangs: Gangs | null
  readonly #env: RunEnvironment
  readonly #writer: LogWriter
  readonly #subscriptions: Subscription[] = []
  readonly #demand: Demand
  readonly #attempts: Attempts
  readonly #retention: Retention
  readonly #deadline: Deadline
  #closed = false

  constructor(env: RunEnvironment, submission: Submission, end: LogEnd) {
    const { bus, clock, logger } = env
    this.#env = env
    this.id = submission.experiment
    this.submission = submission
    this.history = new History(submission)
    this.#retention = new Retention(bus, logger, submission)
    this.#deadline = new Deadline(
      clock,
      () => (this.#closed ? null : this.history.deadline),
      () => this.#conclude('time'),
    )
    this.#attempts = new Attempts(
      {
        ...env,
        commit: (event) => this.#commit(event),
        kept: () => this.#writer.kept(),
        ended: (event) => this.#demand.learnDuration(event),
        settled: (trial, observation) => {
          if (observation === undefined) return
          this.desk.observe(observation)
          void this.#retention.settled(trial, observation.state, () => this.#attempts.history())
        },
      },
      this.history,
    )
    this.desk = this.#openDesk()
    this.gangs = this.#openGangs()
    this.#demand = new Demand(this.history, this.desk, () => this.gangs)
    this.#writer = new LogWriter(bus, clock, this.id, end, () => this.#fence())
  }

  /** The log so far, before the run is started. */
  replay(entries: readonly LogEntry[]): void {
    for (const { first, events } of entries) {
      if (first !== undefined) this.history.length = first
      for (const event of events) {
        this.history.apply(event)
        if (event.type === 'trial.ended') this.#demand.learnDuration(event)
        this.#retention.note(event)
      }
    }
  }

  /** Listens, expects what the log says is running, and goes on where the log ends. `first` opens a new log or adopts an old one. */
  async start(...first: LogEvent[]): Promise<boolean> {
    const effects: Effect[] = []
    for (const event of first) {
      this.#writer.write(event)
      effects.push(...this.history.apply(event))
    }
    if (!(await this.#writer.kept())) return false
    this.#listen()
    for (const trial of this.history.held) {
      const parts = this.#attempts.partsOf(trial)
      for (const { worker, slot, attempt } of parts) {
        this.#env.fleet.expect(worker, slot, { experiment: this.id, trial, attempt })
      }
      this.gangs?.restore(trial, parts, this.history.generations.get(trial))
    }
    for (const trial of this.history.queued) this.gangs?.restore(trial, [], this.history.generations.get(trial))
    await this.#attempts.recall()
    this.#deadline.watch()
    if (this.history.state === 'searching') this.#commit({ type: 'optimizer.lost' })
    else this.#perform([...this.history.pendingEffects()])
    this.#concludeIfDue()
    this.#env.changed()
    return true
  }

  #concludeIfDue(): void {
    const { conclusion } = this.history
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

  /** How many more places it could use now. */
  demand(): number {
    return this.#closed ? 0 : this.#demand.places(this.#env.clock.elapsed())
  }

  needs(now: number): readonly Gang[] {
    return this.#closed ? [] : this.#demand.gangs(now)
  }

  get inRings(): boolean {
    return this.gangs !== null
  }

  /** Places that it holds or waits for, for a fair share between experiments. */
  get share(): number {
    return this.history.held.size + this.desk.waiting
  }

  /** Whether trials may wait in a slot behind the one that runs. */
  get prefetches(): boolean {
    return this.#demand.prefetches
  }

  /** What a trial reported last. */
  last(trial: number): { step: number; metrics: Metrics } | null {
    return this.#attempts.last(trial)
  }

  suits(labels: Readonly<Record<string, string>>): boolean {
    return Object.entries(this.submission.context.policy.labels).every(([name, value]) => labels[name] === value)
  }

  /** Takes a place: a queued trial goes there now, or a new one as soon as it is suggested. */
  fill(slot: Slot, held: Held, gang?: number): void {
    if (this.gangs !== null) return this.gangs.take({ slot, held }, gang, this.#env.clock.elapsed())
    const [queued] = this.history.queued
    if (queued !== undefined) this.#attempts.assign(queued, { slot, held })
    else this.desk.wait({ slot, held })
  }

  /** The worker of an attempt is gone, or knows nothing of it. */
  lost(held: Held, worker: string, reason: string): void {
    this.#attempts.lost(held, worker, reason)
  }

  /** A worker runs an attempt that this driver does not hold there: expected again, or told to stop. */
  foreign(worker: string, slot: number, ref: AttemptRef): void {
    this.#attempts.foreign(worker, slot, ref)
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
    this.#deadline.clear()
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    this.#env.fleet.forget(this.id)
    this.desk.drop()
    this.#attempts.close()
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
      answer(bus, done, here, (payload, { worker }) => this.#attempts.end(worker, payload), { onDropped }),
      hear(
        bus,
        started,
        here,
        ({ trial, attempt, at }) => this.#perform(this.history.apply({ type: 'trial.started', trial, attempt, at })),
        { onDropped },
      ),
      hear(bus, metrics, { ...here, trial: '*' }, (batch, { trial }) => this.#attempts.hear(Number(trial), batch), {
        onDropped,
      }),
    )
  }

  /** Moves the state and writes the log; effects follow. */
  #commit(...events: (LogEvent | { type: 'optimizer.lost' })[]): void {
    for (const event of events) {
      if (event.type !== 'optimizer.lost') {
        this.#writer.write(event)
        this.#retention.note(event)
      }
      this.#perform(this.history.apply(event))
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
          this.desk.drop()
          this.#attempts.stopAll()
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
    this.#commit({ type: 'experiment.ended', at: this.#env.clock.now(), state, best: this.history.best })
    if (!(await this.#writer.kept())) return
    // One that was stopped, or has failed, can be resumed: its trials go on from where they were.
    if (state === 'done') await this.#retention.over(() => this.#attempts.history())
    this.#env.logger.info({ experiment: this.id, state }, 'experiment ended')
    this.close()
    this.#env.ended(this)
  }

  #giveUp(): void {
    const own = this.submission.context.kind === 'training' ? this.history.trial(0)?.context.problem : null
    if (own) return this.#fail(own)
    const failed = this.history.failedTrials
    const { stack: _, ...fault } = toProblem(
      problem('EXPERIMENT_GIVEN_UP', { failed, reason: this.history.firstFailure ?? 'no reason known' }),
    )
    this.#commit({ type: 'experiment.failing', at: this.#env.clock.now(), problem: fault })
  }

  #fail(fault: Problem): void {
    if (!this.#closed) this.#commit({ type: 'experiment.failing', at: this.#env.clock.now(), problem: fault })
  }

  #adopt(suggestion: Suggestion, takePlace: () => Place | undefined): void {
    const trial = this.history.suggested
    const seed = seedOf(this.submission.context, trial, suggestion.ablated)
    this.#commit({ type: 'trial.suggested', at: this.#env.clock.now(), trial, ...suggestion, seed })
    const place = takePlace()
    if (place === undefined) return
    this.#attempts.assign(trial, place)
    this.gangs?.follow(trial, place.held)
  }

  /** A training is one trial, with the hparams that it was given: nobody needs to be asked. */
  #openTraining(): void {
    if (this.history.state !== 'opening') return
    const at = this.#env.clock.now()
    const opened = { type: 'optimizer.opened' as const, at, instance: this.#env.driver, adaptive: false }
    if (this.history.suggested > 0) return this.#commit(opened)
    const seed = seedOf(this.submission.context, 0, undefined)
    this.#commit(opened, { type: 'trial.suggested', at, trial: 0, hparams: {}, seed })
  }

  #openDesk(): OptimizerDesk {
    const { bus, clock, logger } = this.#env
    return new OptimizerDesk(bus, clock, logger, this.submission, {
      opened: ({ instance, adaptive, notes }) => {
        for (const note of notes) logger.info({ experiment: this.id }, note)
        const said = notes.length === 0 ? {} : { notes: [...notes] }
        this.#commit({ type: 'optimizer.opened', at: clock.now(), instance, adaptive, ...said })
      },
      lost: () => this.#commit({ type: 'optimizer.lost' }),
      failed: (fault) => this.#fail(fault),
      suggested: (suggestion, takePlace) => this.#adopt(suggestion, takePlace),
      exhausted: (told) => this.#commit({ type: 'optimizer.exhausted', at: clock.now(), told }),
      dropped: (places) => this.#drop(places),
      history: () => this.#attempts.history(),
      logged: () => this.history.length,
      suggestedSoFar: () => this.history.suggested,
      underWay: () => this.history.queued.size + this.history.held.size > 0,
      searching: () => this.history.state === 'searching' && !this.#closed,
      opening: () => this.history.state === 'opening' && !this.#closed,
    })
  }

  #openGangs(): Gangs | null {
    const { context } = this.submission
    if (!('ring' in context) || context.ring === undefined) return null
    return new Gangs(
      {
        ...this.#env,
        experiment: this.id,
        queued: () => [...this.history.queued].slice(0, this.#demand.startable()),
        fresh: () => Math.min(freshGangs, Math.max(0, this.#demand.startable() - this.history.queued.size)),
        assign: (trial, place) => this.#attempts.assign(trial, place),
        suggest: (place) => this.desk.wait(place),
        free: (places) => this.#drop(places),
        formed: async (trial, generation, members) => {
          if (this.#closed) return false
          const at = this.#env.clock.now()
          this.#commit({ type: 'ring.formed', at, trial, generation, members: [...members] })
          return (await this.#writer.kept()) && !this.#closed
        },
        dropped: (trial, attempt, reason) => this.#attempts.expel(trial, attempt, reason),
        changed: () => this.#env.changed(),
      },
      context.ring,
    )
  }

  /** Rings learn what became of their members from the same events as everybody. */
  #tellGangs(gangs: Gangs, event: LogEvent | { type: 'optimizer.lost' }): void {
    if (event.type === 'trial.assigned') gangs.seat(event.trial, event)
    if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return
    if (this.history.settled(event.trial) || this.history.queued.has(event.trial)) gangs.end(event.trial)
    else gangs.gone(event.trial, event.attempt)
  }

  #drop(places: readonly Place[]): void {
    for (const { slot, held } of places) this.#env.fleet.free(slot, held)
    if (this.desk.waiting === 0) this.gangs?.drop()
    this.#env.changed()
  }
}
