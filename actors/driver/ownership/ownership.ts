/**
 * The experiments that this driver has: accepted, taken up from their logs, resumed, and let go.
 * I1 An experiment has one owner: the driver that appended `experiment.adopted` last. The log's fence shuts out all others.
 * I2 A request that is made twice has its effect once.
 * I3 An experiment that cannot be opened or taken up leaves nothing behind.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  codeOf,
  driverBeat,
  handOver,
  passOn,
  problem,
  type AskedChange,
  type LogEvent,
  type Submission,
} from '../../../protocol/index.ts'
import { newId, type ActorEnvironment } from '../../../src/actor/index.ts'
import { ask, tell } from '../../../src/bus/index.ts'
import type { History } from '../../../src/history/index.ts'
import { faultOfSignature } from '../../../src/signing/index.ts'
import type { ExperimentRun, LogEnd, RunNews } from '../experiment/index.ts'
import { requireAcceptable } from './acceptable.ts'
import { historyOf, readArchive, type ArchivedExperiment } from './archive.ts'
import { LateResults } from './late-results.ts'
import { Owners } from './owners.ts'

export type OwnershipNews =
  /** Something changed that placement may use. */
  | { readonly kind: 'changed' }
  /** So has what this driver has: others should hear of it. */
  | { readonly kind: 'owns' }
  /** An experiment was taken up: its workers should say what they hold. */
  | { readonly kind: 'takenUp' }
  /** An experiment has ended, and its end is kept. */
  | { readonly kind: 'ended'; readonly run: ExperimentRun }

/** Makes a run that is not started yet. */
type CreateRun = (
  submission: Submission,
  end: LogEnd,
  tell: (news: RunNews, run: ExperimentRun) => void,
) => ExperimentRun

interface Resume {
  /** Go on although the log has a hole. */
  readonly force: boolean
  readonly change: AskedChange | undefined
}

interface Accepted {
  readonly experiment: string
  readonly driver: string
}

/** Experiments that a beat names at most. */
const namedAtMost = 4096
/** Another driver has so long to take an experiment. */
const passOnMs = 3_000
/** The other driver is gone, or has no room. */
const notTaken = new Set(['BUS_NO_RESPONDERS', 'BUS_TIMEOUT', 'DRIVER_FULL'])

export class Ownership {
  readonly #env: ActorEnvironment
  readonly #create: CreateRun
  readonly #tell: (news: OwnershipNews) => void
  readonly #runs = new Map<string, ExperimentRun>()
  /** Being opened or taken up right now. */
  readonly #taking = new Map<string, Promise<ExperimentRun | undefined>>()
  readonly #owners: Owners
  readonly #late: LateResults

  constructor(env: ActorEnvironment, ownerTtlMs: number, create: CreateRun, tell: (news: OwnershipNews) => void) {
    const { bus, clock, id, onDropped } = env
    this.#env = env
    this.#create = create
    this.#tell = tell
    this.#owners = new Owners(bus, clock, id, ownerTtlMs)
    this.#late = new LateResults(bus, onDropped)
  }

  get runs(): ReadonlyMap<string, ExperimentRun> {
    return this.#runs
  }

  /** Whether an experiment of the log is neither here, nor known to have ended, nor known to be another driver's. */
  seemsAbandoned(experiment: string): boolean {
    const isKnown = this.#runs.has(experiment) || this.#late.knows(experiment)
    return !isKnown && this.#owners.ownerOf(experiment) === undefined
  }

  /** Whether this driver has it, or is about to. */
  isHere(experiment: string): boolean {
    return this.#runs.has(experiment) || this.#taking.has(experiment)
  }

  /** It has ended, as far as this driver knows, and nobody has taken it up again. */
  isOver(experiment: string): boolean {
    const isElsewhere = this.#owners.ownerOf(experiment) !== undefined
    return this.#late.knows(experiment) && !this.isHere(experiment) && !isElsewhere
  }

  /** Whether no driver has an experiment that the log says was adopted by `owner` last. */
  isAbandoned(experiment: string, owner: string | undefined): Promise<boolean> {
    return this.#owners.isAbandoned(experiment, owner)
  }

  /** Its late results are acknowledged here. */
  hasEnded(experiment: string): void {
    this.#late.acknowledge(experiment)
  }

  /** Asks the drivers that are silent; true: one of them is gone, and what it had is nobody's. */
  someDriverIsGone(): Promise<boolean> {
    return this.#owners.look()
  }

  /** Another driver, or this one, says what it has. */
  hear(driver: string, experiments: readonly string[]): void {
    this.#owners.hear(driver, experiments)
    // One that had ended here was resumed there.
    if (driver !== this.#env.id) for (const experiment of experiments) this.#late.goesOn(experiment)
  }

  /** Says what this driver has. */
  beat(): void {
    this.#say([...this.#runs.keys()].slice(0, namedAtMost))
  }

  /** Resolves when the logs hold all that was decided. */
  async kept(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => run.kept()))
  }

  /**
   * Lets go of all experiments, and says so: nobody has to wait for this driver's silence before taking them up. Gives what was let go of.
   */
  close(): string[] {
    const experiments = [...this.#runs.keys()]
    this.#say([])
    for (const run of this.#runs.values()) run.close()
    this.#late.close()
    return experiments
  }

  /** Has other drivers take up at once what was let go of, each as few as they can. */
  async handOver(experiments: readonly string[]): Promise<void> {
    await Promise.all(experiments.map((experiment) => this.#handOver(experiment)))
  }

  async #handOver(experiment: string): Promise<void> {
    const { bus, logger } = this.#env
    const driver = this.#owners.leastLoaded()
    if (driver === undefined) return
    this.#owners.expect(driver, experiment)
    try {
      const { taken } = await ask(bus, handOver, { driver }, { experiment }, { timeoutMs: passOnMs })
      logger.info({ experiment, driver, taken }, 'experiment handed over')
    } catch (error) {
      // It is found in the log by whoever looks next.
      logger.warn({ experiment, driver, code: codeOf(error) }, 'the other driver does not say whether it has taken it')
    }
  }

  /** A new experiment goes to the driver that has the fewest; the client hears who that is. */
  async submit(submission: Submission): Promise<Accepted> {
    const { experiment } = submission
    const driver = this.isHere(experiment) ? undefined : this.#owners.leastLoaded(this.#runs.size)
    if (driver === undefined) return await this.accept(submission)
    this.#owners.expect(driver, experiment)
    try {
      return await ask(this.#env.bus, passOn, { driver }, submission, { timeoutMs: passOnMs })
    } catch (error) {
      this.#owners.doubt(driver, experiment)
      // Whatever became of it there: what was accepted stands in the log, and is found there.
      if (!notTaken.has(codeOf(error) ?? '')) throw error
      return await this.accept(submission)
    }
  }

  async accept(submission: Submission): Promise<Accepted> {
    const { experiment } = submission
    const reply = { experiment, driver: this.#env.id }
    requireAcceptable(submission)
    const fault = faultOfSignature(submission)
    if (fault !== undefined) throw fault
    // Asked twice at once: the second hears what became of the first (I2).
    const run = (await this.#taking.get(experiment)) ?? this.#runs.get(experiment)
    if (run !== undefined) {
      refuseAnother(submission, run.submission)
      return reply
    }
    const known = await readArchive(this.#env.bus, experiment)
    if (known === undefined) {
      const experiments = this.#runs.size
      if (experiments >= namedAtMost) throw problem('DRIVER_FULL', { driver: this.#env.id, experiments })
      const opened = await this.#once(experiment, () => this.#open(submission))
      if (opened === undefined) throw problem('EXPERIMENT_EXISTS', { experiment })
      refuseAnother(submission, opened.submission)
      return reply
    }
    refuseAnother(submission, known.submission)
    // Accepted before, by a driver that died before it could say so.
    if (this.#owners.ownerOf(experiment) === undefined) await this.take(experiment)
    return reply
  }

  /**
   * Has an experiment go on that was stopped, has failed or is paused; with a change also one that is done. `force`: although its log
   * has a hole.
   */
  async resume(experiment: string, force = false, change?: AskedChange): Promise<Accepted & { state: string }> {
    const driver = this.#env.id
    const own = (await this.#taking.get(experiment)) ?? this.#runs.get(experiment)
    if (own !== undefined) return { experiment, driver, state: await goOn(own, change) }
    const owner = this.#owners.ownerOf(experiment)
    if (owner !== undefined) {
      const history = await this.#archived(experiment)
      // Its owner's last beat may be older than its end. Until then, its owner is asked.
      if (!history.ended && (change !== undefined || history.paused)) throw busy(experiment, `driven by ${owner}`)
      if (!history.ended) return { experiment, driver: owner, state: stateToResume(history) }
    }
    const run = await this.#once(experiment, () => this.#takeUp(experiment, { force, change }))
    if (run !== undefined) return { experiment, driver, state: await goOn(run, change) }
    if ((await this.#archived(experiment)).state === 'done') return { experiment, driver, state: 'done' }
    throw busy(experiment, 'taken up by a driver')
  }

  /** Takes up an experiment that has not ended; undefined if there is nothing to take up, or another driver has it. */
  take(experiment: string): Promise<ExperimentRun | undefined> {
    return this.#once(experiment, () => this.#takeUp(experiment))
  }

  /** The same with one that its driver has let go of. */
  takeOver(experiment: string): Promise<ExperimentRun | undefined> {
    return this.#once(experiment, () => this.#takeUp(experiment, undefined, true))
  }

  async #archived(experiment: string): Promise<History> {
    const archived = await readArchive(this.#env.bus, experiment)
    if (archived === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
    return historyOf(archived)
  }

  /** One thing at a time is done about an experiment (I2). */
  #once(experiment: string, work: () => Promise<ExperimentRun | undefined>): Promise<ExperimentRun | undefined> {
    const taking = this.#taking.get(experiment) ?? work()
    this.#taking.set(experiment, taking)
    return taking.finally(() => this.#taking.delete(experiment))
  }

  /** A new experiment: it is accepted once that is in the log. Rejects with what the log refuses it for. */
  async #open(submission: Submission): Promise<ExperimentRun | undefined> {
    const { clock, id, logger } = this.#env
    const { experiment } = submission
    const run = this.#newRun(submission, { last: 0, next: 0 })
    const at = clock.now()
    const accepted: LogEvent = { type: 'experiment.accepted', at, submission }
    if (!(await this.#begin(run, accepted, { type: 'experiment.adopted', at, driver: id }))) return undefined
    logger.info({ experiment }, 'experiment accepted')
    return run
  }

  /** `resume`: somebody wants it to go on, with a change perhaps. `isFree`: its driver has let go of it. */
  async #takeUp(experiment: string, resume?: Resume, isFree = false): Promise<ExperimentRun | undefined> {
    const { bus, clock, id, logger } = this.#env
    const archived = await readArchive(bus, experiment)
    if (archived === undefined || this.#runs.has(experiment)) return this.#runs.get(experiment)
    const run = this.#newRun(archived.submission, archived)
    run.replay(archived.entries)
    const { history } = run
    if (history.records.removing) throw problem('EXPERIMENT_REMOVING', { experiment })
    const asked = resume?.change
    if (history.ended && (resume === undefined || (history.state === 'done' && asked === undefined))) {
      this.#late.acknowledge(experiment)
      return undefined
    }
    if (resume === undefined && !isFree && !(await this.#owners.isAbandoned(experiment, archived.owner)))
      return undefined
    const { order } = archived
    if (order.broken && resume?.force !== true) throw problem('LOG_HOLE', { experiment, fault: order.fault })
    // One that is about to end is changed once it has.
    const change = asked === undefined || !history.lifecycle.changeable ? undefined : await run.eventOf(asked)
    const at = clock.now()
    const holes = order.holes === 0 ? {} : { holes: order.holes }
    const first: LogEvent[] = [{ type: 'experiment.adopted', at, driver: id, ...holes }]
    if (change !== undefined) first.push(change)
    if (history.ended || (history.paused && resume !== undefined && asked?.resume !== false)) {
      first.push({ type: 'experiment.resumed', at })
    }
    // Nothing is written of one that is done, and has nothing more to do with the change either.
    if (history.ended && !comesTo(archived, first)) {
      this.#late.acknowledge(experiment)
      if (change === undefined) return undefined
      const reason = 'it is done, and nothing more is asked of it: give it more trials (--trials +50)'
      throw problem('CHANGE_REFUSED', { what: Object.keys(change.change).join(', '), experiment, reason })
    }
    this.#late.goesOn(experiment)
    if (!(await this.#begin(run, ...first))) return undefined
    const { state, held } = run.history
    logger.info({ experiment, state, held: held.size }, 'experiment taken up from its log')
    this.#tell({ kind: 'takenUp' })
    return run
  }

  #newRun(submission: Submission, end: LogEnd): ExperimentRun {
    return this.#create(submission, end, (news, run) => this.#hearRun(news, run))
  }

  async #begin(run: ExperimentRun, ...first: LogEvent[]): Promise<boolean> {
    try {
      if (!(await run.start(...first))) {
        run.close()
        return false
      }
    } catch (error) {
      // I3
      run.close()
      throw error
    }
    this.#runs.set(run.id, run)
    this.#tell({ kind: 'owns' })
    return true
  }

  #hearRun(news: RunNews, run: ExperimentRun): void {
    if (news === 'changed') return this.#tell({ kind: 'changed' })
    if (news === 'ended') {
      this.#tell({ kind: 'ended', run })
      this.#late.acknowledge(run.id)
    } else {
      this.#env.logger.warn({ experiment: run.id }, 'another driver has this experiment now')
    }
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id)
    this.#tell({ kind: 'owns' })
  }

  #say(experiments: string[]): void {
    tell(this.#env.bus, driverBeat, { driver: this.#env.id }, { experiments })
  }
}

/** Another signature makes no other experiment, for it may have been signed anew meanwhile; nor does another host to submit it from. */
function refuseAnother(asked: Submission, known: Submission): void {
  const unsigned = { signature: null, provenance: null }
  if (!isDeepStrictEqual({ ...asked, ...unsigned }, { ...known, ...unsigned }))
    throw problem('EXPERIMENT_EXISTS', { experiment: asked.experiment })
}

/** Whether it goes on after these events. */
function comesTo(archived: ArchivedExperiment, events: readonly LogEvent[]): boolean {
  const history = historyOf(archived)
  if (!history.ended) return true
  for (const event of events) history.apply(event)
  return !history.ended
}

/** Has an experiment that this driver has go on, with what is to be changed of it. */
async function goOn(run: ExperimentRun, change: AskedChange | undefined): Promise<string> {
  if (change !== undefined) return (await run.change(change)).state
  if (run.history.paused) return (await run.change({ id: newId('resume'), resume: true })).state
  return stateToResume(run.history)
}

/** The state of an experiment that is to go on. Throws EXPERIMENT_BUSY while it is being stopped: it must have ended first. */
function stateToResume({ lifecycle, submission }: History): string {
  if (lifecycle.ending) throw busy(submission.experiment, 'being stopped')
  return lifecycle.state
}

const busy = (experiment: string, doing: string) => problem('EXPERIMENT_BUSY', { experiment, doing })
