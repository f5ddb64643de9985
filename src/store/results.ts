/** What came out of an experiment, as values: all of it is in the log (src/history), so it can be told with no driver running. */
import {
  own,
  type Ablated,
  type Conclusion,
  type Context,
  type Counts,
  type Hparams,
  type LogEvent,
  type Metrics,
  type Objective,
  type Problem,
  type SearchSpace,
} from '../../protocol/index.ts'
import { ablationResult, type AblationResult } from '../ablation/index.ts'
import { mean } from '../statistics/index.ts'
import { Reading, type ExperimentState, type TrialState } from '../history/index.ts'
import { lossesOf, lossOf, undominated } from '../pareto/index.ts'
import { compareShadows, type ShadowComparison } from '../shadow/index.ts'

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

/** An experiment without its trials: what can be told at a cost that does not grow with their number. */
export interface Outline<H extends object = Hparams> {
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
  /** The stop rule of the context that ended it before all its trials had run. */
  readonly conclusion?: Conclusion
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly durationMs: number | null
  /** The part of the time, from its first attempt to the end of its last, in which a slot had an attempt running. */
  readonly utilization: number | null
  readonly problem?: Problem
  /** What people should know, a sentence each: what the optimizer says of its choices, what a pruner lacks. Left out if there is none. */
  readonly notes?: readonly string[]
  /** The code of what an actor of the user's did wrong without ending the experiment: PRUNER_MISBEHAVED. */
  readonly misbehaved?: string
  /** Its log has places at which events are missing: what is told here is what is left. `events`: how many at least. */
  readonly holes?: { readonly places: number; readonly events: number }
}

/** An experiment and all its trials. */
export interface Result<H extends object = Hparams> extends Outline<H> {
  readonly worst: TrialResult<H> | null
  /** Of the first objective over the trials that are done. */
  readonly mean: number | null
  /** The done trials that no other one beats in every objective, by trial number. */
  readonly pareto: readonly TrialResult<H>[]
  readonly trials: readonly TrialResult<H>[]
  /** Of an ablation: the base, and each component against it. */
  readonly ablation?: AblationResult
  /** How the optimizers that were asked on the side (`shadow`) compare with the one whose trials were run. */
  readonly shadow?: ShadowComparison
}

/** Those hparams of a trial that a search chose, or all where nothing was left to choose. */
export function searchedHparams(result: Pick<Outline, 'searched'>, trial: TrialResult): Hparams {
  if (result.searched.length === 0) return trial.hparams
  return Object.fromEntries(Object.entries(trial.hparams).filter(([name]) => result.searched.includes(name)))
}

/** The result of a whole log. */
export function resultOf(experiment: string, events: Iterable<LogEvent>): Result {
  const reading = new Reading(experiment)
  for (const event of events) reading.apply(event)
  return summarize(reading)
}

/** One trial as far as the log goes, at a cost that does not grow with the experiment. */
export function trialResult(reading: Reading, trial: number): TrialResult | undefined {
  const known = reading.trial(trial)
  const { history } = reading
  if (known === undefined || history === null) return undefined
  const { context, parameters, startedAt, endedAt, ...rest } = known
  const { hparams, seed = 0, metrics, problem, fidelity, ablated } = context
  const { budget, from } = fidelity ?? {}
  const members = history.members(trial)
  return {
    trial,
    ...rest,
    seed,
    metrics,
    startedAt,
    endedAt,
    hparams: { ...history.submission.context.hparams, ...hparams, ...(budget === undefined ? {} : { budget }) },
    durationMs: startedAt === null || endedAt === null ? null : endedAt - startedAt,
    ...(from === undefined || from === null ? {} : { from }),
    ...(ablated === undefined ? {} : { ablated }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(members === undefined ? {} : { members }),
    ...(problem === null ? {} : { problem }),
  }
}

/** The experiment as far as the log goes, without its trials. */
export function outlineOf(reading: Reading): Outline {
  const { history, order, startedAt, endedAt, state } = reading
  const submission = history?.submission
  const context = submission?.context
  const best = history?.best ?? null
  return {
    experiment: reading.experiment,
    name: submission?.name ?? reading.experiment,
    contextName: submission?.contextName ?? '',
    state,
    seed: context?.seed ?? 0,
    objectives: context?.objectives ?? [],
    space: context?.kind === 'optimization' ? context.space : {},
    wanted: context?.trials ?? 0,
    searched: searchedIn(context),
    counts: history?.tally ?? { queued: 0, running: 0, done: 0, pruned: 0, failed: 0, cancelled: 0 },
    best: best === null ? null : (trialResult(reading, best.trial) ?? null),
    ...(history === null || history.concluded === null ? {} : { conclusion: history.concluded }),
    startedAt,
    endedAt,
    durationMs: startedAt === null || endedAt === null ? null : endedAt - startedAt,
    utilization: reading.slots.utilization,
    ...(history === null || history.problem === null ? {} : { problem: history.problem }),
    ...(history === null || history.notes.length === 0 ? {} : { notes: history.notes }),
    ...(history?.misbehaved === undefined ? {} : { misbehaved: history.misbehaved }),
    ...(order.holes === 0 ? {} : { holes: { places: order.holes, events: order.missing } }),
  }
}

/** The result as far as the log goes. */
export function summarize(reading: Reading): Result {
  const outline = outlineOf(reading)
  const { objectives } = outline
  const numbers = [...(reading.history?.trials.keys() ?? [])].sort((a, b) => a - b)
  const trials = numbers.flatMap((trial) => trialResult(reading, trial) ?? [])
  const ranked = rank(trials, objectives)
  return {
    ...outline,
    worst: objectives.length === 1 ? (ranked.at(-1) ?? null) : null,
    mean: meanOf(trials, objectives[0]),
    pareto: paretoFront(ranked, objectives),
    trials,
    ...ablationOf(reading, trials),
    ...shadowOf(reading),
  }
}

/** Of the optimizers that were asked on the side, where there are such and one objective. */
function shadowOf({ history }: Reading): { shadow?: ShadowComparison } {
  const context = history?.submission.context
  if (history === null || context?.kind !== 'optimization' || (context.shadow ?? []).length === 0) return {}
  const [objective, ...others] = context.objectives
  if (objective === undefined || others.length > 0) return {}
  const done = [...history.trials].flatMap(([trial, { value, context: of }]) =>
    value === 'done' ? [{ trial, hparams: of.hparams, metrics: of.metrics }] : [],
  )
  const ran = history.optimizer?.name ?? context.optimizer.name
  return { shadow: compareShadows(context.space, objective, done, ran, history.proposals) }
}

function ablationOf(reading: Reading, trials: readonly TrialResult[]): { ablation?: AblationResult } {
  const context = reading.history?.submission.context
  const [objective] = context?.objectives ?? []
  if (context?.kind !== 'ablation' || objective === undefined) return {}
  return { ablation: ablationResult(trials, context.components, objective, context.repeats, context.impossible) }
}

function searchedIn(context: Context | undefined): string[] {
  return context?.kind === 'optimization' ? Object.keys(context.space) : []
}

/** The done trials whose objectives are all finite, best first by the first objective, ties by trial number. */
export function rank<H extends object>(
  trials: readonly TrialResult<H>[],
  objectives: readonly Objective[],
): TrialResult<H>[] {
  const [first] = objectives
  if (first === undefined) return []
  return trials
    .filter((trial) => trial.state === 'done' && lossesOf(trial.metrics, objectives) !== undefined)
    .sort((a, b) => lossOf(a.metrics, first) - lossOf(b.metrics, first) || a.trial - b.trial)
}

function meanOf(trials: readonly TrialResult[], objective: Objective | undefined): number | null {
  if (objective === undefined) return null
  const values = trials
    .filter(({ state }) => state === 'done')
    .map(({ metrics }) => own(metrics, objective.metric))
    .filter((value): value is number => typeof value === 'number' && Number.isFinite(value))
  return values.length === 0 ? null : mean(values)
}

function paretoFront(ranked: readonly TrialResult[], objectives: readonly Objective[]): TrialResult[] {
  if (objectives.length === 1) return ranked.slice(0, 1)
  const front = undominated(ranked.map(({ metrics }) => objectives.map((objective) => lossOf(metrics, objective))))
  return front.flatMap((index) => ranked[index] ?? []).sort((a, b) => a.trial - b.trial)
}
