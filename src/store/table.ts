/** Trials and metrics as rows, and rows as CSV (RFC 4180). */
import { own } from '../../protocol/index.ts'
import { literal } from '../words/index.ts'
import type { KeptPoint } from './reader.ts'
import type { Result, TrialResult } from './results.ts'

/** A missing value is an empty cell. */
type Cell = string | number | null | undefined
export interface Rows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** One row a trial; hparams and metrics each in columns of their own, called `hparams.NAME` and `metrics.NAME`. */
export function trialRows(result: Result): Rows {
  const hparams = namesIn(result.trials, ({ hparams }) => hparams)
  const metrics = namesIn(result.trials, ({ metrics }) => metrics)
  const ablates = result.ablation !== undefined
  const repeats = result.configurations !== undefined
  return {
    columns: [
      'trial',
      'state',
      ...(ablates ? ['without', 'repeat', 'parameters'] : []),
      ...(repeats ? ['configuration', 'repeat'] : []),
      ...hparams.map((name) => `hparams.${name}`),
      ...metrics.map((name) => `metrics.${name}`),
      'attempts',
      'worker',
      'startedAt',
      'endedAt',
      'durationMs',
      'points',
      'problem',
    ],
    rows: result.trials.map((trial) => [
      trial.trial,
      trial.state,
      ...(ablates ? removalCells(trial) : []),
      ...(repeats ? [trial.configuration, trial.repeat] : []),
      ...hparams.map((name) => cell(own(trial.hparams, name))),
      ...metrics.map((name) => cell(own(trial.metrics, name))),
      trial.attempts,
      trial.worker ?? undefined,
      instant(trial.startedAt),
      instant(trial.endedAt),
      trial.durationMs ?? undefined,
      trial.points,
      trial.problem?.code,
    ]),
  }
}

function removalCells({ ablated, parameters }: TrialResult): Cell[] {
  return [ablated?.components.map(({ name }) => name).join(' + '), ablated?.repeat, parameters]
}

/** One row a report of any attempt of any trial. */
export function reportRows(points: ReadonlyMap<number, readonly KeptPoint[]>): Rows {
  const all = [...points].sort(([a], [b]) => a - b)
  const { columns, rows } = pointRows(all.flatMap(([, own]) => own))
  const trials = all.flatMap(([trial, own]) => own.map(() => trial))
  return { columns: ['trial', ...columns], rows: rows.map((row, index) => [trials[index], ...row]) }
}

/** One row a report. */
export function pointRows(points: readonly KeptPoint[]): Rows {
  const names = namesIn(points, ({ values }) => values)
  return {
    columns: ['attempt', 'index', 'step', 'at', ...names],
    rows: points.map((point) => [
      point.attempt,
      point.index,
      point.step,
      instant(point.at),
      ...names.map((name) => cell(own(point.values, name))),
    ]),
  }
}

export function toCsv({ columns, rows }: Rows): string {
  return [columns, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('')
}

/** All names that occur, in the order in which they do first. */
export function namesIn<T>(items: readonly T[], of: (item: T) => Readonly<Record<string, unknown>>): string[] {
  const names = new Set<string>()
  for (const item of items) for (const name of Object.keys(of(item))) names.add(name)
  return [...names]
}

/** A value of an hparam or a metric as one cell, told apart from all others; what is not there is empty. */
function cell(value: unknown): string | number | undefined {
  return value === undefined || typeof value === 'number' ? value : literal(value)
}

function instant(at: number | null): string | undefined {
  return at === null ? undefined : new Date(at).toISOString()
}

/** A spreadsheet takes a text that begins like this for a formula, and runs it. */
const formula = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/

/** Text stays text: what begins like a formula gets an apostrophe before it, as in a spreadsheet. Numbers stay numbers. */
function quoted(value: Cell): string {
  const plain = value === null || value === undefined ? '' : String(value)
  const text = typeof value === 'string' && formula.test(plain) ? `'${plain}` : plain
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
