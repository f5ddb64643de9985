/** The result of an experiment, as values: all of it is in the log (src/history), so it can be told with no driver running. */
import {
  own,
  type Ablated,
  type Conclusion,
  type Context,
  type Counts,
  type Fidelity,
  type Hparams,
  type LogEvent,
  type Metrics,
  type Objective,
  type Bundle,
  type Problem,
  type Provenance,
  type SearchSpace,
} from '../../protocol/index.ts'
import { ablationResult, type AblationResult } from '../ablation/index.ts'
import { mean } from '../statistics/index.ts'
import { Reading, type History, type ExperimentState, type Remark, type TrialState } from '../history/index.ts'
import type { Artifact } from './artifacts.ts'
import { brokenBy, limitsOf, limitText, lossesOf, lossOf, undominated } from '../pareto/index.ts'
import { compareShadows, type ShadowComparison } from '../shadow/index.ts'

/** One trial; `H` is the type of its hparams. */
export interface TrialResult<H extends object = Hparams> {
  readonly trial: number
  readonly state: TrialState
  readonly hparams: H
  readonly seed: number
  /** The value that train returned; of a trial that was stopped, its last report. null: not finite. */
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
  /** Where configurations are tried several times: which one it tries, and which of its repeats it is, both from 0. */
  readonly configuration?: number
  readonly repeat?: number
  /** Of a trial that stands for its configuration: the standard errors of its metrics, which are means then. */
  readonly errors?: Metrics
  readonly problem?: Problem
  /** The constraints that it breaks: `['memory <= 2000']`. Left out where it keeps all, or is not done. */
  readonly breaks?: readonly string[]
  /** Its artifacts by name, of the attempt that counts. Left out if there is none. */
  readonly artifacts?: readonly Artifact[]
}

/** The host of a worker. */
interface WorkerRecord {
  readonly worker: string
  readonly host: string
  readonly backend: string
  readonly versions: Readonly<Record<string, string>>
}

/** hparams that were tried in several trials, each with a seed of its own. */
export interface ConfigurationResult<H extends object = Hparams> {
  readonly configuration: number
  /** pending: a trial of it has not ended. */
  readonly state: TrialState | 'pending'
  readonly hparams: H
  /** The numbers of its trials. */
  readonly trials: readonly number[]
  /** Of one that is done, means over its trials; of one that was pruned, the last that its pruned trial reported. */
  readonly metrics: Metrics
  /** The standard errors of these means. */
  readonly errors: Metrics
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
  /** Of a search: the name of its optimizer, as it was submitted. */
  readonly optimizer?: string
  /** How many trials were asked for, repeats among them. */
  readonly wanted: number
  /** The names of the hparams that differ between trials: those of the search space. */
  readonly searched: readonly string[]
  readonly counts: Counts
  /**
   * By the objective; ties go to the lower trial. Where configurations are tried several times: the trial that stands for the one with
   * the best mean, with the means as its metrics. null: no trial is done, or there are several objectives (see `pareto`). */
  readonly best: TrialResult<H> | null
  /** The stop rule of the context that ended it before all its trials had run. */
  readonly conclusion?: Conclusion
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly durationMs: number | null
  /** The part of the time, from its first attempt to the end of its last, in which a slot had an attempt running. */
  readonly utilization: number | null
  readonly problem?: Problem
  /** Notes for people, a sentence each: the optimizer's on its choices, what a pruner lacks. Left out if there is none. */
  readonly notes?: readonly string[]
  /** The code of what an actor of the user's did wrong without ending the experiment: PRUNER_MISBEHAVED. */
  readonly misbehaved?: string
  /** Its log has places at which events are missing: what is told here is what is left. `events`: how many at least. */
  readonly holes?: { readonly places: number; readonly events: number }
  /** In alphabetical order. Left out if there is none; `pinned` survives all retention. */
  readonly tags?: readonly string[]
  /** The user's own notes. Left out if there is none. */
  readonly remarks?: readonly Remark[]
  /** The code that was run, and where it was submitted from. */
  readonly bundle?: Bundle
  readonly provenance?: Provenance
  /** The workers that had trials of it. Left out by logs from before 0.2. */
  readonly workers?: readonly WorkerRecord[]
  /** Its removal has begun, and was interrupted or goes on. */
  readonly removing?: true
}

/** An experiment and all its trials. */
export interface Result<H extends object = Hparams> extends Outline<H> {
  readonly worst: TrialResult<H> | null
  /** Of the first objective, over all that `best` and `worst` are chosen from: what broke a constraint is not among them. */
  readonly mean: number | null
  /** The done trials that no other one beats in every objective, by trial number. */
  readonly pareto: readonly TrialResult<H>[]
  readonly trials: readonly TrialResult<H>[]
  /** Where configurations are tried several times. */
  readonly configurations?: readonly ConfigurationResult<H>[]
  /** Where there are constraints: how many of the trials that are done keep all of them, and how many break each. */
  readonly constraints?: { readonly kept: number; readonly broken: Readonly<Record<string, number>> }
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
  const { seed = 0, metrics, problem, fidelity, ablated } = context
  const { from } = fidelity ?? {}
  const members = history.records.generations.mostMembers(trial)
  const { repeats } = history
  return {
    trial,
    ...rest,
    seed,
    metrics,
    startedAt,
    endedAt,
    hparams: hparamsOf(history, context),
    durationMs: startedAt === null || endedAt === null ? null : endedAt - startedAt,
    ...(from === undefined || from === null ? {} : { from }),
    ...(ablated === undefined ? {} : { ablated }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(members === undefined ? {} : { members }),
    ...(repeats === 1 ? {} : { configuration: history.configurationOf(trial), repeat: trial % repeats }),
    ...(problem === null ? {} : { problem }),
    ...breaksOf(known.state, metrics, history.submission.context.objectives),
    ...artifactsOf(history.artifacts(trial)),
  }
}

/** As train gets them: with those that the context fixed, and the budget that a scheduler gave. */
function hparamsOf(
  history: History,
  { hparams, fidelity }: { readonly hparams: Hparams; readonly fidelity?: Fidelity | undefined },
): Hparams {
  const { budget } = fidelity ?? {}
  return { ...history.submission.context.hparams, ...hparams, ...(budget === undefined ? {} : { budget }) }
}

function breaksOf(state: TrialState, metrics: Metrics, objectives: readonly Objective[]): { breaks?: string[] } {
  const breaks = state === 'done' ? brokenBy(metrics, limitsOf(objectives)) : []
  return breaks.length === 0 ? {} : { breaks }
}

function constraintsOf(trials: readonly TrialResult[], objectives: readonly Objective[]): Pick<Result, 'constraints'> {
  const limits = limitsOf(objectives).map(limitText)
  if (limits.length === 0) return {}
  const done = trials.filter(({ state }) => state === 'done')
  const broken = limits.map(
    (limit) => [limit, done.filter(({ breaks = [] }) => breaks.includes(limit)).length] as const,
  )
  const kept = done.filter(({ breaks }) => breaks === undefined).length
  return { constraints: { kept, broken: Object.fromEntries(broken) } }
}

function artifactsOf(records: readonly Artifact[]): { artifacts?: readonly Artifact[] } {
  if (records.length === 0) return {}
  return {
    artifacts: records.map(({ name, kind, bytes, sha256, upload, attempt, at }) => ({
      name,
      kind,
      bytes,
      sha256,
      upload,
      attempt,
      at,
    })),
  }
}

/** The experiment as far as the log goes, without its trials. */
export function outlineOf(reading: Reading): Outline {
  const { history, order, startedAt, endedAt, state } = reading
  const submission = history?.submission
  const context = submission?.context
  const best = history?.best ?? null
  const { concluded = null, problem = null } = history?.lifecycle ?? {}
  const misbehaved = history?.records.notes.misbehaved
  return {
    experiment: reading.experiment,
    name: submission?.name ?? reading.experiment,
    contextName: submission?.contextName ?? '',
    state,
    seed: context?.seed ?? 0,
    objectives: context?.objectives ?? [],
    space: context?.kind === 'optimization' ? context.space : {},
    ...(context?.kind === 'optimization' ? { optimizer: context.optimizer.name } : {}),
    wanted: history?.lifecycle.target ?? 0,
    searched: searchedIn(context),
    counts: history?.tally ?? { queued: 0, running: 0, done: 0, pruned: 0, failed: 0, cancelled: 0 },
    best: best === null ? null : (standingFor(reading, best.trial) ?? null),
    ...(concluded === null ? {} : { conclusion: concluded }),
    startedAt,
    endedAt,
    durationMs: startedAt === null || endedAt === null ? null : endedAt - startedAt,
    utilization: reading.slots.utilization,
    ...(problem === null ? {} : { problem }),
    ...(history === null || history.notes.length === 0 ? {} : { notes: history.notes }),
    ...(misbehaved === undefined ? {} : { misbehaved }),
    ...(order.holes === 0 ? {} : { holes: { places: order.holes, events: order.missing } }),
    ...(history === null ? {} : recordsOf(history)),
  }
}

/** Data kept with an experiment for people who ask later. */
function recordsOf({ submission, records }: History): Partial<Outline> {
  const { annotations, workers, removing } = records
  const { tags, remarks } = annotations
  const { bundle, provenance } = submission
  const known = [...workers].map(([worker, record]) => ({ worker, ...record }))
  return {
    ...(tags.length === 0 ? {} : { tags }),
    ...(remarks.length === 0 ? {} : { remarks: [...remarks] }),
    ...(bundle === undefined ? {} : { bundle }),
    ...(provenance === undefined ? {} : { provenance }),
    ...(known.length === 0 ? {} : { workers: known }),
    ...(removing ? { removing } : {}),
  }
}

/** The result as far as the log goes. */
export function summarize(reading: Reading): Result {
  const outline = outlineOf(reading)
  const { objectives } = outline
  const numbers = [...(reading.history?.trials.keys() ?? [])].sort((a, b) => a - b)
  const trials = numbers.flatMap((trial) => trialResult(reading, trial) ?? [])
  const configurations = configurationsOf(reading)
  const ranked = rank(configurations === undefined ? trials : representatives(reading), objectives)
  return {
    ...outline,
    worst: objectives.length === 1 ? (ranked.at(-1) ?? null) : null,
    mean: meanOf(ranked, objectives[0]),
    pareto: paretoFront(ranked, objectives),
    trials,
    ...(configurations === undefined ? {} : { configurations }),
    ...constraintsOf(trials, objectives),
    ...ablationOf(reading, trials),
    ...shadowOf(reading),
  }
}

/** A trial, or, where configurations are tried several times, one with what its configuration came to. */
function standingFor(reading: Reading, trial: number): TrialResult | undefined {
  const result = trialResult(reading, trial)
  const { history } = reading
  if (result === undefined || history === null || history.repeats === 1) return result
  const configuration = history.configuration(history.configurationOf(trial))
  return configuration === undefined
    ? result
    : { ...result, metrics: configuration.metrics, errors: configuration.errors }
}

/** Of each configuration that is done, the trial that stands for it. */
function representatives(reading: Reading): TrialResult[] {
  const { history } = reading
  if (history === null) return []
  return Array.from({ length: history.configurations }, (_, number) => history.configuration(number)).flatMap((one) =>
    one?.state === 'done' ? (standingFor(reading, history.ranking.standingFor(one)) ?? []) : [],
  )
}

function configurationsOf({ history }: Reading): ConfigurationResult[] | undefined {
  if (history === null || history.repeats === 1) return undefined
  return Array.from({ length: history.configurations }, (_, number) => history.configuration(number)).flatMap((one) => {
    if (one === undefined) return []
    const { configuration, state, metrics, errors, trials, spokesman } = one
    const hparams = hparamsOf(history, spokesman.context)
    return [{ configuration, state, hparams, trials: trials.map(({ context }) => context.trial), metrics, errors }]
  })
}

/** Of the optimizers that were asked on the side, where there are such and one objective. */
function shadowOf({ history }: Reading): { shadow?: ShadowComparison } {
  const context = history?.submission.context
  if (history === null || context?.kind !== 'optimization' || (context.shadow ?? []).length === 0) return {}
  const [objective, ...others] = context.objectives
  if (objective === undefined || others.length > 0) return {}
  const done = history
    .observations()
    .flatMap(({ trial, state, hparams, metrics }) => (state === 'done' ? [{ trial, hparams, metrics }] : []))
  const ran = context.optimizer.name
  return { shadow: compareShadows(context.space, objective, done, ran, history.records.proposals.byOptimizer) }
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

function meanOf(ranked: readonly TrialResult[], objective: Objective | undefined): number | null {
  if (objective === undefined || ranked.length === 0) return null
  return mean(ranked.map(({ metrics }) => Number(own(metrics, objective.metric))))
}

function paretoFront(ranked: readonly TrialResult[], objectives: readonly Objective[]): TrialResult[] {
  if (objectives.length === 1) return ranked.slice(0, 1)
  const front = undominated(ranked.map(({ metrics }) => objectives.map((objective) => lossOf(metrics, objective))))
  return front.flatMap((index) => ranked[index] ?? []).sort((a, b) => a.trial - b.trial)
}
