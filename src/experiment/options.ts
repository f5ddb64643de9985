/** The options that contexts share, checked one by one: each throws CONTEXT_INVALID with the path of the fault. */
import {
  check,
  faultInName,
  HparamValue,
  isProblem,
  problem,
  type Direction,
  type HparamValue as Value,
  type Hparams,
  type Objective,
  type Plugin,
  type Policy,
  type Resources,
} from '../../protocol/index.ts'
import { bytesIn } from '../words/index.ts'

export function requireKnown(given: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw invalid(key, `is unknown; there are ${known.join(', ')}`)
  }
}

/** A plug-in by its name, or with its options beside the name. */
export type PluginOption = string | ({ readonly name: string } & Readonly<Record<string, unknown>>)

/** How trials are tried, in every context that has several. */
export interface PolicyOptions {
  /** A trial may run this long. Default: as long as it takes. */
  readonly trialTimeoutMs?: number | null
  /** A training that ignores a stop for so long is killed. Default: 5,000. */
  readonly graceMs?: number
  /** Tries at one trial when a worker or a runner is lost under it. Default: 3. */
  readonly maxAttempts?: number
  /** The experiment is given up once so many trials have failed. Default: never. */
  readonly maxFailed?: number | null
  /** At most so many trials at once. Default: as many as there are slots. */
  readonly parallel?: number | null
  /** Only workers that carry all of these labels. */
  readonly labels?: Readonly<Record<string, string>>
  /** Of experiments that could use a slot, those with the highest priority come first; what runs goes on. Default: 0. */
  readonly priority?: number
  /** Experiments of one priority hold slots in proportion to their shares. Default: 1. */
  readonly share?: number
  /**
   * A train that throws is tried again up to so many times, elsewhere if another worker is free soon; what it reported does not count.
   * Default: what throws has failed.
   */
  readonly retry?: { readonly on: 'throw'; readonly times: number }
  /** Resources that a trial needs of a worker, for each of its slots. */
  readonly resources?: ResourceOptions
}

export interface ResourceOptions {
  /** Bytes, or `'8GB'`, `'512MB'`. */
  readonly memory?: number | string
  readonly cores?: number
  /** How many; true: one. */
  readonly gpu?: number | boolean
  /**
   * A trial that ran out of memory goes to a worker with more of it. Where there is none, it waits for one (`wait`), or is tried again on
   * any (`retry`, the default), as often as `maxAttempts` lets it.
   */
  readonly outOfMemory?: 'wait' | 'retry'
}

export const policyKeys = [
  'trialTimeoutMs',
  'graceMs',
  'maxAttempts',
  'maxFailed',
  'parallel',
  'labels',
  'retry',
  'resources',
  'priority',
  'share',
] as const

interface OneObjective {
  /** The name of the number, of those that train returns, that is optimized; a single number gets this name. Default: value. */
  readonly metric?: string
  readonly direction: Direction
  readonly objectives?: never
}

interface SeveralObjectives {
  readonly objectives: readonly Objective[]
  readonly metric?: never
  readonly direction?: never
}

export type ObjectiveOptions = OneObjective | SeveralObjectives
export const objectiveKeys = ['metric', 'direction', 'objectives'] as const

export function objectives(given: Readonly<Record<string, unknown>>): Objective[] {
  if (given['objectives'] === undefined) {
    return [
      {
        metric: metricName('metric', given['metric'] ?? 'value'),
        direction: direction('direction', given['direction']),
      },
    ]
  }
  if (given['metric'] !== undefined || given['direction'] !== undefined) {
    throw invalid('objectives', 'stand beside metric or direction: write the one or the other')
  }
  const list = given['objectives']
  if (!Array.isArray(list) || list.length === 0) throw invalid('objectives', 'is not a list of { metric, direction }')
  const found = list.map((item: unknown, index) => {
    const path = `objectives[${index}]`
    const { metric, direction: towards, ...rest } = record(path, item)
    for (const key of Object.keys(rest)) throw invalid(`${path}.${key}`, 'is unknown; there are metric, direction')
    return { metric: metricName(`${path}.metric`, metric), direction: direction(`${path}.direction`, towards) }
  })
  if (new Set(found.map(({ metric }) => metric)).size < found.length) throw invalid('objectives', 'name a metric twice')
  return found
}

export function policy(given: Readonly<Record<string, unknown>>): Policy {
  const { trialTimeoutMs = null, graceMs = 5000, maxAttempts = 3, maxFailed = null, parallel = null } = given
  return {
    trialTimeoutMs: trialTimeoutMs === null ? null : milliseconds('trialTimeoutMs', trialTimeoutMs, 1),
    graceMs: milliseconds('graceMs', graceMs, 0),
    maxAttempts: whole('maxAttempts', maxAttempts, 1),
    maxFailed: maxFailed === null ? null : whole('maxFailed', maxFailed, 1),
    parallel: parallel === null ? null : whole('parallel', parallel, 1),
    labels: labels(given['labels'] ?? {}),
    ...(given['retry'] === undefined || given['retry'] === null ? {} : { retry: retry(given['retry']) }),
    ...(given['resources'] === undefined ? {} : { resources: resources(given['resources']) }),
    ...precedence(given),
  }
}

/** Left out where nothing is said of it. */
function precedence({ priority, share }: Readonly<Record<string, unknown>>): Pick<Policy, 'priority' | 'share'> {
  if (priority !== undefined && !(Number.isInteger(priority) && Math.abs(priority as number) <= 1000))
    throw invalid('priority', `is ${show(priority)}, not a whole number from -1000 to 1000`)
  if (share !== undefined && !(typeof share === 'number' && share >= 0.001 && share <= 1000))
    throw invalid('share', `is ${show(share)}, not a number from 0.001 to 1000`)
  return {
    ...(priority === undefined ? {} : { priority: priority as number }),
    ...(share === undefined ? {} : { share }),
  }
}

function retry(value: unknown): NonNullable<Policy['retry']> {
  const { on, times, ...rest } = record('retry', value)
  for (const key of Object.keys(rest)) throw invalid(`retry.${key}`, 'is unknown; there are on, times')
  if (on !== 'throw') throw invalid('retry.on', `is ${show(on)}; it is 'throw'`)
  return { on, times: whole('retry.times', times, 1) }
}

function resources(value: unknown): Resources {
  const { memory, cores, gpu, outOfMemory, ...rest } = record('resources', value)
  for (const key of Object.keys(rest)) {
    throw invalid(`resources.${key}`, 'is unknown; there are memory, cores, gpu, outOfMemory')
  }
  if (outOfMemory !== undefined && outOfMemory !== 'wait' && outOfMemory !== 'retry') {
    throw invalid('resources.outOfMemory', `is ${show(outOfMemory)}; it is 'wait' or 'retry'`)
  }
  return {
    ...(memory === undefined ? {} : { memoryBytes: bytes('resources.memory', memory) }),
    ...(cores === undefined ? {} : { cores: positive('resources.cores', cores) }),
    ...(gpu === undefined || gpu === false ? {} : { gpus: gpu === true ? 1 : positive('resources.gpu', gpu) }),
    ...(outOfMemory === undefined ? {} : { outOfMemory }),
  }
}

/** The options that resources were made of. */
export function resourceOptions({ memoryBytes, cores, gpus, outOfMemory }: Resources): ResourceOptions {
  return {
    ...(memoryBytes === undefined ? {} : { memory: memoryBytes }),
    ...(cores === undefined ? {} : { cores }),
    ...(gpus === undefined ? {} : { gpu: gpus }),
    ...(outOfMemory === undefined ? {} : { outOfMemory }),
  }
}

function bytes(path: string, value: unknown): number {
  const found = typeof value === 'string' ? bytesIn(value) : value
  if (typeof found === 'number' && Number.isSafeInteger(found) && found >= 1) return found
  throw invalid(path, `is ${show(value)}, not a number of bytes or the like of '8GB', '512MB'`)
}

function positive(path: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw invalid(path, `is ${show(value)}, not a number above 0`)
}

export function plugin(path: string, value: unknown): Plugin {
  if (typeof value === 'string') return { name: pluginName(path, value), options: {} }
  if (typeof value === 'function') {
    throw invalid(path, 'is a function, which cannot travel: serve it in a process of its own, and name it here')
  }
  if (typeof value !== 'object' || value === null)
    throw invalid(path, `is ${show(value)}, not a name or { name, …options }`)
  const { name, ...options } = record(path, value)
  for (const [key, option] of Object.entries(options)) requirePlain(`${path}.${key}`, option)
  return { name: pluginName(`${path}.name`, name), options }
}

/** It is asked for by its name, which so stands in a subject. */
function pluginName(path: string, name: unknown): string {
  if (typeof name === 'string' && /^[A-Za-z0-9_-]{1,128}$/.test(name)) return name
  throw invalid(path, `is ${show(name)}, not a name: letters, digits, - and _ only, at most 128`)
}

/** As deep as a message may be nested (protocol/codec.ts), less what stands around options. */
const deepest = 24

/** Throws for what cannot travel to another process, with its path: functions, class instances, circles and their like. */
function requirePlain(path: string, value: unknown, depth = 0): void {
  const kinds = 'numbers, strings, booleans, null, lists and plain objects travel'
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    throw invalid(path, `is a ${typeof value}, which cannot travel to another process; ${kinds}`)
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  if (depth > deepest) throw invalid(path, 'is nested too deeply, or holds itself')
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) requirePlain(`${path}[${index}]`, item, depth + 1)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    const name = value.constructor?.name || 'class instance'
    throw invalid(path, `is a ${name}, which cannot travel to another process; ${kinds}`)
  }
  for (const [key, item] of Object.entries(value)) {
    requireName(path, key)
    requirePlain(`${path}.${key}`, item, depth + 1)
  }
}

function requireName(path: string, name: string): void {
  const fault = faultInName(name)
  if (fault !== undefined) throw invalid(`${path}[${show(name.slice(0, 160))}]`, fault)
}

export function hparams(value: unknown, space: Readonly<Record<string, unknown>>): Hparams {
  const given = record('hparams', value)
  for (const [name, item] of Object.entries(given)) {
    if (Object.hasOwn(space, name)) throw invalid(`hparams.${name}`, 'is in the search space already')
    requireName('hparams', name)
    if (!isHparamValue(item)) {
      const kinds = 'a finite number, a string, a boolean, null, or a list of these'
      throw invalid(`hparams.${name}`, `is ${show(item)}, and not ${kinds}`)
    }
  }
  return { ...given } as Hparams
}

function isHparamValue(value: unknown): value is Value {
  try {
    check(HparamValue, value, 'hparams')
    return true
  } catch (error) {
    if (isProblem(error)) return false
    throw error
  }
}

function labels(value: unknown): Record<string, string> {
  const given = record('labels', value)
  for (const [name, item] of Object.entries(given)) {
    requireName('labels', name)
    if (typeof item !== 'string' || item.length > 256)
      throw invalid(`labels.${name}`, `is ${show(item)}, not a short string`)
  }
  return { ...given } as Record<string, string>
}

export function record(path: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw invalid(path, `is ${show(value)}, not an object`)
}

function metricName(path: string, value: unknown): string {
  if (typeof value === 'string' && faultInName(value) === undefined) return value
  throw invalid(path, `is ${show(value)}, not the name of a number that train returns`)
}

function direction(path: string, value: unknown): Direction {
  if (value === 'minimize' || value === 'maximize') return value
  throw invalid(path, `is ${show(value)}; it is 'minimize' or 'maximize'`)
}

export function whole(path: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw invalid(path, `is ${show(value)}, not a whole number of at least ${least}`)
}

export function milliseconds(path: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least) return value
  throw invalid(path, `is ${show(value)}, not a number of milliseconds of at least ${least}`)
}

export const show = (value: unknown) =>
  typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
/** A fault in an option, with its path. */
export const invalid = (path: string, reason: string) => problem('CONTEXT_INVALID', { path, reason })
