/** Mean and spread of what repeats gave; what is no number, or none that can be told, is null. */
import { deviation, mean } from '../statistics/index.ts'

/** null: there are no values. */
export const meanOf = (values: readonly number[]): number | null => (values.length === 0 ? null : mean(values))

/** Sample standard deviation; null: fewer than two values. Equal values have none: their mean's rounding is no spread. */
export function spreadOf(values: readonly number[]): number | null {
  if (values.length < 2) return null
  return values.every((value) => value === values[0]) ? 0 : finite(deviation(values, 1))
}

/** A power of two of about the size of the largest value, so that division by it rounds nothing away; 1 if all are 0. */
export function sizeOf(values: readonly number[]): number {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return largest === 0 ? 1 : 2 ** Math.max(-1074, Math.floor(Math.log2(largest)))
}

/** An overflow is no result. */
export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
