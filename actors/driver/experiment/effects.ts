/**
 * The one place where what the rooms of an experiment decide is carried out: in the log, on the fleet, on the bus.
 * I1 What must not be lost is in the log before it counts: a trial before it is assigned, a ring's generation before it is formed.
 * I2 An experiment that is closed here does nothing more: another driver has it, or it is over.
 * I3 Only what changes something is written: nothing stands in the log after the end but that it goes on.
 */
import { problem, sentenceAtMost, toTold, type LogEvent, type Problem } from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import { seedOf, type Effect, type History } from '../../../src/history/index.ts'
import type { Fleet } from '../fleet/index.ts'
import type { Pruning, PruningDecision } from '../pruning/index.ts'
import type { RingDecision, Rings } from '../rings/index.ts'
import type { SuggestingDecision, Suggestion, Suggestions } from '../suggesting/index.ts'
import { standingsOf, type Attempts, type Delivery, type TrialDecision } from '../trials/index.ts'
import type { Artifacts } from './artifacts.ts'
import type { Checkpoints } from './checkpoints.ts'
import { Dispatch } from './dispatch.ts'
import type { LogWriter } from './log-writer.ts'
import { TrialTraces } from './trial-traces.ts'

export type Decision = TrialDecision | SuggestingDecision | PruningDecision | RingDecision

/** The rooms of one experiment. */
export interface Rooms {
  readonly history: History
  readonly writer: LogWriter
  readonly attempts: Attempts
  readonly delivery: Delivery
  readonly suggestions: Suggestions
  readonly pruning: Pruning
  /** Where several workers train a trial together. */
  readonly rings: Rings | null
  readonly checkpoints: Checkpoints
  readonly artifacts: Artifacts
}

export type Outcome =
  /** Something changed that placement may use. */
  | { readonly kind: 'changed' }
  /** The end is in the log. */
  | { readonly kind: 'ended' }

type VolatileEvent = { readonly type: 'optimizer.lost' }

export class Effects {
  readonly #clock: Clock
  readonly #traces: TrialTraces
  readonly #logger: Logger
  readonly #driver: string
  readonly #fleet: Fleet
  readonly #dispatch: Dispatch
  readonly #rooms: Rooms
  readonly #tell: (outcome: Outcome) => void
  #closed = false
  /** In elapsed time: when something was last suggested, assigned or ended. */
  movedAt: number

  constructor(
    where: { clock: Clock; logger: Logger; driver: string; fleet: Fleet },
    rooms: Rooms,
    tell: (outcome: Outcome) => void,
  ) {
    this.#clock = where.clock
    this.#traces = new TrialTraces(rooms.history)
    this.#logger = where.logger
    this.#driver = where.driver
    this.#fleet = where.fleet
    this.#rooms = rooms
    this.#tell = tell
    this.#dispatch = new Dispatch(where, rooms, {
      isOver: () => this.#closed,
      perform: (decisions) => {
        this.perform(decisions)
      },
      changed: () => {
        tell({ kind: 'changed' })
      },
    })
    this.movedAt = where.clock.elapsed()
  }

  close(): void {
    this.#closed = true
  }

  perform(decisions: readonly Decision[]): void {
    for (const decision of decisions) if (!this.#closed) this.#carryOut(decision)
  }

  /** Moves the history and writes the log; what follows from that is carried out. */
  commit(...events: LogEvent[]): void {
    for (const event of events) this.#commit(event)
    this.#concludeIfDue()
    this.#tell({ kind: 'changed' })
  }

  /** An event that the log does not keep. */
  move(event: VolatileEvent): void {
    this.follow(this.#rooms.history.apply(event))
    this.#tell({ kind: 'changed' })
  }

  /** What an event of the history asks for. */
  follow(effects: readonly Effect[]): void {
    for (const effect of effects) if (!this.#closed) this.#follow(effect)
  }

  /** A rule of the context is met. */
  conclude(reason: NonNullable<History['conclusion']>): void {
    this.#logger.info({ experiment: this.#id, reason }, 'experiment concludes')
    this.commit({ type: 'experiment.stopping', at: this.#clock.now(), mode: 'cancel', reason })
  }

  fail(fault: Problem): void {
    this.commit({ type: 'experiment.failing', at: this.#clock.now(), problem: fault })
  }

  get #id(): string {
    return this.#rooms.history.submission.experiment
  }

  #carryOut(decision: Decision): void {
    const { attempts } = this.#rooms
    switch (decision.kind) {
      case 'commit':
        if (decision.event.type === 'trial.assigned') this.#introduce(decision.event.worker)
        return this.commit(this.#seated(this.#withHeard(decision.event)))
      case 'deliver':
        return void this.#dispatch.deliver(decision.place, decision.attempt)
      case 'free':
        this.#fleet.free(decision.place)
        return this.#tell({ kind: 'changed' })
      case 'disown':
        return this.#fleet.disown(decision.place)
      case 'expect':
        return this.#fleet.expect(decision.worker, decision.slot, decision.attempt, decision.at)
      case 'stop':
        return this.#dispatch.stop(decision)
      case 'verify':
        return this.#rooms.writer.verify()
      case 'rest':
        return this.#fleet.slotFailed(decision.place, decision.code)
      case 'served':
        return this.#fleet.slotServed(decision.place)
      case 'warn':
        return this.#logger.warn({ ...decision.attempt, worker: decision.worker }, decision.text)
      case 'adopt':
        return this.#adopt(decision.suggestion)
      case 'optimizerLost':
        return this.move({ type: 'optimizer.lost' })
      case 'fail':
        return this.fail(decision.problem)
      case 'note':
        return this.#note(decision)
      case 'prune':
        return this.#prune(decision)
      case 'form':
        return void this.#form(decision)
      case 'expel': {
        const { trial, attempt, reason } = decision
        const worker = attempts.partsOf(trial).find((part) => part.attempt === attempt)?.worker ?? ''
        const place = this.#fleet.find(worker, { experiment: this.#id, trial, attempt })
        return this.perform(attempts.expel(trial, attempt, reason, place, this.#clock.now()))
      }
      case 'changed':
        return this.#tell({ kind: 'changed' })
    }
  }

  #commit(event: LogEvent): void {
    if (this.#closed) return
    const { history, writer, attempts, pruning, checkpoints } = this.#rooms
    // What changes nothing is not written (I3).
    if (!history.takes(event)) return
    if (!this.#isWritable(event)) return
    writer.write(event)
    attempts.note(event)
    checkpoints.note(event)
    const trial = 'trial' in event ? event.trial : undefined
    const before = trial === undefined ? undefined : history.trial(trial)
    const wasSettled = trial !== undefined && history.settled(trial)
    if (event.type === 'trial.assigned' && history.queued.has(event.trial)) pruning.restart(event.trial, event.attempt)
    const failed = event.type === 'experiment.changed' && event.change.failed === true ? this.#failedTrials() : []
    if (event.type.startsWith('trial.') || event.type.startsWith('experiment.')) this.movedAt = this.#clock.elapsed()
    const effects = history.apply(event)
    this.#traces.note(event)
    for (const one of failed) if (!history.settled(one)) pruning.restart(one, history.trial(one)?.context.attempt ?? 0)
    if (event.type === 'experiment.changed') pruning.follow()
    if (trial !== undefined && before !== undefined && !wasSettled && history.settled(trial)) {
      const attempt = 'attempt' in event ? event.attempt : 0
      this.perform(attempts.settled(before, attempt, (worker, ref) => this.#fleet.find(worker, ref)))
      this.#settled(trial)
    }
    this.#tellRings(event)
    this.follow(effects)
  }

  /** Whoever joins a ring has a seat there that nobody else has. */
  #seated(event: LogEvent): LogEvent {
    const { rings } = this.#rooms
    return event.type === 'trial.assigned' && rings !== null ? { ...event, seat: rings.freeSeat(event.trial) } : event
  }

  /** What a worker runs on is written down before it gets its first trial. */
  #introduce(worker: string): void {
    const info = this.#fleet.info(worker)
    if (info === null || this.#rooms.history.records.workers.has(worker)) return
    const { host, backend, versions } = info
    this.#commit({ type: 'worker.introduced', at: this.#clock.now(), worker, host, backend, versions })
  }

  /** What nobody could read back ends the experiment that it is of, and nothing else. */
  #isWritable(event: LogEvent): boolean {
    try {
      this.#rooms.writer.prepare(event)
      return true
    } catch (error) {
      const fault = toTold(error)
      this.#logger.error({ experiment: this.#id, event: event.type, code: fault.code }, fault.message)
      if (event.type !== 'experiment.failing') this.fail(fault)
      return false
    }
  }

  #failedTrials(): number[] {
    return [...this.#rooms.history.trials].flatMap(([trial, { value }]) => (value === 'failed' ? [trial] : []))
  }

  #settled(trial: number): void {
    const { history, pruning, suggestions, checkpoints, artifacts } = this.#rooms
    const state = history.trial(trial)?.value as 'done' | 'pruned' | 'failed' | 'cancelled'
    pruning.settle(trial, state)
    const observation = history.observation(history.configurationOf(trial))
    if (observation !== undefined && observation.state !== 'pending') suggestions.observe(observation)
    void checkpoints.settled(trial, state, standingsOf(history))
    void artifacts.settled(trial)
  }

  #concludeIfDue(): void {
    const { conclusion } = this.#rooms.history
    if (conclusion !== null && !this.#closed) this.conclude(conclusion)
  }

  /** A lost attempt's reports count as far as they were heard. */
  #withHeard(event: LogEvent): LogEvent {
    return event.type === 'trial.lost' ? { ...event, ...this.#rooms.pruning.heard(event.trial) } : event
  }

  #follow(effect: Effect): void {
    const { history, suggestions, attempts } = this.#rooms
    switch (effect) {
      case 'openOptimizer':
        if (history.submission.context.kind === 'training') this.#openTraining()
        else void suggestions.open()
        break
      case 'closeOptimizer':
        void suggestions.close()
        break
      case 'stopRunning':
        this.perform(attempts.stopAll())
        break
      case 'stopRepeats':
        for (const needless of history.needless) this.#stopRepeat(needless)
        break
      case 'handBackWaiting':
      case 'handBackAll':
        this.perform(attempts.handBack(effect === 'handBackAll', (worker, ref) => this.#fleet.find(worker, ref)))
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

  #adopt(suggestion: Suggestion): void {
    const { history, writer } = this.#rooms
    const { suggested: trial, repeats } = history
    const { fidelity, ...rest } = suggestion
    const seed = seedOf(history.submission.context, trial, suggestion.ablated)
    const event: LogEvent = {
      type: 'trial.suggested',
      at: this.#clock.now(),
      trial,
      ...rest,
      ...(fidelity === undefined
        ? {}
        : { fidelity: { ...fidelity, from: fidelity.from === null ? null : fidelity.from * repeats } }),
      seed,
      ...(repeats === 1 ? {} : { repeats }),
    }
    try {
      writer.admit(event)
    } catch (error) {
      const fault = toTold(error)
      return this.fail(fault)
    }
    this.commit(event)
  }

  #note({ note, pruner, code }: Extract<PruningDecision, { kind: 'note' }>): void {
    const state = { ...(pruner === undefined ? {} : { pruner }), ...(code === undefined ? {} : { code }) }
    this.commit({ type: 'experiment.noted', at: this.#clock.now(), note: note.slice(0, sentenceAtMost), ...state })
  }

  #prune({ trial, attempt, step, seen }: Extract<PruningDecision, { kind: 'prune' }>): void {
    const { history, attempts } = this.#rooms
    const value = history.trial(trial)?.value
    if ((value !== 'assigned' && value !== 'running') || !history.counts(trial, attempt)) return
    this.perform(attempts.stop(trial, 'pruned'))
    const basis = seen === undefined ? {} : { seen }
    this.commit({ type: 'trial.stopping', at: this.#clock.now(), trial, attempt, reason: 'pruned', step, ...basis })
  }

  /** Another repeat of its configuration was pruned: it is pruned with it. */
  #stopRepeat({ trial, with: by }: History['needless'][number]): void {
    const { history, attempts } = this.#rooms
    const { attempt = 0, parts = [] } = history.trial(trial)?.context ?? {}
    this.perform(attempts.stop(trial, 'pruned'))
    const event = {
      type: 'trial.stopping',
      at: this.#clock.now(),
      trial,
      reason: 'pruned',
      step: null,
      with: by,
    } as const
    this.commit({ ...event, attempt: parts[0]?.attempt ?? attempt })
  }

  async #form({ trial, generation, members }: Extract<RingDecision, { kind: 'form' }>): Promise<void> {
    this.commit({ type: 'ring.formed', at: this.#clock.now(), trial, generation, members: [...members] })
    // I1
    if ((await this.#rooms.writer.kept()) && !this.#closed) this.#rooms.rings?.formed(trial, generation)
  }

  /** Rings learn what became of their members from the same events as everybody. */
  #tellRings(event: LogEvent): void {
    const { rings, history } = this.#rooms
    if (rings === null) return
    if (event.type === 'trial.assigned') {
      const part = history.trial(event.trial)?.context.parts.find(({ attempt }) => attempt === event.attempt)
      if (part !== undefined) rings.seat(event.trial, part)
    }
    if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return
    if (history.settled(event.trial) || history.queued.has(event.trial)) rings.end(event.trial)
    else rings.gone(event.trial, event.attempt)
  }

  /** A training is one trial, with the hparams that it was given: nobody needs to be asked. */
  #openTraining(): void {
    const { history } = this.#rooms
    if (history.state !== 'opening') return
    const at = this.#clock.now()
    const opened = { type: 'optimizer.opened' as const, at, instance: this.#driver, adaptive: false }
    if (history.suggested > 0) return this.commit(opened)
    const seed = seedOf(history.submission.context, 0, undefined)
    this.commit(opened, { type: 'trial.suggested', at, trial: 0, hparams: {}, seed })
  }

  #giveUp(): void {
    const { history } = this.#rooms
    const own = history.submission.context.kind === 'training' ? history.trial(0)?.context.problem : null
    if (own) return this.fail(own)
    const { maxFailed } = history.submission.context.policy
    const failed = history.lifecycle.failed
    const reason = history.ranking.firstFailure ?? 'they were cancelled'
    const fault = toTold(
      maxFailed !== null && failed >= maxFailed
        ? problem('EXPERIMENT_GIVEN_UP', { failed, reason })
        : problem('NOTHING_DONE', { trials: history.suggested, reason }),
    )
    this.fail(fault)
  }

  async #end(state: 'done' | 'stopped' | 'failed'): Promise<void> {
    const { history, writer, checkpoints, artifacts } = this.#rooms
    if (!artifacts.isEmpty) await artifacts.over()
    this.commit({ type: 'experiment.ended', at: this.#clock.now(), state, best: history.best })
    if (!(await writer.kept()) || this.#closed) return
    // One that was stopped, or has failed, can be resumed: its trials go on from where they were.
    if (state === 'done') await checkpoints.over(standingsOf(history))
    this.#logger.info({ experiment: this.#id, state }, 'experiment ended')
    this.#tell({ kind: 'ended' })
  }
}
