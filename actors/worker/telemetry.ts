/**
 * The logic of a runner's second thread: metrics and lines to the telemetry stream, beats, and stops from the bus.
 * I1 A point is recorded once, in order, however often its batch has to be said: batches carry the index of their first point.
 * I2 `flushed` is told only when every point so far is recorded.
 * I3 One batch is on its way at a time; what comes meanwhile is the next one. So a lone point leaves at once.
 */
import type { Clock } from '../../src/actor/index.ts'
import { hear, tell, type Bus } from '../../src/bus/index.ts'
import {
  attemptKey,
  encodePayload,
  isProblem,
  metrics,
  runnerBeat,
  runnerNotice,
  runnerStop,
  subjectFor,
  type AttemptRef,
  type MetricPoint,
} from '../../protocol/index.ts'
import { createLineBook, type LineBook } from './line-book.ts'
import type { StopCause } from './runner-messages.ts'
import type { SharedFlags } from './shared-memory.ts'

export interface Attempt {
  readonly ref: AttemptRef
  /** Counts the attempts of this runner; what the stop flag names. */
  readonly serial: number
  readonly trialTimeoutMs: number | null
}

export interface Telemetry {
  begin(attempt: Attempt): void
  point(point: MetricPoint): void
  line(attempt: AttemptRef, from: 'stdout' | 'stderr' | 'log', text: string): void
  /** Resolves once every point and line so far is recorded. */
  flushed(): Promise<void>
  /** All that was to be kept of the attempt is kept (see runner.notice): the beats say so. */
  kept(): void
  end(): void
  close(): Promise<void>
}

const beatMs = 1_000
/**
 * Of dozens that idle, a beat a second each costs a tenth of a core. None at all would not do: of an attempt that blocks the first thread
 * from its beginning, this one does not hear before it reports (comm-line.ts).
 */
const idleBeatMs = 4_000
const maximumPoints = 1_024
const maximumBytes = 256 * 1024
const forever = 2 ** 31 - 1

export function createTelemetry(options: {
  readonly bus: Bus
  readonly clock: Clock
  readonly worker: string
  readonly runner: number
  readonly pid: number
  /** Nobody else can guess it: a stream keeps one message of an id, whoever sent it. */
  readonly author: string
  readonly flags: SharedFlags
  readonly onNotice: (text: string) => void
  /** What was told of the attempt is no valid message: of it no more than so many points are recorded. Called once. */
  readonly onRefused: (attempt: AttemptRef, points: number, error: unknown) => void
  /** The host goes, and the attempt with it: called once. */
  readonly onGoing: (attempt: AttemptRef) => void
}): Telemetry {
  const { bus, clock, worker, runner, pid, flags } = options
  let current: Attempt | undefined
  let waiting: MetricPoint[] = []
  let first = 0
  /** A point of the attempt was not valid. */
  let refused = false
  let sending: Promise<void> | undefined
  let timeout: unknown
  /** A stop that came before the attempt's beginning. */
  let early: { readonly key: string; readonly cause: StopCause } | undefined

  const lines: LineBook = createLineBook({
    bus,
    clock,
    worker,
    author: options.author,
    onLost: (attempt, error) => {
      options.onNotice(`output of ${attemptKey(attempt)} lost: ${String(error)}`)
    },
  })

  let kept = false
  let going: string | undefined
  let ticker: unknown
  const beat = (): void => {
    const what = { pid, attempt: current?.ref ?? null, ...(kept ? { kept } : {}) }
    tell(bus, runnerBeat, { worker, runner: String(runner) }, what)
    clock.clearTimeout(ticker)
    ticker = clock.setTimeout(beat, current === undefined ? idleBeatMs : beatMs)
  }

  ticker = clock.setTimeout(beat, 0)
  const hearNotice = hear(bus, runnerNotice, { worker, runner: String(runner) }, ({ attempt }) => {
    const key = attemptKey(attempt)
    if (current === undefined || attemptKey(current.ref) !== key || going === key) return
    going = key
    options.onGoing(attempt)
  })

  const hearStop = hear(bus, runnerStop, { worker, runner: String(runner) }, ({ attempt, reason }) => {
    const key = attemptKey(attempt)
    if (current !== undefined && attemptKey(current.ref) === key) flags.stop(current.serial, reason)
    else early = { key, cause: reason }
  })

  const send = async (attempt: Attempt): Promise<void> => {
    while (waiting.length > 0) {
      const points = takeBatch(waiting)
      if (!(await recordBatch(attempt, points))) break
      first += points.length
      flags.pointsRecorded(points.length)
    }
    sending = undefined
  }

  /** False: no more is to be recorded. */
  const recordBatch = async (attempt: Attempt, points: MetricPoint[]): Promise<boolean> => {
    const { experiment, trial } = attempt.ref
    const subject = subjectFor(metrics, { worker, experiment, trial: String(trial) })
    let data: Uint8Array
    try {
      data = encodePayload(metrics, { attempt: attempt.ref.attempt, first, points }, subject)
    } catch (error) {
      refused = true
      // Nobody is to wait for them.
      flags.pointsRecorded(points.length + waiting.splice(0).length)
      options.onRefused(attempt.ref, first, error)
      return false
    }
    return await recordUntilKept(subject, data, `${options.author}/${attemptKey(attempt.ref)}/${first}`)
  }

  /** False: the connection is closed, for the runner goes. */
  const recordUntilKept = async (subject: string, data: Uint8Array, id: string): Promise<boolean> => {
    for (let tries = 0; ; tries += 1) {
      try {
        await bus.streams.record(subject, data, { id, timeoutMs: 2_000 })
        return true
      } catch (error) {
        if (isProblem(error, 'BUS_CLOSED')) return false
        // Nothing else to do than to try again: `report` blocks when too much waits behind it.
        if (tries % 20 === 19) options.onNotice(`metrics are not taken: ${String(error)}`)
        await new Promise<void>((resolve) => clock.setTimeout(resolve, Math.min(1_000, 20 * 2 ** tries)))
      }
    }
  }

  return {
    begin: (attempt) => {
      // Nobody said that the one before has ended.
      clock.clearTimeout(timeout)
      kept = false
      current = attempt
      waiting = []
      first = 0
      refused = false
      if (early?.key === attemptKey(attempt.ref)) flags.stop(attempt.serial, early.cause)
      if (attempt.trialTimeoutMs !== null) {
        timeout = clock.setTimeout(
          () => {
            flags.stop(attempt.serial, 'timeout')
          },
          Math.min(forever, attempt.trialTimeoutMs),
        )
      }
    },
    point: (point) => {
      if (current === undefined) return
      if (refused) return flags.pointsRecorded(1)
      waiting.push(point)
      sending ??= send(current)
    },
    line: (attempt, from, text) => {
      lines.add(attempt, from, text)
    },
    flushed: async () => {
      // A point that comes while this one waits begins another turn.
      for (let turn = sending; turn !== undefined; turn = sending) await turn
      await lines.flush()
    },
    kept: () => {
      kept = true
      beat()
    },
    end: () => {
      clock.clearTimeout(timeout)
      kept = false
      current = undefined
    },
    close: async () => {
      clock.clearTimeout(ticker)
      clock.clearTimeout(timeout)
      hearStop.unsubscribe()
      hearNotice.unsubscribe()
      await lines.flush()
    },
  }
}

/** As many points as fit one message. */
function takeBatch(waiting: MetricPoint[]): MetricPoint[] {
  let bytes = 0
  let count = 0
  for (const { values } of waiting) {
    bytes += 32
    for (const name in values) bytes += name.length + 12
    if (count > 0 && (count >= maximumPoints || bytes > maximumBytes)) break
    count += 1
  }
  return waiting.splice(0, count)
}
