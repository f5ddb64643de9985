/**
 * The driver: owns experiments, finds workers, hands out trials, keeps the log.
 * I1 An experiment has one owner (ownership/).
 * I2 With `adopt: 'all'` an experiment whose owner is gone is taken over.
 */
import { createHash } from 'node:crypto'
import {
  annotateArchived,
  announce,
  beat,
  claims,
  codeOf,
  driverBeat,
  driverPing,
  handOver,
  leave,
  passOn,
  problem,
  removeArchived,
  resumeExperiment,
  rollCall,
  stopTrial,
  submit,
  toProblem,
  type PayloadOf,
} from '../../protocol/index.ts'
import {
  announcePresence,
  every,
  patiently,
  spaced,
  type ActorEnvironment,
  type RunningActor,
  type Spaced,
} from '../../src/actor/index.ts'
import { answer, ask, hear, tell } from '../../src/bus/index.ts'
import { ServedBundles } from './bundles.ts'
import { ExperimentRun, tellProgress } from './experiment/index.ts'
import { Elsewhere, Fleet, schedule, SlotPosition, type FleetNews, type Lack, type Slot } from './fleet/index.ts'
import { driverMeasures } from './measures.ts'
import type { DriverOptions } from './options.ts'
import { Keeping, Ownership, Retiring, Scan, type OwnershipNews } from './ownership/index.ts'

const dayMs = 24 * 3_600_000
const beatMs = 1000
/** Each beat goes to every worker: those that say what has begun or ended here are so many messages a second at most. */
const newsPerSecond = 4000
const tickMs = 500
const progressMs = 250
/** Between two times that other drivers hear what experiments here could use of theirs, in ticks. */
const claimTicks = 2
/** A slot that was released to another driver is left to it for so long. */
const yieldMs = 1500
/** Between two looks for experiments that nobody owns, in ticks. */
const scanTicks = 4
/** Between two looks for experiments that are due to be removed. */
const retentionMs = 600_000
/** Between two roll-calls for experiments that were taken up. */
const takeUpGapMs = 100
/** Fewer workers than these answer a roll-call at once; the answers of more are spread over time. */
const fewWorkers = 64
const longestSpreadMs = 10_000
/** Placement looks at every slot: twice as many in a ms, or more, and from the second thousand on it rests a ms for each between two looks. */
const slotsPerMs = 1000
/** Another driver of the same name has so long to answer. */
const namesakeMs = 1000
/** A drain waits so long for the log to take what was decided. */
const drainMs = 5000
/** And so long for workers to say that their slots are free. */
const releaseMs = 300

/** Resolves when it is at work; waits while the bus is away. */
export async function startDriver(env: ActorEnvironment, options: DriverOptions): Promise<RunningActor> {
  await refuseNamesake(env)
  await patiently(env, () => env.bus.streams.ensure(options))
  const driver = new Driver(env, options)
  driver.start()
  await patiently(env, () => env.bus.flush())
  return driver
}

/** Two of one name would take each experiment from each other for ever. */
async function refuseNamesake({ bus, id, logger }: ActorEnvironment): Promise<void> {
  try {
    await ask(bus, driverPing, { driver: id }, {}, { timeoutMs: namesakeMs })
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    // Nobody has it; or whoever has it does not answer, and what it had is taken up like that of any driver that is gone.
    logger.debug({ code: codeOf(error) }, 'no other driver of this name answers')
    return
  }
  throw problem('DRIVER_THERE', { driver: id })
}

/** What an experiment lacks, by its name. */
type Wanting = Omit<Lack, 'claimant'> & { readonly claimant: string }

class Driver implements RunningActor {
  readonly #env: ActorEnvironment
  readonly #options: DriverOptions
  readonly #fleet: Fleet
  readonly #ownership: Ownership
  readonly #scan: Scan
  readonly #keeping: Keeping
  /** Removes what is due; undefined: everything stays. */
  readonly #retiring: Retiring | undefined
  readonly #bundles: ServedBundles
  readonly #stops: (() => void)[] = []
  /** For however many slots, experiments or workers these are wanted, they are done once. */
  readonly #placement: Spaced
  readonly #rollCall: Spaced
  readonly #beat: Spaced
  #ticks = 0
  /** In elapsed time: when the use of slots was last counted. */
  #countedAt: number
  readonly #positions = new WeakMap<Slot, SlotPosition>()
  /** What other drivers could use. */
  readonly #elsewhere: Elsewhere
  /** What experiments here could use beside what they have, by the last placement. */
  #lacks: readonly Wanting[] = []

  constructor(env: ActorEnvironment, options: DriverOptions) {
    const { bus, clock, id, logger, onDropped } = env
    this.#env = env
    this.#options = options
    const fleet = new Fleet(bus, clock, id, options, (news) => this.#hearFleet(news))
    this.#fleet = fleet
    this.#elsewhere = new Elsewhere(bus, id)
    this.#ownership = new Ownership(
      env,
      options.ownerTtlMs,
      (submission, end, tell) =>
        new ExperimentRun({ bus, clock, logger, onDropped, driver: id, fleet, tell }, submission, end),
      (news) => this.#hearOwnership(news),
    )
    this.#bundles = new ServedBundles(bus, clock)
    this.#placement = spaced(clock, () => this.#place())
    this.#beat = spaced(clock, () => this.#ownership.beat())
    this.#rollCall = spaced(clock, () => tell(bus, rollCall, { driver: id }, this.#spread()))
    this.#keeping = new Keeping(env, {
      isHere: (experiment) => this.#ownership.isHere(experiment),
      isAbandoned: (experiment, owner) => this.#ownership.isAbandoned(experiment, owner),
      removed: (experiment) => this.#ownership.hasEnded(experiment),
      bundleRemoved: (sha256) => this.#bundles.forget(sha256),
    })
    const remove = (experiment: string) => this.#keeping.remove(experiment)
    this.#scan = new Scan(bus, logger, this.#ownership, placeOf(id), remove)
    const { retainDays, retainCount } = options
    if (retainDays !== undefined || retainCount !== undefined) {
      const olderThanMs = retainDays === undefined ? undefined : retainDays * dayMs
      this.#retiring = new Retiring(env, { olderThanMs, keep: retainCount }, remove)
    }
    this.#countedAt = clock.elapsed()
  }

  start(): void {
    const { bus, clock, onDropped, id } = this.#env
    const fleet = this.#fleet
    const ownership = this.#ownership
    const anyone = { worker: '*' }
    const quietly = { onDropped }
    const queue = { queue: 'driver', onDropped }
    const subscriptions = [
      hear(bus, announce, anyone, ({ info, status }, { worker }) => fleet.announced(worker, info, status), quietly),
      hear(bus, beat, anyone, (status, { worker }) => fleet.beat(worker, status), quietly),
      hear(bus, leave, anyone, (_, { worker }) => fleet.left(worker), quietly),
      hear(bus, driverBeat, { driver: '*' }, (said, { driver }) => ownership.hear(driver, said.experiments), quietly),
      hear(bus, claims, { driver: id }, (said) => this.#hearClaims(said), quietly),
      ...this.#bundles.serve(onDropped),
      answer(bus, annotateArchived, {}, (said) => this.#keeping.annotate(said), queue),
      answer(bus, removeArchived, {}, ({ experiment }) => this.#keeping.remove(experiment), queue),
      answer(bus, driverPing, { driver: id }, () => ({}), quietly),
      answer(bus, passOn, { driver: id }, (submission) => ownership.accept(submission), quietly),
      answer(bus, handOver, { driver: id }, ({ experiment }) => this.#takeFromAnother(experiment), quietly),
      answer(bus, submit, {}, (submission) => ownership.submit(submission), queue),
      answer(
        bus,
        resumeExperiment,
        {},
        ({ experiment, force, change }) => ownership.resume(experiment, force, change),
        queue,
      ),
      announcePresence(
        bus,
        id,
        () => ({ role: 'driver', serves: [], load: { experiments: ownership.runs.size } }),
        onDropped,
      ),
    ]
    this.#stops.push(
      ...subscriptions.map((subscription) => () => subscription.unsubscribe()),
      every(clock, beatMs, () => ownership.beat()),
      every(clock, tickMs, () => this.#tick()),
      every(clock, progressMs, () => this.#tellProgress()),
      every(clock, retentionMs, () => void this.#retiring?.look()),
      bus.onStatus((status) => {
        if (status !== 'connected') return
        for (const run of ownership.runs.values()) run.reconnected()
        fleet.reconnected()
        ownership.beat()
        this.#rollCall.want(takeUpGapMs)
      }),
      () => this.#rollCall.end(),
      () => this.#beat.end(),
    )
    this.#env.logger.info({ driver: id, adopt: this.#options.adopt }, 'driver ready')
    ownership.beat()
    this.#rollCall.want(takeUpGapMs)
    void this.#look()
    void this.#retiring?.look()
  }

  measures() {
    const { clock } = this.#env
    return driverMeasures([...this.#ownership.runs.values()], this.#fleet, clock.elapsed(), clock.now())
  }

  async #takeFromAnother(experiment: string): Promise<{ taken: boolean }> {
    if (this.#options.adopt === 'none') return { taken: false }
    return { taken: (await this.#ownership.takeOver(experiment)) !== undefined }
  }

  /**
   * Experiments stay as they are: another driver takes them up at once, or the next one finds them in the log; workers go on with what
   * they run.
   */
  async drain(): Promise<void> {
    const { clock, logger } = this.#env
    for (const stop of this.#stops.splice(0)) stop()
    // A log that takes nothing now keeps nobody here: its experiments are taken up from what it holds.
    if ((await Promise.race([this.#ownership.kept(), late(clock, drainMs)])) === 'late') {
      const experiments = [...this.#ownership.runs.keys()]
      logger.warn({ experiments }, 'the log does not take what was decided last; the next driver decides it again')
    }
    const experiments = this.#ownership.close()
    // The others need the slots; a worker that does not answer keeps nobody waiting.
    const released = this.#fleet.releaseAll()
    await Promise.race([released, late(clock, releaseMs)])
    await this.#ownership.handOver(experiments)
    await released
  }

  #hearOwnership(news: OwnershipNews): void {
    if (news.kind === 'takenUp') this.#rollCall.want(takeUpGapMs)
    else if (news.kind === 'ended') {
      tellProgress(this.#env.bus, news.run, this.#fleet, this.#viewer)
      void this.#retiring?.look()
    } else {
      if (news.kind === 'owns') this.#beat.want((this.#fleet.present.length / newsPerSecond) * 1000)
      this.#changed()
    }
  }

  // Time

  /** Takes up experiments that nobody owns (I2). */
  async #look(): Promise<void> {
    if (this.#options.adopt !== 'none') await this.#scan.look()
  }

  async #lookForOwners(): Promise<void> {
    if (await this.#ownership.someDriverIsGone()) await this.#look()
  }

  /** Workers answer a thousand a second, or so. A few may do it at once. */
  #spread(): { spreadMs?: number } {
    const workers = this.#fleet.present.length
    return workers < fewWorkers ? {} : { spreadMs: Math.min(longestSpreadMs, workers) }
  }

  #tick(): void {
    const { runs } = this.#ownership
    this.#ticks += 1
    this.#bundles.tick()
    // While this driver hears nobody, nobody's silence means anything.
    if (this.#env.bus.status === 'connected') {
      this.#fleet.tick()
      void this.#lookForOwners()
    }
    for (const run of runs.values()) run.tick()
    if (this.#ticks % claimTicks === 0) this.#claim()
    if (this.#ticks % scanTicks === 0) void this.#look()
    if (runs.size > 0 || this.#fleet.slots().some(({ lease }) => lease.state === 'ours')) this.#changed()
  }

  get #viewer() {
    const { bus, id, clock } = this.#env
    const { tokenFile } = this.#options
    const isHere = /\/\/(127\.|localhost|\[::1\])/.test(bus.server)
    const token = isHere && tokenFile !== undefined ? ` --token-file ${tokenFile}` : ''
    return { id, clock, server: `${bus.server}${token}` }
  }

  #tellProgress(): void {
    for (const run of this.#ownership.runs.values()) tellProgress(this.#env.bus, run, this.#fleet, this.#viewer)
  }

  // Placement

  #hearFleet(news: FleetNews): void {
    const { runs } = this.#ownership
    if (news.kind === 'changed') this.#changed()
    else if (news.kind === 'callRoll') this.#rollCall.want(beatMs)
    else if (news.kind === 'crowded') this.#env.onDropped(announce.name, toProblem(problem('FLEET_FULL', news)))
    else if (news.kind === 'lost') runs.get(news.place.attempt?.experiment ?? '')?.lost(news)
    else if (runs.has(news.attempt.experiment))
      runs.get(news.attempt.experiment)?.stranger(news.worker, news.slot, news.attempt)
    else void this.#stopLeftOver(news)
  }

  /**
   * A worker still runs what an experiment has left that is over: it could not be reached when it was told. It says so with each beat, and
   * is told again; not in a slot that another driver holds, which has its own reasons. A worker that drains has slots that nobody holds.
   */
  async #stopLeftOver({ worker, slot, attempt }: Extract<FleetNews, { kind: 'stranger' }>): Promise<void> {
    const held = this.#fleet.slotsOf(worker).find((one) => one.slot === slot)
    if (held === undefined || held.lease.state === 'theirs' || !this.#ownership.isOver(attempt.experiment)) return
    try {
      await ask(this.#env.bus, stopTrial, { worker }, { attempt, reason: 'superseded' }, { timeoutMs: beatMs })
    } catch (error) {
      if (codeOf(error) === undefined) throw error
    }
  }

  /** All that changed in this turn is looked at once, when the turn is over; or a little later, where a look takes long. */
  #changed(): void {
    this.#placement.want(Math.ceil(this.#fleet.size / slotsPerMs) - 1)
  }

  #place(): void {
    const { runs } = this.#ownership
    const now = this.#env.clock.elapsed()
    this.#countUse(now)
    const claimants = [
      ...[...runs.values()].flatMap((run) => run.claimants()),
      ...this.#elsewhere.claimants(now, (experiment) => this.#ownership.isHere(experiment)),
    ]
    const lacks: Wanting[] = []
    for (const decision of schedule(this.#positionsOf(), claimants, now)) {
      if (decision.kind === 'suggest') runs.get(decision.claimant)?.want(decision.count)
      else if (decision.kind === 'lease') decision.slot.slot.lease.ask()
      else if (decision.kind === 'release') void decision.slot.slot.lease.release()
      else if (decision.kind === 'yield') this.#yield(decision.slot, decision.claimant, now)
      else if (decision.kind === 'lack') lacks.push(decision)
      else if (decision.kind === 'recall') runs.get(decision.claimant)?.recall(decision.slot.slot)
      else runs.get(decision.claimant)?.fill(decision.slot.slot, decision.trial)
    }
    this.#lacks = lacks
  }

  /** It is the turn of an experiment that another driver has. */
  #yield(position: SlotPosition, claimant: string, now: number): void {
    this.#elsewhere.gave(claimant)
    position.yieldedUntil = now + yieldMs
    void position.slot.lease.release()
  }

  #hearClaims(said: PayloadOf<typeof claims>): void {
    this.#elsewhere.hear(said, this.#env.clock.elapsed())
    this.#changed()
  }

  #claim(): void {
    const lacks = this.#lacks.flatMap(({ claimant, count, together }) => {
      const run = this.#ownership.runs.get(claimant)
      return run === undefined ? [] : [{ claimant: run, count, together }]
    })
    this.#elsewhere.claim(lacks, this.#positionsOf())
  }

  /** Shares are fair by time: what each experiment has used counts where they hold equally many places. */
  #countUse(now: number): void {
    const ms = now - this.#countedAt
    this.#countedAt = now
    for (const run of this.#ownership.runs.values()) run.used += ms * run.places
  }

  #positionsOf(): SlotPosition[] {
    return this.#fleet.slots().map((slot) => this.#positionOf(slot))
  }

  #positionOf(slot: Slot): SlotPosition {
    let position = this.#positions.get(slot)
    if (position === undefined)
      this.#positions.set(slot, (position = new SlotPosition(slot, this.#fleet, () => this.#trainsInRing(slot))))
    return position
  }

  /** A ring keeps its places for long: nobody waits for one of them. */
  #trainsInRing({ running }: Slot): boolean {
    return this.#ownership.runs.get(running?.attempt?.experiment ?? '')?.inRings === true
  }
}

function late(clock: ActorEnvironment['clock'], ms: number): Promise<'late'> {
  return new Promise((resolve) => {
    clock.setTimeout(() => resolve('late'), ms)
  })
}

/** In [0, 1), from a driver's name. */
const placeOf = (id: string): number => createHash('sha256').update(id).digest().readUInt32BE(0) / 2 ** 32
