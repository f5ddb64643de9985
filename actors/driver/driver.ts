/**
 * The driver: owns experiments, finds workers, hands out trials, keeps the log.
 * I1 An experiment has one owner: whoever appended `experiment.adopted` last; the log's fence shuts out all others.
 * I2 An experiment whose owner's beats have stopped is taken over (with `adopt: 'all'`).
 * I3 Whatever is asked twice is done once.
 */
import {
  announce,
  beat,
  codeOf,
  done,
  driverBeat,
  isProblem,
  leave,
  problem,
  resumeExperiment,
  rollCall,
  stopExperiment,
  submit,
  toProblem,
  type AttemptRef,
  type LogEvent,
  type Submission,
} from '../../protocol/index.ts'
import { experimentIds } from '../../src/archive/index.ts'
import { every, type ActorEnvironment, type RunningActor } from '../../src/actor/index.ts'
import { answer, hear, tell, type Subscription } from '../../src/bus/index.ts'
import { createPruner } from '../../src/pruners/index.ts'
import { validateSpace } from '../../src/space/index.ts'
import { lastEvent, readArchive } from './ownership/archive.ts'
import type { LogEnd } from './experiment/log-writer.ts'
import { ExperimentRun, type RunEnvironment } from './experiment/run.ts'
import { Fleet, type Slot } from './fleet/fleet.ts'
import type { DriverOptions } from './options.ts'
import { tellProgress } from './experiment/progress.ts'
import { schedule, type Decision } from './fleet/placement.ts'

const beatMs = 1000
const tickMs = 500
const progressMs = 250
const endedKept = 1024
const finishedKept = 100_000

export async function startDriver(env: ActorEnvironment, options: DriverOptions): Promise<RunningActor> {
  await env.bus.streams.ensure()
  const driver = new Driver(env, options)
  driver.start()
  await env.bus.flush()
  return driver
}

const unresolved = () => problem('STUDY_INVALID', { path: 'components', reason: 'are none: the client looks them up' })

class Driver implements RunningActor {
  readonly #env: ActorEnvironment
  readonly #options: DriverOptions
  readonly #fleet: Fleet
  readonly #runs = new Map<string, ExperimentRun>()
  /** Being taken up right now. */
  readonly #taking = new Map<string, Promise<ExperimentRun | undefined>>()
  /** Ended here or found ended: late results are acknowledged, so that workers can forget them. */
  readonly #ended = new Map<string, Subscription>()
  /** Found ended: not looked at again. */
  readonly #finished = new Set<string>()
  readonly #others = new Map<string, { experiments: readonly string[]; seenAt: number }>()
  readonly #stops: (() => void)[] = []
  #pumping = false
  #rollCalledAt = 0
  #scanning = false
  #startedAt = 0

  constructor(env: ActorEnvironment, options: DriverOptions) {
    this.#env = env
    this.#options = options
    this.#fleet = new Fleet(env.bus, env.clock, env.id, options, {
      changed: () => this.#changed(),
      lost: (held, worker, reason) => this.#runs.get(held.experiment)?.lost(held, worker, reason),
      foreign: (worker, slot, attempt) => this.#foreign(worker, slot, attempt),
      callRoll: () => this.#callRoll(),
    })
  }

  start(): void {
    const { bus, clock, onDropped, id } = this.#env
    const queue = { queue: 'driver', onDropped }
    const subscriptions = [
      hear(
        bus,
        announce,
        { worker: '*' },
        ({ info, status }, { worker }) => this.#fleet.announced(worker, info, status),
        { onDropped },
      ),
      hear(bus, beat, { worker: '*' }, (status, { worker }) => this.#fleet.beat(worker, status), { onDropped }),
      hear(bus, leave, { worker: '*' }, (_, { worker }) => this.#fleet.left(worker), { onDropped }),
      hear(bus, driverBeat, { driver: '*' }, ({ experiments }, { driver }) => this.#heardDriver(driver, experiments), {
        onDropped,
      }),
      answer(bus, submit, {}, (submission) => this.#submit(submission), queue),
      answer(bus, resumeExperiment, {}, ({ experiment, force }) => this.#resume(experiment, force), queue),
    ]
    this.#startedAt = clock.elapsed()
    this.#stops.push(
      ...subscriptions.map((subscription) => () => subscription.unsubscribe()),
      every(clock, beatMs, () => this.#beat()),
      every(clock, tickMs, () => this.#tick()),
      every(clock, progressMs, () => this.#tellProgress()),
      bus.onStatus((status) => {
        if (status !== 'connected') return
        this.#fleet.reconnected()
        this.#beat()
        this.#callRoll(true)
      }),
    )
    this.#env.logger.info({ driver: id, adopt: this.#options.adopt }, 'driver ready')
    this.#beat()
    this.#callRoll(true)
  }

  /** Experiments stay as they are: the next driver finds them in the log; workers go on with what they run. */
  async drain(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop()
    await Promise.all([...this.#runs.values()].map((run) => run.kept()))
    // Said, so that nobody has to wait for this one's silence before taking up what it leaves.
    tell(this.#env.bus, driverBeat, { driver: this.#env.id }, { experiments: [] })
    for (const run of this.#runs.values()) run.close()
    for (const subscription of this.#ended.values()) subscription.unsubscribe()
    await this.#fleet.releaseAll()
  }

  // Ownership

  async #submit(submission: Submission): Promise<{ experiment: string; driver: string }> {
    const { experiment, context } = submission
    const reply = { experiment, driver: this.#env.id }
    if (context.kind === 'optimization') validateSpace(context.space, 'space')
    else if (context.kind === 'ablation' && context.components.length === 0) throw unresolved()
    if (context.pruner !== null) createPruner(context.pruner, context.objectives)
    if (this.#runs.has(experiment)) return reply
    const known = await readArchive(this.#env.bus, experiment)
    if (known !== undefined) {
      if (known.submission.bundle.sha256 !== submission.bundle.sha256)
        throw problem('EXPERIMENT_EXISTS', { experiment })
      // Accepted before, by a driver that died before it could say so.
      if (this.#ownerOf(experiment) === undefined) await this.#take(experiment, false)
      return reply
    }
    const run = this.#run(submission, { last: 0, next: 0 })
    this.#runs.set(experiment, run)
    const at = this.#env.clock.now()
    const accepted: LogEvent = { type: 'experiment.accepted', at, submission }
    if (!(await run.start(accepted, { type: 'experiment.adopted', at, driver: this.#env.id }))) {
      throw problem('EXPERIMENT_EXISTS', { experiment })
    }
    this.#listenForStop(run)
    this.#env.logger.info({ experiment }, 'experiment accepted')
    this.#beat()
    return reply
  }

  async #resume(experiment: string, force = false): Promise<{ experiment: string; driver: string; state: string }> {
    const driver = this.#env.id
    const own = this.#runs.get(experiment)
    if (own !== undefined) return { experiment, driver, state: own.history.state }
    const owner = this.#ownerOf(experiment)
    if (owner !== undefined) return { experiment, driver: owner, state: 'searching' }
    const run = await this.#take(experiment, true, force)
    if (run === undefined) {
      const last = await lastEvent(this.#env.bus, experiment)
      if (last === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
      return { experiment, driver, state: last.type === 'experiment.ended' ? last.state : 'searching' }
    }
    return { experiment, driver, state: run.history.state }
  }

  /** Takes up an experiment from its log; undefined if there is nothing to take up, or another driver was faster. */
  #take(experiment: string, resume: boolean, force = false): Promise<ExperimentRun | undefined> {
    const taking = this.#taking.get(experiment) ?? this.#takeUp(experiment, resume, force)
    this.#taking.set(experiment, taking)
    return taking.finally(() => this.#taking.delete(experiment))
  }

  async #takeUp(experiment: string, resume: boolean, force: boolean): Promise<ExperimentRun | undefined> {
    const { bus, clock, id, logger } = this.#env
    const archived = await readArchive(bus, experiment)
    if (archived === undefined || this.#runs.has(experiment)) return this.#runs.get(experiment)
    const run = this.#run(archived.submission, archived)
    run.replay(archived.entries)
    if (run.history.ended && (!resume || run.history.state === 'done')) {
      this.#acknowledgeLate(experiment)
      return undefined
    }
    const { order } = archived
    if (order.broken && !force) throw problem('LOG_HOLE', { experiment, fault: order.fault })
    const at = clock.now()
    const holes = order.holes === 0 ? {} : { holes: order.holes }
    const first: LogEvent[] = [{ type: 'experiment.adopted', at, driver: id, ...holes }]
    if (run.history.ended) first.push({ type: 'experiment.resumed', at })
    this.#ended.get(experiment)?.unsubscribe()
    this.#ended.delete(experiment)
    this.#finished.delete(experiment)
    this.#runs.set(experiment, run)
    if (!(await run.start(...first))) return undefined
    this.#listenForStop(run)
    logger.info(
      { experiment, state: run.history.state, held: run.history.held.size },
      'experiment taken up from its log',
    )
    this.#beat()
    this.#callRoll(true)
    return run
  }

  #run(submission: Submission, end: LogEnd): ExperimentRun {
    const { bus, clock, logger, onDropped } = this.#env
    const env: RunEnvironment = {
      bus,
      clock,
      logger,
      onDropped,
      driver: this.#env.id,
      fleet: this.#fleet,
      changed: () => this.#changed(),
      ended: (run) => {
        tellProgress(bus, run, this.#fleet, this.#env)
        this.#forget(run)
        this.#acknowledgeLate(run.id)
      },
      fenced: (run) => {
        logger.warn({ experiment: run.id }, 'another driver has this experiment now')
        this.#forget(run)
      },
    }
    return new ExperimentRun(env, submission, end)
  }

  #forget(run: ExperimentRun): void {
    this.#runs.delete(run.id)
    this.#stopListeners.get(run.id)?.unsubscribe()
    this.#stopListeners.delete(run.id)
    this.#changed()
  }

  readonly #stopListeners = new Map<string, Subscription>()

  #listenForStop(run: ExperimentRun): void {
    const { bus, onDropped } = this.#env
    const stop = answer(
      bus,
      stopExperiment,
      { experiment: run.id },
      async ({ mode }) => {
        run.stop(mode)
        await run.kept()
        return { state: run.history.state }
      },
      { onDropped },
    )
    if (this.#runs.has(run.id)) this.#stopListeners.set(run.id, stop)
    else stop.unsubscribe()
  }

  #acknowledgeLate(experiment: string): void {
    this.#finished.add(experiment)
    const first = this.#finished.values().next()
    if (this.#finished.size > finishedKept && !first.done) this.#finished.delete(first.value)
    if (this.#ended.has(experiment)) return
    const { bus, onDropped } = this.#env
    this.#ended.set(
      experiment,
      answer(bus, done, { worker: '*', experiment }, () => ({}), { onDropped }),
    )
    const [oldest] = this.#ended.keys()
    if (this.#ended.size <= endedKept || oldest === undefined) return
    this.#ended.get(oldest)?.unsubscribe()
    this.#ended.delete(oldest)
  }

  #ownerOf(experiment: string): string | undefined {
    const now = this.#env.clock.elapsed()
    for (const [driver, { experiments, seenAt }] of this.#others) {
      if (now - seenAt < this.#options.ownerTtlMs && experiments.includes(experiment)) return driver
    }
    return undefined
  }

  #heardDriver(driver: string, experiments: readonly string[]): void {
    if (driver === this.#env.id) return
    this.#others.set(driver, { experiments, seenAt: this.#env.clock.elapsed() })
    if (this.#others.size > 256) this.#others.delete([...this.#others.keys()][0] ?? '')
  }

  /** Takes up what nobody owns (I2). Those that have ended are looked at once. */
  async #scan(): Promise<void> {
    if (this.#scanning || this.#options.adopt === 'none' || this.#env.bus.status !== 'connected') return
    if (this.#env.clock.elapsed() - this.#startedAt < this.#options.ownerTtlMs) return
    this.#scanning = true
    try {
      for (const experiment of await experimentIds(this.#env.bus)) {
        if (this.#runs.has(experiment) || this.#finished.has(experiment) || this.#ownerOf(experiment) !== undefined)
          continue
        const last = await lastEvent(this.#env.bus, experiment)
        if (last?.type === 'experiment.ended') this.#acknowledgeLate(experiment)
        else await this.#takeWhole(experiment)
      }
    } catch (error) {
      if (codeOf(error) === undefined)
        this.#env.logger.error({ problem: toProblem(error) }, 'the log could not be looked through')
    } finally {
      this.#scanning = false
    }
  }

  /** One whose log has a hole is left alone until somebody says to go on all the same. */
  async #takeWhole(experiment: string): Promise<void> {
    try {
      await this.#take(experiment, false)
    } catch (error) {
      if (!isProblem(error, 'LOG_HOLE')) throw error
      this.#env.logger.error({ experiment, code: error.code }, `${error.message}; ${error.remedy}`)
      this.#finished.add(experiment)
    }
  }

  // Time

  #beat(): void {
    const experiments = [...this.#runs.keys()].slice(0, 4096)
    tell(this.#env.bus, driverBeat, { driver: this.#env.id }, { experiments })
  }

  #callRoll(now = false): void {
    if (!now && this.#env.clock.elapsed() - this.#rollCalledAt < beatMs) return
    this.#rollCalledAt = this.#env.clock.elapsed()
    tell(this.#env.bus, rollCall, { driver: this.#env.id }, {})
  }

  #ticks = 0
  #tick(): void {
    this.#ticks += 1
    // While this driver hears nobody, nobody's silence means anything.
    if (this.#env.bus.status === 'connected') this.#fleet.tick()
    if (this.#ticks % 4 === 0) void this.#scan()
    if (this.#runs.size > 0 || this.#fleet.slots().some(({ lease }) => lease === 'ours')) this.#changed()
  }

  #tellProgress(): void {
    for (const run of this.#runs.values()) tellProgress(this.#env.bus, run, this.#fleet, this.#env)
  }

  // Scheduling

  #foreign(worker: string, slot: number | null, attempt: AttemptRef): void {
    const run = this.#runs.get(attempt.experiment)
    if (run !== undefined && slot !== null) run.foreign(worker, slot, attempt)
  }

  /** Whatever changed in this turn is looked at once, when the turn is over. */
  #changed(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    const now = this.#env.clock.elapsed()
    const positions = this.#fleet.slots().map((slot) => ({
      slot,
      labels: this.#fleet.info(slot.worker)?.labels ?? {},
      lease: slot.lease,
      idle: slot.running === null && !slot.foreign,
      roomBehind: slot.running !== null && slot.running.attempt !== null && slot.next === null && !slot.foreign,
      outOfReach: slot.elsewhere || this.#trainsInRing(slot),
      askAfter: slot.askAfter,
      idleSince: slot.idleSince,
    }))
    for (const decision of schedule(positions, [...this.#runs.values()], now)) {
      const { slot } = decision.slot
      if (decision.kind === 'lease') void this.#fleet.ask(slot)
      else if (decision.kind === 'release') void this.#fleet.release(slot)
      else this.#fill(slot, decision)
    }
  }

  #fill(slot: Slot, { claimant, place, gang }: Extract<Decision<unknown>, { kind: 'fill' }>): void {
    const held = { experiment: claimant, attempt: null, confirmed: false, unknown: 0, gone: false }
    slot[place] = held
    this.#runs.get(claimant)?.fill(slot, held, gang)
  }

  /** A ring keeps its places for long: nobody waits for one of them. */
  #trainsInRing({ running }: Slot): boolean {
    return running !== null && this.#runs.get(running.experiment)?.inRings === true
  }
}
