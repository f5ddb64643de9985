/** The ablation context: what a user writes, checked at once, in the form that travels. */
import type { AblationContext, Hparams } from '../../protocol/index.ts'
import { builtinAblators, studyOf, type StudyBuilder } from '../ablation/index.ts'
import type { ContextOf } from './definition.ts'
import { madeContext } from './faulty-context.ts'
import {
  hparams,
  invalid,
  objectiveKeys,
  objectives,
  plugin,
  policy,
  policyKeys,
  record,
  requireKnown,
  whole,
  type ObjectiveOptions,
  type PluginOption,
  type PolicyOptions,
} from './options.ts'

interface Common<H extends object> extends PolicyOptions {
  /** The ablator that says which component is left out next: the name of one that runs on the bus. Default: loco. */
  readonly ablator?: PluginOption
  /** The components to leave out: `study().features(…).layers(…)`, or its JSON form. */
  readonly study: StudyBuilder | StudyBuilder['study']
  /** Given to every trial: typically `fromBest(result)` of an optimization. Default: the definition's own. */
  readonly hparams?: H
  /** Trials of the base and of each component, each repeat with a seed of its own. Default: 1, which shows no error bars. */
  readonly repeats?: number
  /** The pruner that stops hopeless trials early. Default: none, for trials that were stopped early cannot be compared. */
  readonly pruner?: PluginOption | null
  /** At most so many trials. Default: as many as the ablator wants. */
  readonly trials?: number
  /** A whole number; default 0, never taken from the clock. */
  readonly seed?: number
}

export type AblationOptions<H extends object> = Common<H> & ObjectiveOptions

const known = ['ablator', 'study', 'hparams', 'repeats', ...objectiveKeys, 'pruner', 'trials', 'seed', ...policyKeys]
/** Of an ablator that this process does not know. */
const manyTrials = 10_000

/**
 * Ablate: the training function without one component at a time. Throws CONTEXT_INVALID or STUDY_INVALID with the path of the
 * fault; names are looked up when the experiment is run, before its first trial.
 */
export function ablation<H extends object = object>(options: AblationOptions<H>): ContextOf<H> {
  return madeContext('ablation', () => ({ kind: 'ablation', context: contextFrom(options) }))
}

function contextFrom(options: object): AblationContext {
  const given = record('ablation', options)
  requireKnown(given, known)
  const { pruner = null } = given
  const ablator = plugin('ablator', given['ablator'] ?? 'loco')
  const repeats = whole('repeats', given['repeats'] ?? 1, 1)
  // A built-in refuses options that it does not have at once.
  builtinAblators
    .get(ablator.name)
    ?.create({ components: [], repeats, objectives: [], options: ablator.options, seed: 0 })
  return {
    kind: 'ablation',
    ablator,
    study: studyOf(given['study']),
    components: [],
    repeats,
    pruner: pruner === null ? null : plugin('pruner', pruner),
    trials: whole('trials', given['trials'] ?? manyTrials, 1),
    objectives: objectives(given),
    hparams: hparams(given['hparams'] ?? {}, {}),
    seed: whole('seed', given['seed'] ?? 0, 0),
    policy: policy(given),
  }
}

/** The hparams of an optimization's best trial, for an ablation to start from. Throws CONTEXT_INVALID if no trial is done. */
export function fromBest<H extends object = Hparams>(result: {
  readonly experiment: string
  readonly best: { readonly hparams: H } | null
}): H {
  if (result.best === null)
    throw invalid('hparams', `are taken from the best trial of ${result.experiment}, which has none`)
  return result.best.hparams
}
