/**
 * The first fault of a value that does not fit its schema: where it is, and what is wrong with it, in words. It stops there, however
 * much more is wrong. Which values fit is decided by the compiled schema alone (conversation.ts); this one only finds the place.
 */
import type { TSchema } from 'typebox'
import type { JsonSchema } from './json-schema.ts'
import { patternInWords } from './names.ts'

export interface Fault {
  /** JSON pointer; empty: the value itself. */
  readonly path: string
  readonly reason: string
}

/** Undefined: none is found. */
export function firstFault(schema: TSchema, value: unknown): Fault | undefined {
  return faultAt(schema, value, '')
}

function faultAt(schema: JsonSchema, value: unknown, path: string): Fault | undefined {
  const fault = (reason: string): Fault => ({ path, reason })
  if (schema.anyOf !== undefined) return faultInUnion(schema.anyOf, value, path)
  if ('const' in schema) {
    return value === schema.const ? undefined : fault(`is ${shown(value)}, and not ${JSON.stringify(schema.const)}`)
  }
  if (schema.contentMediaType !== undefined)
    return value instanceof Uint8Array ? undefined : fault(`is ${shown(value)}, and not bytes`)
  switch (schema.type) {
    case 'null':
      return value === null ? undefined : fault(`is ${shown(value)}, and not null`)
    case 'boolean':
      return typeof value === 'boolean' ? undefined : fault(`is ${shown(value)}, and neither true nor false`)
    case 'number':
    case 'integer':
      return asFault(path, numberFault(schema, value))
    case 'string':
      return asFault(path, textFault(schema, value))
    case 'array':
      return faultInArray(schema, value, path)
    case 'object':
      return faultInMap(schema, value, path)
    default:
      return undefined
  }
}

const asFault = (path: string, reason: string | undefined): Fault | undefined =>
  reason === undefined ? undefined : { path, reason }

function numberFault(schema: JsonSchema, value: unknown): string | undefined {
  const { minimum, maximum, exclusiveMinimum } = schema
  if (typeof value !== 'number') return `is ${shown(value)}, and not a number`
  if (!Number.isFinite(value)) return `is ${value}, and not a finite number`
  if (schema.type === 'integer' && !Number.isInteger(value)) return `is ${value}, and not a whole number`
  if (minimum !== undefined && value < minimum) return `is ${value}; ${minimum} is the least`
  if (maximum !== undefined && value > maximum) return `is ${value}; ${maximum} is the most`
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
    return `is ${value}; it must be above ${exclusiveMinimum}`
  return undefined
}

function textFault({ minLength, maxLength, pattern }: JsonSchema, value: unknown): string | undefined {
  if (typeof value !== 'string') return `is ${shown(value)}, and not a text`
  if (minLength !== undefined && value.length < minLength)
    return `has ${value.length} characters; ${minLength} are the least`
  if (maxLength !== undefined && value.length > maxLength)
    return `has ${value.length} characters; ${maxLength} are the most`
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value))
    return `is ${shown(value)}; ${patternInWords(pattern)}`
  return undefined
}

function faultInArray({ items, minItems, maxItems }: JsonSchema, value: unknown, path: string): Fault | undefined {
  if (!Array.isArray(value)) return { path, reason: `is ${shown(value)}, and not a list` }
  if (minItems !== undefined && value.length < minItems)
    return { path, reason: `has ${value.length} entries; ${minItems} are the least` }
  if (maxItems !== undefined && value.length > maxItems)
    return { path, reason: `has ${value.length} entries; ${maxItems} are the most` }
  if (items === undefined) return undefined
  for (const [index, item] of value.entries()) {
    const fault = faultAt(items, item, `${path}/${index}`)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultInMap(schema: JsonSchema, value: unknown, path: string): Fault | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    return { path, reason: `is ${shown(value)}, and not a map` }
  const map = value as Readonly<Record<string, unknown>>
  const names = Object.keys(map)
  const { minProperties, maxProperties, required = [], properties = {}, patternProperties } = schema
  if (minProperties !== undefined && names.length < minProperties)
    return { path, reason: `has ${names.length} entries; ${minProperties} are the least` }
  if (maxProperties !== undefined && names.length > maxProperties)
    return { path, reason: `has ${names.length} entries; ${maxProperties} are the most` }
  const missing = required.find((name) => map[name] === undefined)
  if (missing !== undefined) return { path: `${path}/${missing}`, reason: 'is missing' }
  const patterns = Object.entries(patternProperties ?? {}).map(
    ([pattern, schemaOf]) => [pattern, new RegExp(pattern, 'u'), schemaOf] as const,
  )
  for (const name of names) {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined
    const [pattern, , schemaOf = own] = patterns.find(([, fits]) => fits.test(name)) ?? []
    if (schemaOf === undefined) {
      if (schema.additionalProperties !== false) continue
      const [only] = patterns
      const reason = only === undefined ? 'is not known here' : `is no name: ${patternInWords(only[0])}`
      return { path: `${path}/${step(name)}`, reason }
    }
    if (pattern === undefined && map[name] === undefined) continue
    const fault = faultAt(schemaOf, map[name], `${path}/${step(name)}`)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Of the option that was meant: the one whose literals (`kind`, `type`) are the value's, or the one of the value's own type. */
function faultInUnion(options: readonly JsonSchema[], value: unknown, path: string): Fault | undefined {
  if (options.some((option) => faultAt(option, value, path) === undefined)) return undefined
  const [meant, another] = options.filter((option) => isMeant(option, value))
  if (meant !== undefined && another === undefined) return faultAt(meant, value, path)
  const told = options.flatMap(({ const: literal }) => (literal === undefined ? [] : [JSON.stringify(literal)]))
  if (told.length === options.length) return { path, reason: `is ${shown(value)}; there are ${told.join(', ')}` }
  if (meant !== undefined) return faultAt(meant, value, path)
  return faultOfKind(options, value, path) ?? { path, reason: `is ${shown(value)}, and not ${inWords(options)}` }
}

/** Maps that are told apart by a literal, of which the value has none that is known. */
function faultOfKind(options: readonly JsonSchema[], value: unknown, path: string): Fault | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const [first] = options
  const name = Object.keys(first?.properties ?? {}).find((key) =>
    options.every(({ properties }) => properties?.[key]?.const !== undefined),
  )
  if (name === undefined) return undefined
  const known = options.map(({ properties }) => JSON.stringify(properties?.[name]?.const)).join(', ')
  const given = (value as Readonly<Record<string, unknown>>)[name]
  return { path: `${path}/${name}`, reason: `is ${shown(given)}; there are ${known}` }
}

function isMeant({ type, const: literal, properties, anyOf }: JsonSchema, value: unknown): boolean {
  if (anyOf !== undefined) return anyOf.some((option) => isMeant(option, value))
  if (literal !== undefined) return false
  if (type === 'number' || type === 'integer') return typeof value === 'number'
  if (type === 'array') return Array.isArray(value)
  if (type !== 'object') return type === typeof value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const map = value as Readonly<Record<string, unknown>>
  return Object.entries(properties ?? {}).every(([name, { const: own }]) => own === undefined || map[name] === own)
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
}

const inWords = (options: readonly JsonSchema[]): string =>
  [...new Set(options.flatMap(({ anyOf, ...own }) => (anyOf ?? [own]).map(typeInWords)))].join(' or ')

function typeInWords({ type, const: literal, contentMediaType }: JsonSchema): string {
  if (literal !== undefined) return JSON.stringify(literal)
  if (contentMediaType !== undefined) return 'bytes'
  return typeWords[type ?? ''] ?? type ?? 'what is asked for'
}

/** Of a JSON pointer, on one line. */
const step = (name: string): string =>
  shortened(JSON.stringify(name.replaceAll('~', '~0').replaceAll('/', '~1')).slice(1, -1), 128)

/** A value, short enough for a sentence. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (typeof value === 'string') return JSON.stringify(shortened(value, 64))
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return Array.isArray(value) ? `a list of ${value.length}` : 'a map'
}

const shortened = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most)}…`)
