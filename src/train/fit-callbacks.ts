/** Makes reports of the values that `model.fit` gives at the end of batches and epochs. */
import { inspect } from 'node:util'
import { problem, type Metrics } from '../../protocol/index.ts'
import type { FitCallbacks, FitReports } from '../experiment/index.ts'

type Logs = Readonly<Record<string, unknown>>

interface Reports {
  readonly record: (values: Metrics, step: number) => void
  readonly throwIfStopped: () => void
  /** The last step reported; -1: none. */
  readonly last: () => number
}

/** Throws REPORT_INVALID for an `every` that is none. */
export function fitCallbacks({ every = 'epoch', metrics }: FitReports, reports: Reports): FitCallbacks {
  const { record, throwIfStopped, last } = reports
  const nameOf = namer(metrics)
  const chosen = async (logs: Logs = {}): Promise<Record<string, number>> => {
    const values: Record<string, number> = {}
    for (const [name, value] of Object.entries(logs)) {
      const told = nameOf(name)
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

/** The name that a number of tfjs's has in reports; undefined: it is left out. */
function namer(metrics: FitReports['metrics']): (name: string) => string | undefined {
  // `batch` and `size` are tfjs's own counters.
  if (metrics === undefined) return (name) => (name === 'batch' || name === 'size' ? undefined : name)
  const names = isList(metrics) ? new Map(metrics.map((name) => [name, name])) : new Map(Object.entries(metrics))
  return (name) => names.get(name)
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
