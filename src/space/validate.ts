/** A search space that came from outside: checked wholly, with the path of the first fault, and copied. */
import {
  check,
  HparamValue,
  isProblem,
  mostParameters,
  problem,
  type Parameter,
  type SearchSpace,
} from '../../protocol/index.ts'
import { show } from './parameter.ts'
import { relationsIn, validateRelations } from './validate-relations.ts'

type Given = Readonly<Record<string, unknown>>

const fault = (path: string, reason: string) => problem('SPACE_INVALID', { path, reason })

const isRecord = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A letter first, so that no engine sorts names as if they were numbers; nothing that a command line or a path takes apart. */
const usableName = /^[\p{L}_][\p{L}\p{N}_.-]{0,127}$/u

/** Throws SPACE_INVALID; the path begins with `path`: `space.lr.low`. */
export function validateSpace(space: unknown, path = 'space'): SearchSpace {
  if (!isRecord(space)) throw fault(path, `is ${show(space)}, not a map of parameters by name`)
  const count = Object.keys(space).length
  if (count > mostParameters) throw fault(path, `has ${count} parameters; ${mostParameters} are the most`)
  const valid: SearchSpace = {}
  for (const [name, parameter] of Object.entries(space)) {
    if (!usableName.test(name) || name === '__proto__') {
      const rule = 'it begins with a letter or _ and goes on with letters, digits, _, - and ., at most 128'
      throw fault(`${path}[${show(name)}]`, `is not usable as a name: ${rule}`)
    }
    valid[name] = validateParameter(parameter, `${path}.${name}`)
  }
  validateRelations(valid, path)
  return valid
}

/** The space of a search, which is not empty. Throws SPACE_INVALID. */
export function validateSearchSpace(space: unknown, path = 'space'): SearchSpace {
  const valid = validateSpace(space, path)
  if (Object.keys(valid).length === 0) throw fault(path, 'is empty: there is nothing to search for')
  return valid
}

const optionsOf = {
  double: ['low', 'high', 'log', 'step', 'when', 'where'],
  integer: ['low', 'high', 'log', 'step', 'when', 'where'],
  discrete: ['values', 'when', 'where'],
  categorical: ['choices', 'when', 'where'],
  constant: ['value', 'when', 'where'],
} as const satisfies Record<Parameter['type'], readonly string[]>

function validateParameter(given: unknown, path: string): Parameter {
  if (!isRecord(given)) throw fault(path, `is ${show(given)}, not a parameter; write it with space.double and its like`)
  const type = given['type']
  if (typeof type !== 'string' || !Object.hasOwn(optionsOf, type)) {
    throw fault(`${path}.type`, `is ${show(type)}; there are ${Object.keys(optionsOf).join(', ')}`)
  }
  const known: readonly string[] = optionsOf[type as Parameter['type']]
  for (const [key, value] of Object.entries(given)) {
    if (key !== 'type' && value !== undefined && !known.includes(key)) {
      throw fault(`${path}.${key}`, `is unknown; ${type} has ${known.join(', ')}`)
    }
  }
  return { ...validateValues(type as Parameter['type'], given, path), ...relationsIn(given, path) }
}

function validateValues(type: Parameter['type'], given: Given, path: string): Parameter {
  switch (type) {
    case 'double':
      return { type: 'double', ...validateRange(given, path, false) }
    case 'integer':
      return { type: 'integer', ...validateRange(given, path, true) }
    case 'discrete':
      return { type: 'discrete', values: validateList(given['values'], `${path}.values`, 'numbers', asNumber) }
    case 'categorical':
      return { type: 'categorical', choices: validateList(given['choices'], `${path}.choices`, 'choices', asScalar) }
    default:
      return { type: 'constant', value: asHparamValue(given['value'], `${path}.value`) }
  }
}

interface Range {
  low: number
  high: number
  log?: boolean
  step?: number
}

function validateRange(given: Given, path: string, whole: boolean): Range {
  const number = whole ? asWhole : asNumber
  const low = number(given['low'], `${path}.low`)
  const high = number(given['high'], `${path}.high`)
  const { log, step } = given
  if (low > high) throw fault(`${path}.low`, `is ${low}, above high, which is ${high}`)
  if (!Number.isFinite(high - low)) throw fault(`${path}.high`, `is ${high}, too far from low, which is ${low}`)
  if (whole && !Number.isSafeInteger(high - low)) throw fault(`${path}.high`, `is ${high}: more than 2^53 values`)
  if (log !== undefined && typeof log !== 'boolean') throw fault(`${path}.log`, `is ${show(log)}, not true or false`)
  if (log === true && low <= 0) {
    throw fault(`${path}.low`, `is ${low}; with log it must be above 0, for the logarithm of ${low} is not a number`)
  }
  const range: Range = { low, high, ...(log === undefined ? {} : { log }) }
  if (step === undefined) return range
  const size = number(step, `${path}.step`)
  if (size <= 0) throw fault(`${path}.step`, `is ${size}; it must be above 0`)
  // The difference of two decimals is a little off: 0.3 - 0.1 is less than 0.2.
  if (size * (1 - 1e-9) > high - low) {
    throw fault(`${path}.step`, `is ${size}, larger than the range from ${low} to ${high}`)
  }
  if ((high - low) / size > 2 ** 52) throw fault(`${path}.step`, `is ${size}, too small for the range: leave it out`)
  const largest = Math.max(Math.abs(low), Math.abs(high))
  const gap = gapAt(largest)
  // A multiple of the distance is exact. Any other step needs room, for its values are rounded to the nearest double.
  const isExact = size % gap === 0 && low % gap === 0
  if (size < gap || (!isExact && size < 4 * gap)) {
    const reason = `is ${size}, finer than numbers near ${largest} can count: they are ${gap} apart; take a larger step, or leave it out`
    throw fault(`${path}.step`, reason)
  }
  return { ...range, step: size }
}

/** The distance from a number, 0 or above, to the next double. */
function gapAt(value: number): number {
  const bits = new BigInt64Array(new Float64Array([value]).buffer)
  return (new Float64Array(bits.map((word) => word + 1n).buffer)[0] as number) - value
}

function validateList<T>(given: unknown, path: string, what: string, item: (value: unknown, path: string) => T): T[] {
  if (!Array.isArray(given)) throw fault(path, `is ${show(given)}, not a list of ${what}`)
  if (given.length === 0) throw fault(path, `is empty; give at least one of the ${what}`)
  const seen = new Map<T, number>()
  return given.map((value: unknown, index) => {
    const valid = item(value, `${path}[${index}]`)
    const first = seen.get(valid)
    if (first !== undefined) throw fault(`${path}[${index}]`, `is ${show(valid)}, which stands at [${first}] already`)
    seen.set(valid, index)
    return valid
  })
}

function asNumber(value: unknown, path: string): number {
  // -0 is 0: no text and no comparison would tell them apart.
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0
  throw fault(path, `is ${show(value)}, not a finite number`)
}

function asWhole(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value + 0
  throw fault(path, `is ${show(value)}, not a whole number`)
}

function asScalar(value: unknown, path: string): string | number | boolean | null {
  const valid = asHparamValue(value, path)
  if (Array.isArray(valid)) throw fault(path, `is ${show(value)}, a list; name it by a string and look it up in train`)
  return valid
}

function asHparamValue(value: unknown, path: string): HparamValue {
  try {
    const valid = check(HparamValue, value, path)
    return Array.isArray(valid) ? valid.map(withoutMinus) : withoutMinus(valid)
  } catch (error) {
    if (!isProblem(error, 'MESSAGE_INVALID')) throw error
    throw fault(path, `is ${show(value)}, not a finite number, a string, a boolean, null, or a list of these`)
  }
}

const withoutMinus = <T>(value: T): T => (value === 0 ? (0 as T) : value)
