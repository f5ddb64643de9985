/**
 * The reporter: the training function reports through it.
 * I1 Steps never decrease within a trial.
 * I2 A stop is seen at the next report, synchronously: the event loop need not turn.
 */
import { inspect } from 'node:util'
import { faultInName, namesAtMost, problem, type MetricPoint, type Metrics } from '../../protocol/index.ts'
import type { FitCallbacks, FitReports, Reporter } from '../experiment/index.ts'
import { EarlyStop } from './early-stop.ts'
import { fitCallbacks } from './fit-callbacks.ts'

/** Where points and lines go, and where a stop comes from. */
export interface ReportSink {
  point(point: MetricPoint): void
  line(text: string): void
  /** Why the trial is to end, or undefined. Read at each report, so it must be cheap. */
  stopReason(): string | undefined
  now(): number
  /** In a training by several: the mean over all. Undefined: the others had this point before this member came. */
  average?(values: Metrics): Metrics | undefined
}

export interface ReporterHandle {
  readonly reporter: Reporter
  /** Points reported so far. */
  points(): number
  /** The last step reported; null: none. */
  step(): number | null
  /** The last value reported of each metric. */
  latest(): Metrics
  /** Aborts the signal, for those who wait on something else than a report. */
  abort(reason: string): void
}

/** `single`: what a number that is reported without a name is called. */
export function createReporter(
  single: string,
  sink: ReportSink,
  options: {
    /** A `fit` with our callbacks is near. */
    readonly onCallbacks?: () => void
    /** Tells the user something. Default: as a line. */
    readonly note?: (text: string) => void
  } = {},
): ReporterHandle {
  const controller = new AbortController()
  const latest: Record<string, number | null> = {}
  let last = -1
  let points = 0

  const throwIfStopped = (): void => {
    const reason = sink.stopReason()
    if (reason === undefined) return
    const stop = new EarlyStop(reason)
    controller.abort(stop)
    throw stop
  }

  const record = (own: Metrics, step: number): void => {
    if (step < last) throw problem('REPORT_STEP_BACK', { step, last })
    last = step
    const values = sink.average === undefined ? own : sink.average(own)
    if (values === undefined) return
    points += 1
    Object.assign(latest, values)
    sink.point({ step, at: sink.now(), values })
    throwIfStopped()
  }

  const report: Reporter['report'] = (metrics, step = last + 1) => {
    if (!Number.isSafeInteger(step) || step < 0) throw invalid(`step ${inspect(step)}`)
    record(valuesOf(metrics, single), step)
  }

  const callbacks = (wanted: FitReports = {}): FitCallbacks => {
    options.onCallbacks?.()
    const note = (text: string): void => {
      if (options.note === undefined) sink.line(text)
      else options.note(text)
    }
    const recordNamed = (values: Metrics, step: number): void => {
      checkNames(Object.keys(values))
      record(values, step)
    }
    return fitCallbacks(wanted, { record: recordNamed, throwIfStopped, last: () => last, note })
  }

  const log: Reporter['log'] = (...values) => {
    for (const text of values
      .map((value) => (typeof value === 'string' ? value : inspect(value)))
      .join(' ')
      .split('\n')) {
      sink.line(text)
    }
  }

  return {
    reporter: { report, log, callbacks, signal: controller.signal },
    points: () => points,
    step: () => (last < 0 ? null : last),
    latest: () => ({ ...latest }),
    abort: (reason) => {
      controller.abort(new EarlyStop(reason))
    },
  }
}

function valuesOf(metrics: unknown, single: string): Metrics {
  if (typeof metrics === 'number') return { [single]: finite(metrics) }
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics)) throw invalid(inspect(metrics))
  const entries = Object.entries(metrics)
  if (entries.length === 0) throw invalid('no metric')
  checkNames(entries.map(([name]) => name))
  const values: Record<string, number | null> = {}
  for (const [name, value] of entries) {
    if (typeof value !== 'number') throw invalid(`${name}: ${inspect(value, { depth: 0 })}`)
    values[name] = finite(value)
  }
  return values
}

/** A message with others would not travel. */
function checkNames(names: readonly string[]): void {
  for (const name of names) {
    const fault = faultInName(name)
    if (fault !== undefined) throw invalid(`a metric named ${inspect(name.slice(0, 160))}, which ${fault}`)
  }
  if (names.length > namesAtMost) throw invalid(`${names.length} metrics at once; ${namesAtMost} are the most`)
}

/** A number that is not finite travels as null, so that JSON can hold it too. */
const finite = (value: number) => (Number.isFinite(value) ? value : null)
const invalid = (reported: string) => problem('REPORT_INVALID', { reported })
