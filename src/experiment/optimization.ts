/** The optimization context: what a user writes, checked at once, in the form that travels. */
import {
  type Hparams,
  type Objective,
  type OptimizationContext,
  type Plugin,
  type RingSettings,
  type SearchSpace,
  type StopRule,
} from '../../protocol/index.ts'
import { fixedTo, validateSearchSpace } from '../space/index.ts'
import type { ContextOf, Space, ValuesOf } from './definition.ts'
import { limitsFrom, withLimits } from '../pareto/index.ts'
import { madeContext } from './faulty-context.ts'
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
import { optunaOption, trialsOfStudy } from './optuna-study.ts'
import { warmStart } from './warm-start.ts'

interface Common<S extends Space, H extends object> extends PolicyOptions {
  /** The optimizer that suggests: the name of one that runs on the bus. Default: auto. */
  readonly optimizer?: PluginOption
  /** The search space. */
  readonly space: S
  /** How many trials; with `repeats`, how many configurations. */
  readonly trials: number
  /**
   * Each configuration is tried in so many trials, repeat r of each with the same seed as repeat r of all others. The optimizer sees the
   * mean (and its standard error), pruners compare a repeat with the same repeat of others, and the best is the one with the best mean. A
   * repeat that is pruned or fails takes its configuration with it. Default: 1.
   */
  readonly repeats?: number
  /**
   * When it is over sooner, and done: after so many milliseconds (`afterMs`), at a value of the first objective that is good enough
   * (`target`), or after so many trials in a row that brought nothing better (`withoutImprovement`). Trials under way are cancelled.
   */
  readonly stop?: {
    readonly afterMs?: number
    readonly target?: number
    readonly withoutImprovement?: number
  }
  /**
   * What numbers that train returns must keep: `['memory <= 2e9', 'recall >= 0.9']`. A trial that breaks one is never the best, and
   * teaches the optimizer where not to go. train must return these numbers beside the objectives.
   */
  readonly constraints?: readonly string[]
  /**
   * The pruner that stops hopeless trials early: a built-in, or `{ name, served: true }` for one that `servePruner` runs. Default: all
   * trials run to their end; where the optimizer is `auto` and trials report the objective on the way, a note proposes `pruner: 'auto'`,
   * which stops a trial when other trials' curves say that it will come to nothing. 'none': all run to their end, and nothing is proposed.
   */
  readonly pruner?: PluginOption | null
  /**
   * Hparams that are tried first, in this order. The optimizer fills in what an entry leaves out: it suggests a point of the space that
   * has the values which the entry gives. They count among the trials, so there may be no more of them than trials.
   */
  readonly enqueue?: readonly NoInfer<Partial<ValuesOf<S>>>[]
  /**
   * Earlier experiments for the optimizer to learn from: a result of `lagom`, or hparams and metrics. Trials whose hparams are not in
   * this space, those that are not done, and those without the metric, or without a number that a constraint needs, are left out: the run
   * says how many are of use. What is there besides the space's parameters is dropped. `{ optuna: FILE }` reads a journal of Optuna's, seen
   * from the folder in which the run is started; `study` says which of several studies in it. What constraints need is a user attribute
   * there.
   */
  readonly warmStart?:
    | { readonly trials: readonly EarlierTrial[] }
    | readonly EarlierTrial[]
    | { readonly optuna: string; readonly study?: string }
  /** Given to every trial beside what is suggested. */
  readonly hparams?: H
  /** A whole number; default 0, never taken from the clock: the same search twice gives the same suggestions. */
  readonly seed?: number
  /**
   * Other optimizers, at most 4, that are asked the same questions on the side. What they propose is kept and not tried: it costs no
   * trial, and nobody waits for them. `maggy show` compares them (`result.shadow`).
   */
  readonly shadow?: readonly PluginOption[]
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
  'repeats',
  'stop',
  ...objectiveKeys,
  'constraints',
  'pruner',
  'hparams',
  'enqueue',
  'warmStart',
  'seed',
  'shadow',
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
  return madeContext('optimization', () => ({ kind: 'optimization', context: contextFrom(options) }))
}

function contextFrom(options: object): OptimizationContext {
  const given = record('optimization', options)
  requireKnown(given, known)
  const space = validateSearchSpace(given['space'])
  const trials = whole('trials', given['trials'], 1)
  const aims = withLimits(objectives(given), limitsFrom(given['constraints'], invalid))
  const repeats = whole('repeats', given['repeats'] ?? 1, 1)
  if (repeats > mostRepeats) throw invalid('repeats', `is ${repeats}; ${mostRepeats} are the most`)
  const rings = ringOf(given['workersPerTrial'] ?? 1)
  if (rings.ring !== undefined && given['retry'] !== undefined) {
    throw invalid('retry', 'stands beside workersPerTrial: what throws on one worker of a ring throws on all')
  }
  const optimizer = plugin('optimizer', given['optimizer'] ?? 'auto')
  return {
    kind: 'optimization',
    optimizer,
    pruner: given['pruner'] === undefined || given['pruner'] === null ? null : plugin('pruner', given['pruner']),
    space,
    trials,
    ...(repeats === 1 ? {} : { repeats }),
    ...(given['stop'] === undefined ? {} : { stop: stopRule(given['stop']) }),
    objectives: aims,
    hparams: hparams(given['hparams'] ?? {}, space),
    seed: whole('seed', given['seed'] ?? 0, 0),
    ...(given['enqueue'] === undefined ? {} : { enqueue: enqueued(given['enqueue'], space, trials) }),
    ...knownBefore(given['warmStart'], space, aims),
    ...(given['shadow'] === undefined ? {} : { shadow: shadows(given['shadow']) }),
    policy: policy(given),
    ...rings,
  }
}

/** The fixed parts of the first trials. Each entry is a part of some point of the space, or all of it. */
function enqueued(value: unknown, space: SearchSpace, trials: number): Hparams[] {
  if (!Array.isArray(value)) throw invalid('enqueue', 'is not a list of hparams')
  if (value.length > trials) {
    throw invalid('enqueue', `has ${value.length} entries, more than there are trials, which are ${trials}`)
  }
  return value.map((hparams: unknown, index) => {
    const made = fixedTo(space, hparams, `enqueue[${index}]`)
    if (made.kind === 'fault') throw invalid(made.fault.path, made.fault.reason)
    return { ...(hparams as Hparams) }
  })
}

const mostShadows = 4
const mostRepeats = 256

function shadows(value: unknown): Plugin[] {
  if (!Array.isArray(value)) throw invalid('shadow', `is ${show(value)}, not a list of optimizers`)
  if (value.length > mostShadows) throw invalid('shadow', `has ${value.length} entries; ${mostShadows} are the most`)
  const named = value.map((one: unknown, index) => plugin(`shadow[${index}]`, one))
  const twice = named.findIndex(({ name }, index) => named.findIndex((each) => each.name === name) < index)
  if (twice >= 0) throw invalid(`shadow[${twice}]`, `is ${show(named[twice]?.name)}, which stands there already`)
  return named
}

function knownBefore(
  given: unknown,
  space: SearchSpace,
  of: readonly Objective[],
): Pick<OptimizationContext, 'warmStart' | 'notes'> {
  if (given === undefined) return {}
  const study = optunaOption(given)
  // Whoever defines an experiment is loaded by every runner too, where the file is of no use and need not be.
  if (study !== undefined && isRunner()) return {}
  const { trials, note } = warmStart(study === undefined ? given : trialsOfStudy(study, of), space, of)
  return { warmStart: [...trials], notes: [note] }
}

const isRunner = () => Symbol.for('maggy.runner') in globalThis

/** Throws CONTEXT_INVALID. */
export function stopRule(value: unknown): StopRule {
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
