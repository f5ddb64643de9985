/**
 * What the training function reports through.
 * I1 Steps never decrease within a trial.
 * I2 A stop is seen at the next report, synchronously: the event loop need not turn.
 */
import { inspect } from 'node:util'
import { problem, type MetricPoint, type Metrics } from '../../protocol/index.ts'
import type { FitCallbacks, Reporter } from '../experiment/index.ts'
import { EarlyStop } from './early-stop.ts'

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

type Logs = Readonly<Record<string, unknown>>

/** `single`: what a number that is reported without a name is called. */
export function createReporter(single: string, sink: ReportSink): ReporterHandle {
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

  const callbacks = (options: { every?: 'batch' | 'epoch'; metrics?: readonly string[] } = {}): FitCallbacks => {
    const { every = 'epoch', metrics } = options
    const chosen = async (logs: Logs = {}): Promise<Metrics | undefined> => {
      const values: Record<string, number | null> = {}
      for (const [name, value] of Object.entries(logs)) {
        // `batch` and `size` are tfjs's own counters.
        if (metrics === undefined ? name === 'batch' || name === 'size' : !metrics.includes(name)) continue
        values[name] = finite(await numberOf(value))
      }
      return Object.keys(values).length === 0 ? undefined : values
    }
    return {
      onBatchEnd: async (_batch, logs) => {
        const values = every === 'batch' ? await chosen(logs) : undefined
        if (values === undefined) throwIfStopped()
        else record(values, last + 1)
      },
      onEpochEnd: async (_epoch, logs) => {
        const values = await chosen(logs)
        // After a report for each batch, the epoch's numbers belong to the last batch's step.
        if (values === undefined) throwIfStopped()
        else record(values, every === 'batch' && last >= 0 ? last : last + 1)
      },
    }
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
  const values: Record<string, number | null> = {}
  for (const [name, value] of Object.entries(metrics)) {
    if (typeof value !== 'number') throw invalid(`${name}: ${inspect(value, { depth: 0 })}`)
    values[name] = finite(value)
  }
  if (Object.keys(values).length === 0) throw invalid('no metric')
  return values
}

/** A number, or the one in a scalar tensor. */
async function numberOf(value: unknown): Promise<number> {
  if (typeof value === 'number') return value
  if (typeof value === 'object' && value !== null && 'data' in value && typeof value.data === 'function') {
    const data: unknown = await (value as { data(): Promise<ArrayLike<number>> }).data()
    return Number((data as ArrayLike<number>)[0])
  }
  return Number(value)
}

/** What is not finite travels as null, so that JSON can hold it too. */
const finite = (value: number) => (Number.isFinite(value) ? value : null)
const invalid = (reported: string) => problem('REPORT_INVALID', { reported })
