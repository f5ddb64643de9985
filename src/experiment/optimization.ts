/** The optimization context: what a user writes, checked at once, in the form that travels. */
import {
  check,
  HparamValue,
  isProblem,
  problem,
  type Direction,
  type HparamValue as Value,
  type Hparams,
  type Objective,
  type OptimizationContext,
  type Plugin,
  type Policy,
  type StopRule,
  type SearchSpace,
} from '../../protocol/index.ts'
import { faultIn, validateSpace } from '../space/index.ts'
import type { ContextOf, Space, ValuesOf } from './definition.ts'

/** A plug-in by its name, or with its options beside the name. */
type PluginOption = string | ({ readonly name: string } & Readonly<Record<string, unknown>>)

interface Common<S extends Space, H extends object> {
  /** Who suggests: the name of an optimizer that runs on the bus. Default: auto. */
  readonly optimizer?: PluginOption
  /** What is searched. */
  readonly space: S
  /** How many trials. */
  readonly trials: number
  /**
   * When it is over sooner, and done: after so many milliseconds (`afterMs`), at a value of the first objective that is good enough
   * (`target`), or after so many trials in a row that brought nothing better (`withoutImprovement`). Trials under way are cancelled.
   */
  readonly stop?: {
    readonly afterMs?: number
    readonly target?: number
    readonly withoutImprovement?: number
  }
  /** Who stops hopeless trials early: a built-in, or `{ name, served: true }` for one that `servePruner` runs. Default: nobody. */
  readonly pruner?: PluginOption | null
  /** Hparams that are tried first, in this order, before the optimizer is asked. */
  readonly enqueue?: readonly NoInfer<Partial<ValuesOf<S>>>[]
  /**
   * What the optimizer knows from earlier experiments: a result of `lagom`, or hparams and metrics. Trials whose hparams are not in
   * this space, and those that are not done, are left out; what is there besides the space's parameters is dropped.
   */
  readonly warmStart?: { readonly trials: readonly EarlierTrial[] } | readonly EarlierTrial[]
  /** Given to every trial beside what is suggested. */
  readonly hparams?: H
  /** A whole number; default 0, never taken from the clock: the same search twice gives the same suggestions. */
  readonly seed?: number
  /** A trial may run this long. Default: as long as it takes. */
  readonly trialTimeoutMs?: number | null
  /** What ignores a stop this long is killed. Default: 5,000. */
  readonly graceMs?: number
  /** Tries at one trial when a worker or a runner is lost under it. Default: 3. */
  readonly maxAttempts?: number
  /** The experiment is given up once so many trials have failed. Default: never. */
  readonly maxFailed?: number | null
  /** At most so many trials at once. Default: as many as there are slots. */
  readonly parallel?: number | null
  /** Only workers that carry all of these labels. */
  readonly labels?: Readonly<Record<string, string>>
}

interface EarlierTrial {
  readonly hparams: Hparams
  readonly metrics: Readonly<Record<string, number | null>>
  readonly state?: string
}

interface OneObjective {
  /** Which of the numbers that train returns; a single number that it returns is called so. Default: value. */
  readonly metric?: string
  readonly direction: Direction
  readonly objectives?: never
}

interface SeveralObjectives {
  readonly objectives: readonly Objective[]
  readonly metric?: never
  readonly direction?: never
}

export type OptimizationOptions<S extends Space, H extends object> = Common<S, H> & (OneObjective | SeveralObjectives)

const known = [
  'optimizer',
  'space',
  'trials',
  'stop',
  'metric',
  'direction',
  'objectives',
  'pruner',
  'hparams',
  'enqueue',
  'warmStart',
  'seed',
  'trialTimeoutMs',
  'graceMs',
  'maxAttempts',
  'maxFailed',
  'parallel',
  'labels',
]

/**
 * Tune: trials of the training function with hparams out of a search space. Throws SPACE_INVALID or CONTEXT_INVALID, with the
 * path of the fault.
 */
export function optimization<const S extends Space, H extends object = object>(
  options: OptimizationOptions<S, H>,
): ContextOf<ValuesOf<S> & H> {
  const given = record('optimization', options)
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw invalid(key, `is unknown; there are ${known.join(', ')}`)
  }
  const space = validateSpace(given['space'], 'space')
  const context: OptimizationContext = {
    kind: 'optimization',
    optimizer: plugin('optimizer', given['optimizer'] ?? 'auto'),
    pruner: given['pruner'] === undefined || given['pruner'] === null ? null : plugin('pruner', given['pruner']),
    space,
    trials: whole('trials', given['trials'], 1),
    ...(given['stop'] === undefined ? {} : { stop: stopRule(given['stop']) }),
    objectives: objectives(given),
    hparams: hparams(given['hparams'] ?? {}, space),
    seed: whole('seed', given['seed'] ?? 0, 0),
    ...(given['enqueue'] === undefined ? {} : { enqueue: enqueued(given['enqueue'], space) }),
    ...(given['warmStart'] === undefined ? {} : { warmStart: earlier(given['warmStart'], space) }),
    policy: policy(given),
  }
  return { kind: 'optimization', context }
}

function enqueued(value: unknown, space: SearchSpace): Hparams[] {
  if (!Array.isArray(value)) throw invalid('enqueue', 'is not a list of hparams')
  return value.map((hparams: unknown, index) => {
    const fault = faultIn(space, hparams, `enqueue[${index}]`)
    if (fault !== undefined) throw invalid(fault.path, fault.reason)
    return { ...(hparams as Hparams) }
  })
}

function earlier(value: unknown, space: SearchSpace): NonNullable<OptimizationContext['warmStart']> {
  const list = Array.isArray(value) ? (value as unknown[]) : record('warmStart', value)['trials']
  if (!Array.isArray(list)) throw invalid('warmStart', 'is neither a result nor a list of { hparams, metrics }')
  return list.flatMap((item: unknown, index) => {
    const trial = record(`warmStart[${index}]`, item)
    const given = record(`warmStart[${index}].hparams`, trial['hparams'])
    const values = Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(space, name)))
    if ((trial['state'] ?? 'done') !== 'done' || faultIn(space, values) !== undefined) return []
    const metrics = record(`warmStart[${index}].metrics`, trial['metrics'])
    for (const [name, metric] of Object.entries(metrics)) {
      if (metric === null || Number.isFinite(metric)) continue
      throw invalid(`warmStart[${index}].metrics.${name}`, `is ${show(metric)}, not a finite number`)
    }
    return [{ hparams: values as Hparams, metrics: { ...metrics } as Record<string, number | null> }]
  })
}

function objectives(given: Readonly<Record<string, unknown>>): Objective[] {
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

function policy(given: Readonly<Record<string, unknown>>): Policy {
  const { trialTimeoutMs = null, graceMs = 5000, maxAttempts = 3, maxFailed = null, parallel = null } = given
  return {
    trialTimeoutMs: trialTimeoutMs === null ? null : milliseconds('trialTimeoutMs', trialTimeoutMs, 1),
    graceMs: milliseconds('graceMs', graceMs, 0),
    maxAttempts: whole('maxAttempts', maxAttempts, 1),
    maxFailed: maxFailed === null ? null : whole('maxFailed', maxFailed, 1),
    parallel: parallel === null ? null : whole('parallel', parallel, 1),
    labels: labels(given['labels'] ?? {}),
  }
}

function stopRule(value: unknown): StopRule {
  const { afterMs, target, withoutImprovement, ...rest } = record('stop', value)
  for (const key of Object.keys(rest)) {
    throw invalid(`stop.${key}`, 'is unknown; there are afterMs, target, withoutImprovement')
  }
  if (target !== undefined && (typeof target !== 'number' || !Number.isFinite(target))) {
    throw invalid('stop.target', `is ${show(target)}, not a finite number`)
  }
  return {
    ...(afterMs === undefined ? {} : { afterMs: milliseconds('stop.afterMs', afterMs, 1) }),
    ...(target === undefined ? {} : { target }),
    ...(withoutImprovement === undefined
      ? {}
      : { withoutImprovement: whole('stop.withoutImprovement', withoutImprovement, 1) }),
  }
}

function plugin(path: string, value: unknown): Plugin {
  if (typeof value === 'string' && value !== '') return { name: value, options: {} }
  if (typeof value === 'function') {
    throw invalid(path, 'is a function, which cannot travel: serve it in a process of its own, and name it here')
  }
  if (typeof value !== 'object' || value === null)
    throw invalid(path, `is ${show(value)}, not a name or { name, …options }`)
  const { name, ...options } = record(path, value)
  if (typeof name !== 'string' || name === '') throw invalid(`${path}.name`, `is ${show(name)}, not a name`)
  return { name, options }
}

function hparams(value: unknown, space: Readonly<Record<string, unknown>>): Hparams {
  const given = record('hparams', value)
  for (const [name, item] of Object.entries(given)) {
    if (Object.hasOwn(space, name)) throw invalid(`hparams.${name}`, 'is in the search space already')
    if (!isHparamValue(item)) {
      throw invalid(`hparams.${name}`, 'is not a finite number, a string, a boolean, null, or a list of these')
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
    if (typeof item !== 'string') throw invalid(`labels.${name}`, `is ${show(item)}, not a string`)
  }
  return { ...given } as Record<string, string>
}

function record(path: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw invalid(path, `is ${show(value)}, not an object`)
}

function metricName(path: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalid(path, `is ${show(value)}, not the name of a number that train returns`)
}

function direction(path: string, value: unknown): Direction {
  if (value === 'minimize' || value === 'maximize') return value
  throw invalid(path, `is ${show(value)}; it is 'minimize' or 'maximize'`)
}

function whole(path: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw invalid(path, `is ${show(value)}, not a whole number of at least ${least}`)
}

function milliseconds(path: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least) return value
  throw invalid(path, `is ${show(value)}, not a number of milliseconds of at least ${least}`)
}

const show = (value: unknown) => (typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)))
const invalid = (path: string, reason: string) => problem('CONTEXT_INVALID', { path, reason })
