/**
 * The operations of a journal of Optuna's (`optuna.storages.journal`, versions 3 to 5): one JSON object a line. Studies and trials have no
 * ids in it: the n-th that is created has the id n, counted from 0.
 */
import type { HparamValue } from '../../protocol/index.ts'

export const opCodes = {
  createStudy: 0,
  deleteStudy: 1,
  setStudyUserAttr: 2,
  setStudySystemAttr: 3,
  createTrial: 4,
  setTrialParam: 5,
  setTrialStateValues: 6,
  setTrialIntermediateValue: 7,
  setTrialUserAttr: 8,
  setTrialSystemAttr: 9,
} as const

export const optunaStates = { running: 0, complete: 1, pruned: 2, fail: 3, waiting: 4 } as const
export type OptunaState = (typeof optunaStates)[keyof typeof optunaStates]

export const optunaDirections = { minimize: 1, maximize: 2 } as const

/** Where Optuna keeps the names of a study's objectives. */
export const metricNamesKey = 'study:metric_names'

/** Where Optuna keeps how far a trial is beyond its constraints; version 5 reads this list, too. */
export const constraintsKey = 'constraints'

/** The user attribute in which a trial has a number that is none of its objectives. */
export const metricAttribute = (metric: string): string => `metrics.${metric}`

/** A value of an attribute. */
export type AttributeValue = HparamValue | readonly string[] | Readonly<Record<string, HparamValue>>

/** An operation as it is written: the reader wants a worker's name in each. */
export interface Operation {
  readonly op_code: number
  readonly worker_id: string
  readonly [field: string]: unknown
}

/** One line of the journal; NaN is written as Python writes it. */
export function lineOf(operation: Operation): string {
  const { intermediate_value: value } = operation
  if (value === undefined || !Number.isNaN(value)) return `${JSON.stringify(operation)}\n`
  const { intermediate_value: _, ...rest } = operation
  return `${JSON.stringify(rest).slice(0, -1)},"intermediate_value":NaN}\n`
}

/** Python writes NaN and infinities bare, which is no JSON: they become null. Throws SyntaxError. */
export function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return JSON.parse(
      line.replaceAll(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) => (token.startsWith('"') ? token : 'null')),
    )
  }
}

/** An instant as Python reads it, of every version: microseconds, and the offset in digits. */
export function pythonInstant(at: number): string {
  return new Date(at).toISOString().replace('Z', '000+00:00')
}
