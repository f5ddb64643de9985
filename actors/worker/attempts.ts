/** The runner's main thread: one attempt after the other, out of bundles that are imported once. */
import { problem, toProblem, type Assignment, type AttemptOutcome } from '../../protocol/index.ts'
import type { RunInfo } from '../../src/experiment/index.ts'
import { importBundle } from '../../src/bundle/index.ts'
import {
  runTraining,
  type CheckpointStore,
  type Distribution,
  type ReporterHandle,
  type TrainingOutcome,
} from '../../src/train/index.ts'
import type { ToComm } from './comm-messages.ts'
import { keyOf, type FromRunner, type StopCause } from './runner-messages.ts'
import { said, timedOut } from './settlement.ts'
import type { SharedFlags } from './shared-memory.ts'

export interface Attempts {
  begin(assignment: Assignment, file: string): Promise<void>
  stop(key: string, cause: StopCause): void
  /** A line of user code; false when no attempt runs. */
  line(from: 'stdout' | 'stderr' | 'log', text: string): boolean
  /** User code threw where nobody caught it: ends the attempt as failed. False when no attempt runs. */
  fail(error: unknown): Promise<boolean>
}

interface Current {
  readonly assignment: Assignment
  readonly serial: number
  readonly startedAt: number
  handle: ReporterHandle | undefined
  /** It has printed or logged. */
  spoke: boolean
  ended: boolean
  /** Points told so far. */
  points: number
}

export function createAttempts(options: {
  readonly flags: SharedFlags
  readonly toComm: (message: ToComm) => void
  readonly toWorker: (message: FromRunner) => void
  /** Where the trials of an experiment keep their checkpoints. */
  readonly checkpointsOf: (experiment: string) => CheckpointStore
  /** Resolves once the second thread has recorded every point so far. */
  readonly flushed: () => Promise<void>
  readonly flushOutput: () => void
  /** Called before each attempt; what it returns is called after it. */
  readonly release: () => () => void
  /** Makes tfjs train together with the other members of the assignment's ring. */
  readonly distribute: (assignment: Assignment, stopReason: () => string | undefined) => Distribution | undefined
}): Attempts {
  const { flags, toComm, toWorker } = options
  let serial = 0
  let current: Current | undefined

  const end = async (
    ending: Current,
    outcome: AttemptOutcome,
    points: number,
    { last = false, checkpoint = false }: { last?: boolean; checkpoint?: boolean } = {},
  ): Promise<void> => {
    if (ending.ended) return
    ending.ended = true
    const endedAt = Date.now()
    options.flushOutput()
    // Whoever hears of the end finds all of it recorded; a trial that said nothing need not wait for the other thread.
    if (points > 0 || ending.spoke) await options.flushed()
    toComm({ type: 'end' })
    current = undefined
    const { assignment, startedAt } = ending
    const rssBytes = process.memoryUsage.rss()
    toWorker({
      type: 'ended',
      key: keyOf(assignment.attempt),
      outcome,
      startedAt,
      endedAt,
      points,
      rssBytes,
      last,
      checkpoint,
    })
  }

  const begin = async (assignment: Assignment, file: string): Promise<void> => {
    // Half of what fits the flag's cell.
    serial = (serial % 2 ** 27) + 1
    const mine: Current = {
      assignment,
      serial,
      startedAt: Date.now(),
      handle: undefined,
      spoke: false,
      ended: false,
      points: 0,
    }
    current = mine
    const { attempt, hparams, objectives, ablated } = assignment
    const { serial: own } = mine
    toComm({ type: 'begin', attempt: { ref: attempt, serial: own, trialTimeoutMs: assignment.trialTimeoutMs } })
    toWorker({ type: 'started', key: keyOf(attempt), at: mine.startedAt })
    const release = options.release()
    try {
      const experiment = await importBundle(file, assignment.bundle.module)
      const stopReason = (): StopCause | undefined => flags.stopCause(own)
      const distribution = options.distribute(assignment, stopReason)
      const { outcome, checkpoint } = await runTraining(experiment, {
        hparams,
        checkpoints: options.checkpointsOf(attempt.experiment),
        resumeFrom: assignment.resumeFrom,
        objectives,
        ablated,
        ...(distribution === undefined ? {} : { distribution }),
        run: runInfo(assignment, distribution),
        sink: {
          point: (point) => {
            // One of several speaks for all.
            if (distribution?.speaks === false) return
            mine.points += 1
            toComm({ type: 'point', point })
            flags.addPoint(own)
          },
          ...(distribution === undefined ? {} : { average: (values) => distribution.average(values) }),
          line: (text) => {
            mine.spoke = true
            toComm({ type: 'line', from: 'log', text })
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
    } catch (error) {
      // The module does not load here.
      await end(mine, { kind: 'failed', problem: toProblem(error) }, 0)
    } finally {
      release()
    }
  }

  return {
    begin,
    stop: (key, cause) => {
      if (current === undefined || keyOf(current.assignment.attempt) !== key) return
      flags.stop(current.serial, cause)
      current.handle?.abort(flags.stopCause(current.serial) ?? cause)
    },
    line: (from, text) => {
      if (current === undefined) return false
      current.spoke = true
      toComm({ type: 'line', from, text })
      return true
    },
    fail: async (error) => {
      if (current === undefined) return false
      const reason = `outside of what train awaits: ${error instanceof Error ? error.message : String(error)}`
      const fault = toProblem(problem('TRAIN_FAILED', { reason }, { cause: error }))
      await end(current, { kind: 'failed', problem: fault }, current.points, { last: true })
      return true
    },
  }
}

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

/** What travels. */
function outcomeOf(outcome: TrainingOutcome, assignment: Assignment): AttemptOutcome {
  if (outcome.kind === 'done' || outcome.kind === 'returned') return outcome
  if (outcome.kind === 'failed') return { kind: 'failed', problem: withStack(outcome.error) }
  if (outcome.reason === 'timeout') return { kind: 'failed', problem: timedOut(assignment) }
  return { kind: 'stopped', reason: outcome.reason as Exclude<StopCause, 'timeout'>, metrics: outcome.metrics }
}

/** The stack of what the user threw, by the lines that the user wrote. */
function withStack(error: Error): ReturnType<typeof toProblem> {
  const fault = said(error)
  const stack = error.cause instanceof Error ? error.cause.stack : error.stack
  return stack === undefined ? fault : { ...fault, stack: stack.slice(0, 8192) }
}
