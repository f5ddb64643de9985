/** What came out of an experiment, as values: everything is a pure fold of the log, so it can be told with no driver running. */
import type {
  Ablated,
  Conclusion,
  Context,
  Counts,
  Hparams,
  LogEvent,
  Metrics,
  Objective,
  Problem,
  SearchSpace,
} from '../../protocol/index.ts'
import { ablationResult, type AblationResult } from '../ablation/index.ts'
import { mean } from '../statistics/index.ts'
import { apply, emptyHistory, isFinal, type ExperimentState, type History, type TrialState } from './fold.ts'

/** One trial; `H` is the type of its hparams. */
export interface TrialResult<H extends object = Hparams> {
  readonly trial: number
  readonly state: TrialState
  readonly hparams: H
  readonly seed: number
  /** What train returned; of a trial that was stopped, the last that it reported. null: not finite. */
  readonly metrics: Metrics
  readonly attempts: number
  /** The attempt that these metrics come from. */
  readonly attempt: number | null
  readonly worker: string | null
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly durationMs: number | null
  /** Where several workers train a trial together: how many at most; `attempts` counts each that joined. */
  readonly members?: number
  /** How many metric points it reported. */
  readonly points: number
  /** The trial whose checkpoint it continued. */
  readonly from?: number
  /** In an ablation: what it does without, and the parameters of its model. */
  readonly ablated?: Ablated
  readonly parameters?: number
  readonly problem?: Problem
}

/** An experiment and all its trials. */
export interface Result<H extends object = Hparams> {
  readonly experiment: string
  readonly name: string
  readonly contextName: string
  readonly state: ExperimentState
  readonly seed: number
  readonly objectives: readonly Objective[]
  readonly space: SearchSpace
  /** How many trials were asked for. */
  readonly wanted: number
  /** The names of the hparams that differ between trials: those of the search space. */
  readonly searched: readonly string[]
  readonly counts: Counts
  /** By the objective; ties go to the lower trial. null: no trial is done, or there are several objectives (see `pareto`). */
  readonly best: TrialResult<H> | null
  readonly worst: TrialResult<H> | null
  /** Of the first objective over the trials that are done. */
  readonly mean: number | null
  /** The done trials that no other one beats in every objective, by trial number. */
  readonly pareto: readonly TrialResult<H>[]
  /** The stop rule of the context that ended it before all its trials had run. */
  readonly conclusion?: Conclusion
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly durationMs: number | null
  /** The part of the time, from its first attempt to the end of its last, in which a slot had an attempt running. */
  readonly utilization: number | null
  readonly trials: readonly TrialResult<H>[]
  /** Of an ablation: the base, and each component against it. */
  readonly ablation?: AblationResult
  readonly problem?: Problem
}

/** Those hparams of a trial that a search chose, or all where nothing was left to choose. */
export function searchedHparams(result: Pick<Result, 'searched'>, trial: TrialResult): Hparams {
  if (result.searched.length === 0) return trial.hparams
  return Object.fromEntries(Object.entries(trial.hparams).filter(([name]) => result.searched.includes(name)))
}

/** The result of a whole log. */
export function resultOf(experiment: string, events: Iterable<LogEvent>): Result {
  const history = emptyHistory(experiment)
  for (const event of events) apply(history, event)
  return summarize(history)
}

/** One trial as far as the history goes, at a cost that does not grow with the experiment. */
export function trialResult(history: History, trial: number): TrialResult | undefined {
  const known = history.trials.get(trial)
  if (known === undefined) return undefined
  const { spent: _, out: __, problem, fidelity, ablated, parameters, members, ...rest } = known
  const { budget, from } = fidelity ?? {}
  return {
    ...rest,
    hparams: {
      ...history.submission?.context.hparams,
      ...known.hparams,
      ...(budget === undefined ? {} : { budget }),
    },
    durationMs: known.startedAt === null || known.endedAt === null ? null : known.endedAt - known.startedAt,
    ...(from === undefined || from === null ? {} : { from }),
    ...(ablated === undefined ? {} : { ablated }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(members === undefined ? {} : { members }),
    ...(problem === undefined ? {} : { problem }),
  }
}

/** The result as far as the history goes. */
export function summarize(history: History): Result {
  const over = history.state === 'done' || history.state === 'stopped' || history.state === 'failed'
  const trials: TrialResult[] = []
  for (const { trial } of [...history.trials.values()].sort((a, b) => a.trial - b.trial)) {
    const result = trialResult(history, trial)
    if (result === undefined) continue
    // What was still open when the experiment ended will not be run, unless it is resumed.
    trials.push(over && !isFinal(result.state) ? { ...result, state: 'cancelled' } : result)
  }
  const { submission } = history
  const objectives = submission?.context.objectives ?? []
  const ranked = rank(trials, objectives)
  const single = objectives.length === 1
  return {
    experiment: history.experiment,
    name: submission?.name ?? history.experiment,
    contextName: submission?.contextName ?? '',
    state: history.state,
    seed: submission?.context.seed ?? 0,
    objectives,
    space: submission?.context.kind === 'optimization' ? submission.context.space : {},
    wanted: submission?.context.trials ?? trials.length,
    searched: searchedIn(submission?.context),
    counts: count(trials),
    best: single ? (ranked[0] ?? null) : null,
    worst: single ? (ranked.at(-1) ?? null) : null,
    mean: meanOf(trials, objectives[0]),
    pareto: paretoFront(ranked, objectives),
    ...(history.conclusion === null ? {} : { conclusion: history.conclusion }),
    startedAt: history.startedAt,
    endedAt: history.endedAt,
    durationMs: history.startedAt === null || history.endedAt === null ? null : history.endedAt - history.startedAt,
    utilization: utilization(history),
    trials,
    ...ablationIn(submission?.context, trials),
    ...(history.problem === undefined ? {} : { problem: history.problem }),
  }
}

function searchedIn(context: Context | undefined): string[] {
  return context?.kind === 'optimization' ? Object.keys(context.space) : []
}

function ablationIn(context: Context | undefined, trials: readonly TrialResult[]): { ablation?: AblationResult } {
  const [objective] = context?.objectives ?? []
  if (context?.kind !== 'ablation' || objective === undefined) return {}
  return { ablation: ablationResult(trials, context.components, objective, context.repeats, context.impossible) }
}

/** The done trials whose objectives are all finite, best first by the first objective, ties by trial number. */
export function rank<H extends object>(
  trials: readonly TrialResult<H>[],
  objectives: readonly Objective[],
): TrialResult<H>[] {
  const [first] = objectives
  if (first === undefined) return []
  return trials
    .filter((trial) => trial.state === 'done' && objectives.every(({ metric }) => finite(trial.metrics[metric])))
    .sort((a, b) => loss(a, first) - loss(b, first) || a.trial - b.trial)
}

/** The value of an objective, turned so that less is better. */
function loss(trial: { readonly metrics: Metrics }, { metric, direction }: Objective): number {
  const value = trial.metrics[metric] ?? NaN
  return direction === 'minimize' ? value : -value
}

function finite(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function meanOf(trials: readonly TrialResult[], objective: Objective | undefined): number | null {
  if (objective === undefined) return null
  const values = trials
    .filter(({ state }) => state === 'done')
    .map(({ metrics }) => metrics[objective.metric])
    .filter(finite)
  return values.length === 0 ? null : mean(values)
}

function paretoFront(ranked: readonly TrialResult[], objectives: readonly Objective[]): TrialResult[] {
  if (objectives.length === 1) return ranked.slice(0, 1)
  const beats = (a: TrialResult, b: TrialResult): boolean =>
    objectives.every((objective) => loss(a, objective) <= loss(b, objective)) &&
    objectives.some((objective) => loss(a, objective) < loss(b, objective))
  return ranked.filter((trial) => !ranked.some((other) => beats(other, trial))).sort((a, b) => a.trial - b.trial)
}

function count(trials: readonly TrialResult[]): Counts {
  const counts = { queued: 0, running: 0, done: 0, pruned: 0, failed: 0, cancelled: 0 }
  for (const { state } of trials) counts[state] += 1
  return counts
}

function utilization(history: History): number | null {
  let busy = 0
  let span = 0
  for (const slot of history.slots.values()) {
    busy += slot.busyMs
    span += slot.last - slot.first
  }
  return span > 0 ? busy / span : null
}
