/** Makes reports of the values that `model.fit` gives at the end of batches and epochs. */
import { inspect } from 'node:util'
import { faultInName, problem, type Metrics } from '../../protocol/index.ts'
import type { FitCallbacks, FitReports } from '../experiment/index.ts'

type Logs = Readonly<Record<string, unknown>>

interface Reports {
  readonly record: (values: Metrics, step: number) => void
  readonly throwIfStopped: () => void
  /** The last step reported; -1: none. */
  readonly last: () => number
  /** Tells the user something. */
  readonly note: (text: string) => void
}

/** Throws REPORT_INVALID for an `every` that is none. */
export function fitCallbacks({ every = 'epoch', metrics }: FitReports, reports: Reports): FitCallbacks {
  const { record, throwIfStopped, last } = reports
  const nameOf = namer(metrics, reports.note)
  const chosen = async (logs: Logs = {}): Promise<Record<string, number>> => {
    const values: Record<string, number> = {}
    for (const [name, value] of Object.entries(logs)) {
      const told = nameOf(name, logs)
      if (told !== undefined) values[told] = await numberOf(value)
    }
    return values
  }
  const recordAll = (values: Record<string, number>, step: number): void => {
    if (Object.keys(values).length === 0) return throwIfStopped()
    record(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, finite(value)])), step)
  }

  if (typeof every === 'number') {
    if (!Number.isSafeInteger(every) || every < 1)
      throw problem('REPORT_INVALID', { reported: `every ${inspect(every)}` })
    const sums = new Map<string, number>()
    let examples = 0
    let since = 0
    let next = every
    const flush = (step: number): void => {
      const means = Object.fromEntries([...sums].map(([name, sum]) => [name, sum / since]))
      sums.clear()
      since = 0
      next = Math.floor(examples / every) * every + every
      recordAll(means, step)
    }
    return {
      onBatchEnd: async (_batch, logs = {}) => {
        const { size = 1 } = logs
        for (const [name, value] of Object.entries(await chosen(logs)))
          sums.set(name, (sums.get(name) ?? 0) + size * value)
        examples += size
        since += size
        // At equal steps whatever the batch size: the last whole multiple.
        if (examples >= next) flush(Math.floor(examples / every) * every)
        else throwIfStopped()
      },
      onEpochEnd: async (_epoch, logs = {}) => {
        // The remaining samples count if there are enough of them to tell, or if there are no others.
        if (since * 2 >= every || (last() < 0 && since > 0)) flush(examples)
        // The epoch's own means would stand among those of its parts; what is validated stands alone.
        const validated = Object.fromEntries(Object.entries(logs).filter(([name]) => name.startsWith('val_')))
        recordAll(await chosen(validated), Math.max(0, last()))
      },
    }
  }
  return {
    onBatchEnd: async (_batch, logs) => {
      if (every === 'batch') recordAll(await chosen(logs), last() + 1)
      else throwIfStopped()
    },
    // After a report for each batch, the epoch's numbers belong to the last batch's step.
    onEpochEnd: async (_epoch, logs) =>
      recordAll(await chosen(logs), every === 'batch' && last() >= 0 ? last() : last() + 1),
  }
}

/** `batch` and `size` are tfjs's own. */
const counters = new Set(['batch', 'size'])
/** tfjs calls a metric after its function, and counts those that are called alike: one written in place is called nothing at all. */
const nothing = /^(_\d+)?$/
const validation = 'val_'

/** The name that a number of tfjs's has in reports, given all that it stands among; undefined: it is left out. */
function namer(
  metrics: FitReports['metrics'],
  note: (text: string) => void,
): (name: string, logs: Logs) => string | undefined {
  const chosen = metrics === undefined ? undefined : new Map(isList(metrics) ? named(metrics) : Object.entries(metrics))
  const noted = new Set<string>()
  return (name, logs) => {
    const told = chosen === undefined ? (counters.has(name) ? undefined : name) : chosen.get(name)
    if (told === undefined) return undefined
    const [prefix, own] = parted(told)
    if (!nothing.test(own) && faultInName(told) === undefined) return told
    const given = `metric_${placeOf(name, logs)}`
    if (!noted.has(given)) {
      noted.add(given)
      note(
        `fit reports a metric called ${inspect(own.slice(0, 160))}, after its function: it is called ${given} here. ` +
          'Give the function a name (`const maxError = (labels, predictions) => …`)',
      )
    }
    return `${prefix}${given}`
  }
}

const named = (names: readonly string[]): [string, string][] => names.map((name) => [name, name])

const parted = (name: string): [prefix: string, own: string] =>
  name.startsWith(validation) ? [validation, name.slice(validation.length)] : ['', name]

/** Among the metrics, from 1; of those that are validated, among these. */
function placeOf(name: string, logs: Logs): number {
  const [prefix] = parted(name)
  const metrics = Object.keys(logs).filter((one) => {
    const [its, own] = parted(one)
    return its === prefix && own !== 'loss' && !counters.has(one)
  })
  return metrics.indexOf(name) + 1
}

const isList = (metrics: NonNullable<FitReports['metrics']>): metrics is readonly string[] => Array.isArray(metrics)

/** A number, or the one in a scalar tensor. */
async function numberOf(value: unknown): Promise<number> {
  if (typeof value === 'number') return value
  if (typeof value === 'object' && value !== null && 'data' in value && typeof value.data === 'function') {
    const data: unknown = await (value as { data(): Promise<ArrayLike<number>> }).data()
    return Number((data as ArrayLike<number>)[0])
  }
  return Number(value)
}

/** A number that is not finite travels as null, so that JSON can hold it too. */
const finite = (value: number) => (Number.isFinite(value) ? value : null)
