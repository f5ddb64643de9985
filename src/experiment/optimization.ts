/** The optimization context: what a user writes, checked at once, in the form that travels. */
import type { Hparams, OptimizationContext, RingSettings, SearchSpace, StopRule } from '../../protocol/index.ts'
import { faultIn, validateSpace } from '../space/index.ts'
import type { ContextOf, Space, ValuesOf } from './definition.ts'
import {
  hparams,
  invalid,
  milliseconds,
  objectiveKeys,
  objectives,
  plugin,
  policy,
  policyKeys,
  record,
  requireKnown,
  show,
  whole,
  type ObjectiveOptions,
  type PluginOption,
  type PolicyOptions,
} from './options.ts'
import { workersPerTrial } from './training.ts'

interface Common<S extends Space, H extends object> extends PolicyOptions {
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
  /** Each trial is trained by a ring of so many workers, all settings as in `training`. Default: 1, which needs no ring. */
  readonly workersPerTrial?: number
}

interface EarlierTrial {
  readonly hparams: Hparams
  readonly metrics: Readonly<Record<string, number | null>>
  readonly state?: string
}

export type OptimizationOptions<S extends Space, H extends object> = Common<S, H> & ObjectiveOptions

const known = [
  'optimizer',
  'space',
  'trials',
  'stop',
  ...objectiveKeys,
  'pruner',
  'hparams',
  'enqueue',
  'warmStart',
  'seed',
  ...policyKeys,
  'workersPerTrial',
]

/**
 * Tune: trials of the training function with hparams out of a search space. Throws SPACE_INVALID or CONTEXT_INVALID, with the
 * path of the fault.
 */
export function optimization<const S extends Space, H extends object = object>(
  options: OptimizationOptions<S, H>,
): ContextOf<ValuesOf<S> & H> {
  const given = record('optimization', options)
  requireKnown(given, known)
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
    ...ringOf(given['workersPerTrial'] ?? 1),
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

function ringOf(value: unknown): { ring?: RingSettings } {
  const ring = workersPerTrial('workersPerTrial', value)
  return ring.workers.max === 1 ? {} : { ring }
}
