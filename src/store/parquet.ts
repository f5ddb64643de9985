/** Trials and reports as Parquet: typed columns, one row a trial or one row a report. What is not there is null. */
import { own } from '../../protocol/index.ts'
import { literal } from '../words/index.ts'
import type { KeptPoint } from './reader.ts'
import type { Result, TrialResult } from './results.ts'
import { namesIn } from './table.ts'

interface Column {
  readonly name: string
  readonly type: 'BOOLEAN' | 'DOUBLE' | 'INT32' | 'INT64' | 'STRING' | 'TIMESTAMP'
  readonly data: unknown[]
}

/** A file of these columns. The library is loaded when it is asked for. */
async function toParquet(columns: readonly Column[]): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  return new Uint8Array(parquetWriteBuffer({ columnData: columns.map((column) => ({ ...column, nullable: true })) }))
}

/** One row a trial; hparams and metrics in columns called `hparams.NAME` and `metrics.NAME`, as in the CSV. */
export async function trialsAsParquet(result: Result): Promise<Uint8Array> {
  const { trials, ablation } = result
  const column = (name: string, type: Column['type'], of: (trial: TrialResult) => unknown): Column => ({
    name,
    type,
    data: trials.map((trial) => of(trial) ?? null),
  })
  const removals: Column[] =
    ablation === undefined
      ? []
      : [
          column('without', 'STRING', ({ ablated }) => ablated?.components.map(({ name }) => name).join(' + ')),
          column('repeat', 'INT32', ({ ablated }) => ablated?.repeat),
          column('parameters', 'DOUBLE', ({ parameters }) => parameters),
        ]
  return await toParquet([
    column('trial', 'INT32', ({ trial }) => trial),
    column('state', 'STRING', ({ state }) => state),
    ...removals,
    ...namesIn(trials, ({ hparams }) => hparams).map((name) =>
      valueColumn(
        `hparams.${name}`,
        trials.map(({ hparams }) => own(hparams, name)),
      ),
    ),
    ...namesIn(trials, ({ metrics }) => metrics).map((name) =>
      column(`metrics.${name}`, 'DOUBLE', ({ metrics }) => own(metrics, name)),
    ),
    column('attempts', 'INT32', ({ attempts }) => attempts),
    column('worker', 'STRING', ({ worker }) => worker),
    column('startedAt', 'TIMESTAMP', ({ startedAt }) => instant(startedAt)),
    column('endedAt', 'TIMESTAMP', ({ endedAt }) => instant(endedAt)),
    column('durationMs', 'DOUBLE', ({ durationMs }) => durationMs),
    column('points', 'INT32', ({ points }) => points),
    column('problem', 'STRING', ({ problem }) => problem?.code),
  ])
}

/** One row a report of any attempt of any trial, each metric in a column of its own name behind `metrics.`. */
export async function reportsAsParquet(points: ReadonlyMap<number, readonly KeptPoint[]>): Promise<Uint8Array> {
  const all = [...points].sort(([a], [b]) => a - b).flatMap(([trial, own]) => own.map((point) => ({ trial, ...point })))
  type Report = (typeof all)[number]
  const column = (name: string, type: Column['type'], of: (report: Report) => unknown): Column => ({
    name,
    type,
    data: all.map((report) => of(report) ?? null),
  })
  return await toParquet([
    column('trial', 'INT32', ({ trial }) => trial),
    column('attempt', 'INT32', ({ attempt }) => attempt),
    column('index', 'INT64', ({ index }) => BigInt(index)),
    column('step', 'INT64', ({ step }) => BigInt(step)),
    column('at', 'TIMESTAMP', ({ at }) => instant(at)),
    ...namesIn(all, ({ values }) => values).map((name) =>
      column(`metrics.${name}`, 'DOUBLE', ({ values }) => own(values, name)),
    ),
  ])
}

/** Numbers or truth values where all are such; else text, told apart as in the CSV. */
function valueColumn(name: string, values: readonly unknown[]): Column {
  const kinds = new Set(values.filter((value) => value !== undefined).map((value) => typeof value))
  const [kind] = kinds
  const only = kinds.size === 1 ? kind : undefined
  if (only === 'number') return { name, type: 'DOUBLE', data: values.map((value) => value ?? null) }
  if (only === 'boolean') return { name, type: 'BOOLEAN', data: values.map((value) => value ?? null) }
  return { name, type: 'STRING', data: values.map((value) => (value === undefined ? null : literal(value))) }
}

const instant = (at: number | null) => (at === null ? null : new Date(at))
