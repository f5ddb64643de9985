/**
 * The runner's main thread: one attempt after the other, each with a fresh instance of its modules.
 * I1 Whatever user code does later (a timer, a promise, a listener) is known to belong to the attempt that began it, by Node's
 *    AsyncLocalStorage. What an attempt leaves behind is charged to it, never to the one that runs by then.
 * I2 An attempt that runs while something left by an earlier one throws is handed back: this process is in doubt, the attempt is not.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  attemptKey,
  describe,
  isProblem,
  problem,
  toProblem,
  type Assignment,
  type AttemptOutcome,
  type AttemptRef,
  type Problem,
  toTold,
} from '../../protocol/index.ts'
import type { Span } from '../../src/actor/index.ts'
import type { RunInfo } from '../../src/experiment/index.ts'
import { importBundle } from '../../src/bundle/index.ts'
import {
  EarlyStop,
  runTraining,
  type ArtifactStore,
  type CheckpointStore,
  type Distribution,
  type ReporterHandle,
  type TrainingOutcome,
} from '../../src/train/index.ts'
import type { ToComm } from './comm-messages.ts'
import { createRemains, type Remains } from './remains.ts'
import type { FromRunner, StopCause } from './runner-messages.ts'
import { timedOut } from './settlement.ts'
import type { SharedFlags } from './shared-memory.ts'

export interface Attempts {
  begin(assignment: Assignment, file: string): Promise<void>
  stop(key: string, cause: StopCause): void
  /** A line of user code; false when it is nobody's. */
  line(from: 'stdout' | 'stderr' | 'log', text: string): boolean
  /** User code threw where nobody caught it. False when this process runs nothing now, and so can go. */
  fail(error: unknown): Promise<boolean>
  /** A point of it cannot be recorded; no more than so many are. */
  refused(attempt: AttemptRef, points: number, reason: Problem): Promise<void>
  /** Of the attempt that the running code belongs to. */
  remains(): Remains | undefined
}

/** An attempt, as long as anything of it is left. */
interface Attempt {
  readonly assignment: Assignment
  readonly serial: number
  readonly span: Span
  readonly remains: Remains
  handle: ReporterHandle | undefined
  /** It has printed or logged. */
  spoke: boolean
  ended: boolean
  /** Points told so far. */
  points: number
  /** What it reported could not be recorded. */
  fault: Problem | undefined
}

export function createAttempts(options: {
  readonly flags: SharedFlags
  readonly toComm: (message: ToComm) => void
  readonly toWorker: (message: FromRunner) => void
  /** Where the trial of an attempt keeps its checkpoints. */
  readonly checkpointsOf: (attempt: AttemptRef) => CheckpointStore
  /** Where an attempt saves its artifacts. */
  readonly artifactsOf: (attempt: AttemptRef) => ArtifactStore
  /** Resolves once the second thread has recorded every point so far. */
  readonly flushed: () => Promise<void>
  readonly flushOutput: () => void
  readonly beginSpan: () => Span
  /** Called before each attempt; what it returns is called after it, and puts this process back. */
  readonly release: () => () => void
  /**
   * Whether this process is kept alive although nothing is left to do. While user code runs it is not, so that Node says when nothing is
   * left that could wake that code.
   */
  readonly stayAlive: (wanted: boolean) => void
  /** Makes tfjs train together with the other members of the assignment's ring. */
  readonly distribute: (assignment: Assignment, stopReason: () => string | undefined) => Distribution | undefined
}): Attempts {
  const { flags, toComm, toWorker } = options
  const owner = new AsyncLocalStorage<Attempt>()
  let serial = 0
  let current: Attempt | undefined

  const note = (attempt: Attempt, text: string): void => {
    attempt.spoke = true
    for (const line of text.split('\n')) toComm({ type: 'line', attempt: refOf(attempt), from: 'log', text: line })
  }

  const end = async (
    ending: Attempt,
    outcome: AttemptOutcome,
    points: number,
    { last = false, checkpoint = false }: { last?: boolean; checkpoint?: boolean } = {},
  ): Promise<void> => {
    if (ending.ended) return
    ending.ended = true
    const endedAt = ending.span.endedAt()
    // Node tells of a new thread one turn later.
    await new Promise<void>((resolve) => {
      process.nextTick(resolve)
    })
    // Handles that keep this process alive for our sake are none of the trial's remains.
    options.stayAlive(false)
    // A process that goes takes with it what is left in it.
    const left = last ? { timers: 0, rest: '' } : await ending.remains.end()
    options.stayAlive(true)
    if (left.timers > 0) note(ending, `${left.timers} timers were still set when the trial had ended: they are cleared`)
    if (left.rest !== '') {
      note(
        ending,
        `still at work when the trial had ended: ${left.rest}. Its process is replaced, which costs a second or two`,
      )
    }
    options.flushOutput()
    // Whoever hears of the end finds all of it recorded; a trial that said nothing need not wait for the other thread.
    if (points > 0 || ending.spoke) await options.flushed()
    toComm({ type: 'end' })
    if (current === ending) current = undefined
    const {
      assignment,
      fault,
      span: { startedAt },
    } = ending
    toWorker({
      type: 'ended',
      key: attemptKey(assignment.attempt),
      outcome: fault === undefined ? outcome : { kind: 'failed', problem: fault },
      startedAt,
      endedAt,
      points: fault === undefined ? points : ending.points,
      rssBytes: rssNow(),
      last: last || left.rest !== '',
      checkpoint,
    })
  }

  const train = async (mine: Attempt, file: string): Promise<void> => {
    const { assignment, serial: own } = mine
    const { attempt, hparams, objectives, ablated } = assignment
    const { sha256 = '', module = '' } = assignment.bundle ?? {}
    const experiment = await importBundle(file, sha256, module)
    // Code that still trains when its attempt has ended is stopped by its next report.
    const stopReason = (): StopCause | undefined => (mine.ended ? 'cancelled' : flags.stopCause(own))
    const distribution = options.distribute(assignment, stopReason)
    const { outcome, checkpoint } = await runTraining(experiment, {
      hparams,
      checkpoints: options.checkpointsOf(attempt),
      artifacts: options.artifactsOf(attempt),
      resumeFrom: assignment.resumeFrom,
      objectives,
      ablated,
      ...(distribution === undefined ? {} : { distribution }),
      run: runInfo(assignment, distribution),
      canBeStopped: true,
      sink: {
        point: (point) => {
          // One of several speaks for all, and an attempt that has ended has no more to say.
          if (distribution?.speaks === false || mine.ended) return
          mine.points += 1
          toComm({ type: 'point', point })
          flags.addPoint(own)
        },
        ...(distribution === undefined ? {} : { average: (values) => distribution.average(values) }),
        line: (text) => {
          mine.spoke = true
          toComm({ type: 'line', attempt: attempt, from: 'log', text })
        },
        stopReason,
        now: () => Date.now(),
      },
      onReporter: (handle) => {
        mine.handle = handle
        const cause = flags.stopCause(own)
        if (cause !== undefined) handle.abort(cause)
      },
    })
    await end(mine, outcomeOf(outcome, assignment), mine.points, { checkpoint })
  }

  const begin = async (assignment: Assignment, file: string): Promise<void> => {
    // Half of what fits the flag's cell.
    serial = (serial % 2 ** 27) + 1
    options.stayAlive(false)
    const mine: Attempt = {
      assignment,
      serial,
      span: options.beginSpan(),
      remains: createRemains(),
      handle: undefined,
      spoke: false,
      ended: false,
      points: 0,
      fault: undefined,
    }
    current = mine
    const { attempt, trialTimeoutMs } = assignment
    toComm({ type: 'begin', attempt: { ref: attempt, serial, trialTimeoutMs } })
    toWorker({ type: 'started', key: attemptKey(attempt), at: mine.span.startedAt })
    const release = options.release()
    try {
      await owner.run(mine, () => train(mine, file))
    } catch (error) {
      await end(mine, outcomeOfUnloaded(error), 0)
    } finally {
      release()
    }
  }

  return {
    begin,
    stop: (key, cause) => {
      const stopped = current
      if (stopped === undefined || attemptKey(stopped.assignment.attempt) !== key) return
      flags.stop(stopped.serial, cause)
      // Listeners of the signal are the attempt's own.
      owner.run(stopped, () => stopped.handle?.abort(flags.stopCause(stopped.serial) ?? cause))
    },
    line: (from, text) => {
      const speaker = owner.getStore() ?? current
      if (speaker === undefined) return false
      speaker.spoke = true
      toComm({ type: 'line', attempt: refOf(speaker), from, text })
      return true
    },
    fail: async (error) => {
      const culprit = owner.getStore() ?? current
      if (culprit === undefined) return false
      const reason = `outside of what train awaits: ${describe(error)}`
      if (!culprit.ended) {
        const fault = toProblem(problem('TRAIN_FAILED', { reason: reason.slice(0, 2048) }, { cause: error }))
        await end(culprit, { kind: 'failed', problem: withCause(fault, error) }, culprit.points, { last: true })
        return true
      }
      // I1. A loop that went on by itself was stopped by its report: that is what should happen to it.
      if (error instanceof EarlyStop) return true
      const stack = error instanceof Error && error.stack !== undefined ? error.stack : describe(error)
      note(culprit, `threw after the trial had ended: ${stack}`)
      if (current === undefined) return false
      // I2. What was noted is recorded before the end is told.
      current.spoke = true
      const { trial } = culprit.assignment.attempt
      const why = `what trial ${trial} had left behind in the runner threw: ${describe(error)}`.slice(0, 2048)
      if (!current.ended) await end(current, { kind: 'returned', reason: why }, current.points, { last: true })
      return true
    },
    refused: async (attempt, points, { message }) => {
      const culprit = current
      if (culprit === undefined || attemptKey(refOf(culprit)) !== attemptKey(attempt)) return
      const fault = toProblem(problem('REPORT_INVALID', { reported: `what cannot be recorded: ${message}` }))
      culprit.fault = fault
      culprit.points = points
      // One that is about to end waits until all is recorded, and so has heard this by then.
      if (!culprit.ended) await end(culprit, { kind: 'failed', problem: fault }, points, { last: true })
    },
    remains: () => owner.getStore()?.remains,
  }
}

/** Asking the kernel costs as much as much of a short trial does: what was asked a moment ago counts. */
const rssForMs = 100
let rss = { bytes: 0, at: -Infinity }
function rssNow(): number {
  const now = performance.now()
  if (now - rss.at > rssForMs) rss = { bytes: process.memoryUsage.rss(), at: now }
  return rss.bytes
}

const refOf = ({ assignment }: Attempt): AttemptRef => assignment.attempt

function runInfo(assignment: Assignment, distribution: Distribution | undefined): RunInfo {
  const { attempt, contextName, seed } = assignment
  return {
    kind: assignment.ring === undefined ? 'optimization' : 'training',
    experiment: attempt.experiment,
    contextName,
    trial: attempt.trial,
    // The members of a ring are no tries of one another's: what train makes of it must be the same on all.
    attempt: assignment.ring === undefined ? attempt.attempt : 1,
    seed,
    ...(distribution === undefined
      ? {}
      : {
          get shard() {
            return distribution.shard
          },
        }),
  }
}

/** The module does not load here. What is on this host's disk in the place of the trial's code is no fault of the trial. */
function outcomeOfUnloaded(error: unknown): AttemptOutcome {
  if (isProblem(error, 'BUNDLE_CORRUPT', 'FILE_REFUSED')) return { kind: 'returned', reason: error.message }
  return { kind: 'failed', problem: toProblem(error) }
}

/** The fields that travel. */
function outcomeOf(outcome: TrainingOutcome, assignment: Assignment): AttemptOutcome {
  if (outcome.kind === 'done' || outcome.kind === 'returned') return outcome
  if (outcome.kind === 'failed') {
    const { error } = outcome
    if (!isOutOfMemory(error.cause)) return { kind: 'failed', problem: withStack(error) }
    return { kind: 'crashed', problem: toTold(problem('RUNNER_OUT_OF_MEMORY', { reason: describe(error.cause) })) }
  }
  if (outcome.reason === 'timeout') return { kind: 'failed', problem: timedOut(assignment) }
  return { kind: 'stopped', reason: outcome.reason as Exclude<StopCause, 'timeout'>, metrics: outcome.metrics }
}

/** A thread of train's own has reached the limit of its heap, or memory was refused. */
const isOutOfMemory = (cause: unknown): boolean =>
  (cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY' ||
  (cause instanceof RangeError && cause.message === 'Array buffer allocation failed')

/** The stack of what the user threw, by the lines that the user wrote. */
const withStack = (error: Error): ReturnType<typeof toProblem> =>
  withCause(toTold(error), error.cause instanceof Error ? error.cause : error)

function withCause(fault: ReturnType<typeof toProblem>, cause: unknown): ReturnType<typeof toProblem> {
  const stack = cause instanceof Error ? cause.stack : undefined
  return stack === undefined ? fault : { ...fault, stack: stack.slice(0, 8192) }
}
