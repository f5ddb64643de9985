/**
 * The driver: owns experiments, finds workers, hands out trials, keeps the log.
 * I1 An experiment has one owner: whoever appended `experiment.adopted` last; the log's fence shuts out all others.
 * I2 An experiment whose owner's beats have stopped is taken over (with `adopt: 'all'`).
 * I3 Whatever is asked twice is done once.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  announce,
  beat,
  codeOf,
  driverBeat,
  driverPing,
  isProblem,
  leave,
  problem,
  resumeExperiment,
  rollCall,
  stopExperiment,
  submit,
  toProblem,
  type LogEvent,
  type Submission,
} from '../../protocol/index.ts'
import { experimentIds } from '../../src/archive/index.ts'
import { every, patiently, type ActorEnvironment, type RunningActor } from '../../src/actor/index.ts'
import { answer, hear, tell, type Subscription } from '../../src/bus/index.ts'
import { createPruner } from '../../src/pruners/index.ts'
import type { History } from '../../src/history/index.ts'
import { validateSpace } from '../../src/space/index.ts'
import { ExperimentRun, tellProgress, type LogEnd, type RunNews } from './experiment/index.ts'
import { Fleet, schedule, type FleetNews, type Slot } from './fleet/index.ts'
import type { DriverOptions } from './options.ts'
import { historyOf, LateResults, lastEvent, Owners, readArchive } from './ownership/index.ts'

/** Its state, for one who wants it to go on. Throws EXPERIMENT_BUSY while it is being stopped: what is resumed must have ended first. */
function stateToResume({ ending, state, submission }: History): string {
  if (ending) throw problem('EXPERIMENT_BUSY', { experiment: submission.experiment, doing: 'being stopped' })
  return state
}

const beatMs = 1000
const tickMs = 500
const progressMs = 250
/** Between two looks for experiments that nobody owns, in ticks. */
const scanTicks = 4
/** A drain waits so long for the log to take what it holds. */
const drainMs = 5000

/** Resolves when it is at work; waits while the bus is away. */
export async function startDriver(env: ActorEnvironment, options: DriverOptions): Promise<RunningActor> {
  await patiently(env, () => env.bus.streams.ensure())
  const driver = new Driver(env, options)
  driver.start()
  await patiently(env, () => env.bus.flush())
  return driver
}

const unresolved = () => problem('STUDY_INVALID', { path: 'components', reason: 'are none: the client looks them up' })

class Driver implements RunningActor {
  readonly #env: ActorEnvironment
  readonly #options: DriverOptions
  readonly #fleet: Fleet
  readonly #runs = new Map<string, ExperimentRun>()
  /** Being opened or taken up right now. */
  readonly #taking = new Map<string, Promise<ExperimentRun | undefined>>()
  readonly #stopListeners = new Map<string, Subscription>()
  readonly #owners: Owners
  readonly #late: LateResults
  /** Logs that could not be read: that is said once. */
  readonly #unreadable = new Set<string>()
  readonly #setAside = new Set<string>()
  readonly #stops: (() => void)[] = []
  #pumping = false
  #rollCalledAt = 0
  #scanning = false
  #ticks = 0
  /** In elapsed time: when the use of slots was last counted. */
  #countedAt: number

  constructor(env: ActorEnvironment, options: DriverOptions) {
    const { bus, clock, id, onDropped } = env
    this.#env = env
    this.#options = options
    this.#owners = new Owners(bus, clock, id, options.ownerTtlMs)
    this.#late = new LateResults(bus, onDropped)
    this.#fleet = new Fleet(bus, clock, id, options, (news) => this.#hearFleet(news))
    this.#countedAt = clock.elapsed()
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
      hear(bus, driverBeat, { driver: '*' }, ({ experiments }, { driver }) => this.#hearDriver(driver, experiments), {
        onDropped,
      }),
      answer(bus, driverPing, { driver: id }, () => ({}), { onDropped }),
      answer(bus, submit, {}, (submission) => this.#submit(submission), queue),
      answer(bus, resumeExperiment, {}, ({ experiment, force }) => this.#resume(experiment, force), queue),
    ]
    this.#stops.push(
      ...subscriptions.map((subscription) => () => subscription.unsubscribe()),
      every(clock, beatMs, () => this.#beat()),
      every(clock, tickMs, () => this.#tick()),
      every(clock, progressMs, () => this.#tellProgress()),
      bus.onStatus((status) => {
        if (status !== 'connected') return
        for (const run of this.#runs.values()) run.reconnected()
        this.#fleet.reconnected()
        this.#beat()
        this.#callRoll(true)
      }),
    )
    this.#env.logger.info({ driver: id, adopt: this.#options.adopt }, 'driver ready')
    this.#beat()
    this.#callRoll(true)
    void this.#scan()
  }

  /** Experiments stay as they are: the next driver finds them in the log; workers go on with what they run. */
  async drain(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop()
    const kept = Promise.all([...this.#runs.values()].map((run) => run.kept()))
    // A log that takes nothing now keeps nobody here: its experiments are taken up from what it holds.
    const late = new Promise<'late'>((resolve) => {
      this.#env.clock.setTimeout(() => resolve('late'), drainMs)
    })
    if ((await Promise.race([kept, late])) === 'late') {
      const experiments = [...this.#runs.keys()]
      this.#env.logger.warn(
        { experiments },
        'the log does not take what was decided last; the next driver decides it again',
      )
    }
    // Said, so that nobody has to wait for this one's silence before taking up what it leaves.
    tell(this.#env.bus, driverBeat, { driver: this.#env.id }, { experiments: [] })
    for (const run of this.#runs.values()) run.close()
    for (const listener of this.#stopListeners.values()) listener.unsubscribe()
    this.#late.close()
    await this.#fleet.releaseAll()
  }

  // Ownership

  async #submit(submission: Submission): Promise<{ experiment: string; driver: string }> {
    const { experiment, context } = submission
    const reply = { experiment, driver: this.#env.id }
    if (context.kind === 'optimization') validateSpace(context.space, 'space')
    else if (context.kind === 'ablation' && context.components.length === 0) throw unresolved()
    if (context.pruner !== null) createPruner(context.pruner, context.objectives)
    // Asked twice at once: the second hears what became of the first (I3).
    const run = (await this.#taking.get(experiment)) ?? this.#runs.get(experiment)
    if (run !== undefined) {
      this.#refuseAnother(submission, run.submission)
      return reply
    }
    const known = await readArchive(this.#env.bus, experiment)
    if (known === undefined) {
      const opened = await this.#once(experiment, () => this.#open(submission))
      if (opened === undefined) throw problem('EXPERIMENT_EXISTS', { experiment })
      this.#refuseAnother(submission, opened.submission)
      return reply
    }
    this.#refuseAnother(submission, known.submission)
    // Accepted before, by a driver that died before it could say so.
    if (this.#owners.ownerOf(experiment) === undefined) await this.#take(experiment, false)
    return reply
  }

  #refuseAnother(asked: Submission, known: Submission): void {
    if (!isDeepStrictEqual(asked, known)) throw problem('EXPERIMENT_EXISTS', { experiment: asked.experiment })
  }

  /** A new experiment: it is accepted once that is in the log. Rejects with what the log refuses it for. */
  async #open(submission: Submission): Promise<ExperimentRun | undefined> {
    const { experiment } = submission
    const run = this.#run(submission, { last: 0, next: 0 })
    const at = this.#env.clock.now()
    const accepted: LogEvent = { type: 'experiment.accepted', at, submission }
    const isOurs = await this.#begin(run, accepted, { type: 'experiment.adopted', at, driver: this.#env.id })
    if (!isOurs) return undefined
    this.#env.logger.info({ experiment }, 'experiment accepted')
    return run
  }

  async #resume(experiment: string, force = false): Promise<{ experiment: string; driver: string; state: string }> {
    const driver = this.#env.id
    const own = this.#runs.get(experiment)
    if (own !== undefined) return { experiment, driver, state: stateToResume(own.history) }
    const owner = this.#owners.ownerOf(experiment)
    if (owner !== undefined) {
      const archived = await readArchive(this.#env.bus, experiment)
      if (archived === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
      const history = historyOf(archived)
      // Its owner's last beat may be older than its end.
      if (!history.ended) return { experiment, driver: owner, state: stateToResume(history) }
    }
    const run = await this.#take(experiment, true, force)
    if (run !== undefined) return { experiment, driver, state: stateToResume(run.history) }
    const archived = await readArchive(this.#env.bus, experiment)
    if (archived === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
    const history = historyOf(archived)
    if (history.state === 'done') return { experiment, driver, state: 'done' }
    throw problem('EXPERIMENT_BUSY', { experiment, doing: 'taken up by a driver' })
  }

  /** Takes up an experiment from its log; undefined if there is nothing to take up, or another driver has it. */
  #take(experiment: string, resume: boolean, force = false): Promise<ExperimentRun | undefined> {
    return this.#once(experiment, () => this.#takeUp(experiment, resume, force))
  }

  /** Whatever is done about an experiment is done once at a time (I3). */
  #once(experiment: string, work: () => Promise<ExperimentRun | undefined>): Promise<ExperimentRun | undefined> {
    const taking = this.#taking.get(experiment) ?? work()
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
      this.#late.acknowledge(experiment)
      return undefined
    }
    if (!resume && !(await this.#owners.isAbandoned(experiment, archived.owner))) return undefined
    const { order } = archived
    if (order.broken && !force) throw problem('LOG_HOLE', { experiment, fault: order.fault })
    const at = clock.now()
    const holes = order.holes === 0 ? {} : { holes: order.holes }
    const first: LogEvent[] = [{ type: 'experiment.adopted', at, driver: id, ...holes }]
    if (run.history.ended) first.push({ type: 'experiment.resumed', at })
    this.#late.goesOn(experiment)
    if (!(await this.#begin(run, ...first))) return undefined
    logger.info(
      { experiment, state: run.history.state, held: run.history.held.size },
      'experiment taken up from its log',
    )
    this.#callRoll(true)
    return run
  }

  /** Whatever goes wrong on the way leaves nothing behind. */
  async #begin(run: ExperimentRun, ...first: LogEvent[]): Promise<boolean> {
    try {
      if (!(await run.start(...first))) {
        run.close()
        return false
      }
    } catch (error) {
      run.close()
      throw error
    }
    this.#runs.set(run.id, run)
    this.#listenForStop(run)
    this.#beat()
    this.#changed()
    return true
  }

  #run(submission: Submission, end: LogEnd): ExperimentRun {
    const { bus, clock, logger, onDropped } = this.#env
    const driver = this.#env.id
    const tell = (news: RunNews, run: ExperimentRun): void => this.#hearRun(news, run)
    return new ExperimentRun({ bus, clock, logger, onDropped, driver, fleet: this.#fleet, tell }, submission, end)
  }

  #hearRun(news: RunNews, run: ExperimentRun): void {
    const { bus, logger } = this.#env
    if (news === 'changed') return this.#changed()
    if (news === 'ended') {
      tellProgress(bus, run, this.#fleet, this.#env)
      this.#late.acknowledge(run.id)
    } else {
      logger.warn({ experiment: run.id }, 'another driver has this experiment now')
    }
    this.#forget(run)
  }

  #forget(run: ExperimentRun): void {
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id)
    this.#stopListeners.get(run.id)?.unsubscribe()
    this.#stopListeners.delete(run.id)
    this.#beat()
    this.#changed()
  }

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
    this.#stopListeners.get(run.id)?.unsubscribe()
    this.#stopListeners.set(run.id, stop)
  }

  #hearDriver(driver: string, experiments: readonly string[]): void {
    this.#owners.hear(driver, experiments)
    // One that had ended here was resumed there.
    if (driver !== this.#env.id) for (const experiment of experiments) this.#late.goesOn(experiment)
  }

  /** Takes up what nobody owns (I2). Those that have ended are looked at once. */
  async #scan(): Promise<void> {
    if (this.#scanning || this.#options.adopt === 'none' || this.#env.bus.status !== 'connected') return
    this.#scanning = true
    try {
      for (const experiment of await experimentIds(this.#env.bus)) {
        const isKnown = this.#runs.has(experiment) || this.#late.knows(experiment) || this.#setAside.has(experiment)
        if (!isKnown && this.#owners.ownerOf(experiment) === undefined) await this.#lookAt(experiment)
      }
    } catch (error) {
      // The bus is away: the next look finds what there is.
      if (codeOf(error) === undefined)
        this.#env.logger.error({ problem: toProblem(error) }, 'the log could not be looked through')
    } finally {
      this.#scanning = false
    }
  }

  /** One that cannot be taken up keeps no other from being taken up. */
  async #lookAt(experiment: string): Promise<void> {
    try {
      const last = await lastEvent(this.#env.bus, experiment)
      if (last?.type === 'experiment.ended') this.#late.acknowledge(experiment)
      else await this.#take(experiment, false)
      this.#unreadable.delete(experiment)
    } catch (error) {
      // One whose log has a hole is left alone until somebody says to go on all the same.
      if (isProblem(error, 'LOG_HOLE')) this.#setAside.add(experiment)
      if (this.#unreadable.has(experiment)) return
      this.#unreadable.add(experiment)
      const { code, message, remedy = 'it is tried again' } = toProblem(error)
      this.#env.logger.warn({ experiment, code }, `it cannot be taken up: ${message}; ${remedy}`)
    }
  }

  async #lookForOwners(): Promise<void> {
    if (await this.#owners.look()) await this.#scan()
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

  #tick(): void {
    this.#ticks += 1
    // While this driver hears nobody, nobody's silence means anything.
    if (this.#env.bus.status === 'connected') {
      this.#fleet.tick()
      void this.#lookForOwners()
    }
    for (const run of this.#runs.values()) run.tick()
    if (this.#ticks % scanTicks === 0) void this.#scan()
    if (this.#runs.size > 0 || this.#fleet.slots().some(({ lease }) => lease.state === 'ours')) this.#changed()
  }

  #tellProgress(): void {
    for (const run of this.#runs.values()) tellProgress(this.#env.bus, run, this.#fleet, this.#env)
  }

  // Placement

  #hearFleet(news: FleetNews): void {
    if (news.kind === 'changed') this.#changed()
    else if (news.kind === 'callRoll') this.#callRoll()
    else if (news.kind === 'lost') this.#runs.get(news.place.attempt?.experiment ?? '')?.lost(news)
    else this.#runs.get(news.attempt.experiment)?.stranger(news.worker, news.slot, news.attempt)
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
    this.#countUse(now)
    const positions = this.#fleet.slots().map((slot) => ({
      slot,
      labels: this.#fleet.info(slot.worker)?.labels ?? {},
      lease: slot.lease.state,
      idle: slot.running === null,
      roomBehind: slot.running !== null && slot.running.state !== 'foreign' && slot.next === null,
      runsForLong: this.#trainsInRing(slot),
      idleSince: slot.idleSince,
    }))
    for (const decision of schedule(positions, [...this.#runs.values()], now)) {
      if (decision.kind === 'suggest') this.#runs.get(decision.claimant)?.want(decision.count)
      else if (decision.kind === 'lease') decision.slot.slot.lease.ask()
      else if (decision.kind === 'release') void decision.slot.slot.lease.release()
      else this.#runs.get(decision.claimant)?.fill(decision.slot.slot, decision.place, decision.trial)
    }
  }

  /** Shares are fair by time: what each experiment has used counts where they hold equally many places. */
  #countUse(now: number): void {
    const ms = now - this.#countedAt
    this.#countedAt = now
    for (const run of this.#runs.values()) run.used += ms * run.share
  }

  /** A ring keeps its places for long: nobody waits for one of them. */
  #trainsInRing({ running }: Slot): boolean {
    return this.#runs.get(running?.attempt?.experiment ?? '')?.inRings === true
  }
}
