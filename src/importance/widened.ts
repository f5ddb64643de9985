/** The range for the next search: around the best values, and beyond the edges at which they lie. */
import type { Parameter } from '../../protocol/index.ts'
import { toUnit } from '../space/index.ts'

type Range = Extract<Parameter, { type: 'double' | 'integer' }>

/** How much wider than the best values a range stays, on each side, as a part of the range that was searched. */
const margin = 0.1
/** A best value this near to an edge asks for what lies beyond it, so far. */
const edge = 0.05
const beyond = 0.25
/** A log range goes on for a factor of 10 at most: a quarter of hundreds of decades is beyond all sense. */
const decadesBeyond = 1

/** The least double that is as exact as others. */
const leastNormal = 2 ** -1022
const { MAX_VALUE, MAX_SAFE_INTEGER, EPSILON } = Number

/** `best`: values of the range. All of them are values of the new one, but where rounding may not allow it. */
export function widened(parameter: Range, best: readonly number[]): Range {
  const units = best.map((value) => toUnit(parameter, value))
  const [least, most] = [Math.min(...units), Math.max(...units)]
  const far = parameter.log === true ? Math.min(beyond, decadesBeyond / decadesOf(parameter)) : beyond
  const below = least < edge ? -far : Math.max(0, least - margin)
  const above = most > 1 - edge ? 1 + far : Math.min(1, most + margin)
  const at = { from: valueAt(parameter, below), to: valueAt(parameter, above) }
  const values = { least: Math.min(...best), most: Math.max(...best) }
  const isStepped = parameter.type === 'integer' || parameter.step !== undefined
  return { ...parameter, ...(isStepped ? stepped(parameter, at, values) : continuous(parameter, at, values)) }
}

const decadesOf = ({ low, high }: Range): number => Math.log10(high) - Math.log10(low)

interface Bounds {
  readonly low: number
  readonly high: number
}
interface Wanted {
  readonly from: number
  readonly to: number
}
interface Held {
  readonly least: number
  readonly most: number
}

/** Where a part of the searched range ends, 0 to 1, or a point beyond it; never beyond what doubles can say. */
function valueAt({ low, high, log = false }: Range, unit: number): number {
  const value = log ? Math.exp(Math.log(low) * (1 - unit) + Math.log(high) * unit) : low * (1 - unit) + high * unit
  return Math.min(MAX_VALUE, Math.max(log ? Math.min(low, leastNormal) : -MAX_VALUE, value))
}

/**
 * A range that began at 0 does not go below it, one that began above 0 stays above it, and one that was a share does not go above 1, be
 * it searched by its logarithm or not: most such numbers make no sense there.
 */
function sensible(parameter: Range): Bounds {
  const { low, high } = parameter
  if (low < 0) return { low: -Infinity, high: Infinity }
  return { low: low === 0 ? 0 : leastPositive(parameter), high: high <= 1 ? 1 : Infinity }
}

/** Of steps: one step (a whole number: 1). Else half of where it began; what has no half stays. */
function leastPositive({ type, low, log = false, step }: Range): number {
  if (type === 'integer' || step !== undefined) return Math.min(low, step ?? 1)
  return log ? Number.MIN_VALUE : low / 2 || low
}

function continuous(parameter: Range, { from, to }: Wanted, { least, most }: Held): Bounds {
  const { low, high, log = false } = parameter
  const ends = sensible(parameter)
  const width = to - from
  const digits = (value: number) => (log ? Math.min(Math.abs(value), width) : width)
  const next = {
    low: Math.max(ends.low, Math.min(least, rounded(from, digits(from), 'down'))),
    high: Math.min(ends.high, Math.max(most, rounded(to, digits(to), 'up'))),
  }
  if (Number.isFinite(next.high - next.low) && (!log || next.low > 0)) return next
  return { low: Math.max(low, next.low), high: Math.min(high, next.high) }
}

/** Outwards, to three digits of `size`; left as it is where that has no such digits. */
function rounded(value: number, size: number, to: 'down' | 'up'): number {
  const unit = 10 ** (Math.floor(Math.log10(size)) - 2)
  const near = (to === 'down' ? Math.floor(value / unit) : Math.ceil(value / unit)) * unit
  const short = Number(near.toPrecision(12)) + 0
  return Number.isFinite(short) && (to === 'down' ? short <= value : short >= value) ? short : value
}

/** On the steps of the searched range, which it may go on with on either side. */
function stepped(parameter: Range, { from, to }: Wanted, { least, most }: Held): Bounds {
  const { type, low, high, step = 1 } = parameter
  const ends = sensible(parameter)
  const limit = type === 'integer' ? MAX_SAFE_INTEGER : MAX_VALUE
  const steps = (value: number) => (value - low) / step
  const lowest = Math.ceil(steps(Math.max(-limit, ends.low)) - 1e-9)
  const highest = Math.floor(steps(Math.min(limit, ends.high)) + 1e-9)
  let first = Math.max(Math.min(0, lowest), Math.min(Math.floor(steps(from) + 1e-9), Math.round(steps(least))))
  let last = Math.min(Math.max(1, highest), Math.max(Math.ceil(steps(to) - 1e-9), Math.round(steps(most))))
  const there = Math.floor(steps(high) + 1e-9)
  const isTooWide = (last - first) * step > limit || last - first > 2 ** 52
  if (isTooWide) [first, last] = [Math.max(0, first), Math.min(there, last)]
  // A range has two values at least.
  if (first >= last) [first, last] = last > 0 ? [last - 1, last] : [first, first + 1]
  return { low: onStep(parameter, first), high: Math.min(limit, onStep(parameter, last)) }
}

/** Decimals are not exact: the short one is meant. */
function onStep({ low, step = 1 }: Range, index: number): number {
  const exact = low + index * step
  if (Number.isInteger(low) && Number.isInteger(step)) return exact + 0
  const short = Number(exact.toPrecision(15))
  return (Math.abs(short - exact) <= 4 * EPSILON * Math.max(Math.abs(low), Math.abs(exact)) ? short : exact) + 0
}
