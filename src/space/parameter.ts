/**
 * One parameter as numbers: how many values it has, which is the k-th, and its way to and from the unit interval.
 * I1 A value that this file makes lies inside the parameter's bounds, and on its steps as the nearest short decimal.
 * I2 A stepped or whole-number parameter gives each of its values an equal share of the unit interval, or, with `log`, the
 *    share that its cell has in log space.
 */
import type { HparamValue, Parameter } from '../../protocol/index.ts'

type Range = Extract<Parameter, { type: 'double' | 'integer' }>
type Stepped = Range & { step: number }

const isRange = (parameter: Parameter): parameter is Range =>
  parameter.type === 'double' || parameter.type === 'integer'

const wholeRanges = new WeakMap<Range, Stepped>()

/** A range with the step that it has; undefined for a double that takes any value. */
function stepped(parameter: Range): Stepped | undefined {
  if (parameter.step !== undefined) return parameter as Stepped
  if (parameter.type === 'double') return undefined
  let range = wholeRanges.get(parameter)
  if (range === undefined) wholeRanges.set(parameter, (range = { ...parameter, step: 1 }))
  return range
}

/** The largest distance, in steps, from a whole number at which a quotient still counts as that number: decimals are not exact. */
const slack = ({ low, high, step }: Stepped) =>
  Math.min(0.01, (8 * Number.EPSILON * Math.max(Math.abs(low), Math.abs(high))) / step + 1e-12)

const stepsIn = (range: Stepped): number => Math.floor((range.high - range.low) / range.step + slack(range))

function decimals(value: number): number {
  const [mantissa = '', exponent = '0'] = value.toString().split('e')
  return Math.max(0, (mantissa.split('.')[1]?.length ?? 0) - Number(exponent))
}

function onStep(range: Stepped, index: number): number {
  const exact = range.low + index * range.step
  if (Number.isInteger(range.low) && Number.isInteger(range.step)) return clamp(exact, range.low, range.high) + 0
  const digits = Math.max(decimals(range.low), decimals(range.step))
  const value = digits > 20 || Math.abs(exact) >= 1e21 ? exact : Number(exact.toFixed(digits))
  // A tiny negative number rounds to -0; adding 0 makes that 0.
  return clamp(value, range.low, range.high) + 0
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

/** Whether its law is logarithmic. On a range so narrow it would be the same as a linear one, and logarithms tell no values apart. */
const isLogarithmic = ({ low, high, log }: Range): boolean => log === true && high - low > 1e-6 * low

/** How many values; Infinity for a double without a step. */
export function countOf(parameter: Parameter): number {
  switch (parameter.type) {
    case 'discrete':
      return parameter.values.length
    case 'categorical':
      return parameter.choices.length
    case 'constant':
      return 1
    default: {
      if (parameter.low === parameter.high) return 1
      const range = stepped(parameter)
      return range === undefined ? Infinity : stepsIn(range) + 1
    }
  }
}

/** The k-th value of a parameter with a finite number of values; k counts from 0. */
export function valueAt(parameter: Parameter, index: number): HparamValue {
  const count = countOf(parameter)
  if (!Number.isInteger(index) || index < 0 || index >= count || count === Infinity) {
    throw new RangeError(`value ${index} of ${count}`)
  }
  switch (parameter.type) {
    case 'discrete':
      return parameter.values[index] as number
    case 'categorical':
      return parameter.choices[index] as HparamValue
    case 'constant':
      return parameter.value
    default: {
      const range = stepped(parameter)
      return range === undefined ? parameter.low : onStep(range, index)
    }
  }
}

/** Which value it is, or undefined if it is none of them. Not for doubles that take any value. */
export function indexOf(parameter: Parameter, value: unknown): number | undefined {
  if (parameter.type === 'constant') return sameValue(parameter.value, value) ? 0 : undefined
  if (!isRange(parameter)) {
    const values: readonly unknown[] = parameter.type === 'discrete' ? parameter.values : parameter.choices
    const index = values.indexOf(value)
    return index < 0 ? undefined : index
  }
  if (parameter.low === parameter.high) return value === parameter.low ? 0 : undefined
  const range = stepped(parameter)
  if (typeof value !== 'number' || range === undefined) return undefined
  if (parameter.type === 'integer' && !Number.isInteger(value)) return undefined
  const position = (value - range.low) / range.step
  const index = Math.round(position)
  if (!(index >= 0 && index <= stepsIn(range))) return undefined
  const near = Math.abs(position - index) <= slack(range) || onStep(range, index) === value
  return near ? index : undefined
}

function sameValue(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return Object.is(one, other) || one === other
  return one.length === other.length && one.every((item: unknown, index) => sameValue(item, other[index]))
}

/** The probability of the k-th value of a parameter with a finite number of values, if the unit is uniform. */
export function shareOf(parameter: Parameter, index: number): number {
  const count = countOf(parameter)
  const range = isRange(parameter) && isLogarithmic(parameter) ? stepped(parameter) : undefined
  if (range === undefined || count === 1) return 1 / count
  const [from, to] = span(range)
  const edge = (at: number) => {
    if (at <= 0) return from
    return at >= count ? to : Math.log(range.low + (at - 0.5) * range.step)
  }
  return (edge(index + 1) - edge(index)) / (to - from)
}

/** The interval that the unit interval stands for: in log space if it is so, and with half a step beyond both ends. */
function span(parameter: Range): readonly [number, number] {
  const range = stepped(parameter)
  const last = range === undefined ? parameter.high : onStep(range, stepsIn(range))
  const half = (range?.step ?? 0) / 2
  if (!isLogarithmic(parameter)) return [parameter.low - half, last + half]
  return [
    Math.log(parameter.low - Math.min(half, parameter.low / 2)),
    Math.log(Math.min(Number.MAX_VALUE, last + half)),
  ]
}

/** The value at `unit` of [0, 1]: if unit is uniform, the value follows the parameter's law. */
export function fromUnit(parameter: Parameter, unit: number): HparamValue {
  if (!isRange(parameter) || (!isLogarithmic(parameter) && stepped(parameter) !== undefined)) {
    const count = countOf(parameter)
    return valueAt(parameter, Math.min(count - 1, Math.floor(clamp(unit, 0, 1) * count)))
  }
  const [from, to] = span(parameter)
  const at = from * (1 - unit) + to * unit
  const value = clamp(isLogarithmic(parameter) ? Math.exp(at) : at, parameter.low, parameter.high)
  const range = stepped(parameter)
  if (range === undefined) return value + 0
  return onStep(range, clamp(Math.round((value - range.low) / range.step), 0, stepsIn(range)))
}

/** Where in [0, 1] a value stands: the inverse of fromUnit, in the middle of the share of a value that is one of a few. */
export function toUnit(parameter: Parameter, value: HparamValue): number {
  if (!isRange(parameter) || (!isLogarithmic(parameter) && stepped(parameter) !== undefined)) {
    return ((indexOf(parameter, value) ?? 0) + 0.5) / countOf(parameter)
  }
  const [from, to] = span(parameter)
  if (from === to) return 0.5
  const at = clamp(Number(value), parameter.low, parameter.high)
  return clamp(((isLogarithmic(parameter) ? Math.log(at) : at) - from) / (to - from), 0, 1)
}

/** Why a value is none of this parameter's; undefined if it is one. */
export function reasonAgainst(parameter: Parameter, value: unknown): string | undefined {
  const shown = show(value)
  if (parameter.type === 'discrete') {
    return indexOf(parameter, value) === undefined ? `is ${shown}, none of ${list(parameter.values)}` : undefined
  }
  if (parameter.type === 'categorical') {
    return indexOf(parameter, value) === undefined ? `is ${shown}, none of ${list(parameter.choices)}` : undefined
  }
  if (parameter.type === 'constant') {
    return indexOf(parameter, value) === undefined ? `is ${shown}, not ${show(parameter.value)}` : undefined
  }
  const { low, high } = parameter
  if (typeof value !== 'number' || !Number.isFinite(value)) return `is ${shown}, not a finite number`
  if (parameter.type === 'integer' && !Number.isInteger(value)) return `is ${shown}, not a whole number`
  if (value < low || value > high) return `is ${shown}, outside of ${low} to ${high}`
  const range = stepped(parameter)
  if (range === undefined || indexOf(parameter, value) !== undefined) return undefined
  return `is ${shown}, not on the steps of ${range.step} from ${low}`
}

/** A value in a message: short, and with its kind to be seen. */
export function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}

const list = (values: readonly unknown[]): string =>
  values.slice(0, 8).map(show).join(', ') + (values.length > 8 ? ` … (${values.length} in all)` : '')
