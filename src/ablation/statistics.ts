/**
 * What an ablation came to: the base, and each component against it.
 * The test is Welch's t-test (unequal variances; Welch 1947), two-sided, and its p-values are corrected for the number of
 * comparisons by Holm's step-down method (Holm 1979). Trials of one repeat share their seed; where that makes them alike, the test
 * errs towards finding no difference.
 */
import type { Ablated, Component, Direction, Metrics, Objective } from '../../protocol/index.ts'
import { criticalT, twoSided } from './student.ts'

/** A trial as the statistics need it. */
export interface AblationTrial {
  readonly trial: number
  readonly state: string
  readonly metrics: Metrics
  readonly durationMs: number | null
  readonly ablated?: Ablated | undefined
  readonly parameters?: number | undefined
  readonly problem?: { readonly code: string; readonly message: string } | undefined
}

/** The repeats of one removal. */
export interface Group {
  /** What it does without; empty: the base. */
  readonly without: readonly string[]
  readonly trials: readonly number[]
  /** Trials that are done, and those that ended otherwise. */
  readonly done: number
  readonly failed: number
  /** The objective over the trials that are done; null: none is. */
  readonly mean: number | null
  /** Sample standard deviation over the repeats; null: fewer than two. */
  readonly spread: number | null
  /** Of the model; null: train asked for none. */
  readonly parameters: number | null
  /** Mean training time. */
  readonly durationMs: number | null
  /** Why it failed, if it did. */
  readonly problem: { readonly code: string; readonly message: string } | null
}

/** A removal against the base. */
export interface Comparison extends Group {
  /** Mean minus the base's mean, in units of the metric. */
  readonly delta: number | null
  /** delta as a part of the base's absolute mean. */
  readonly relative: number | null
  /** Half the width of the 95 % confidence interval of delta (Welch); null: fewer than two repeats of either. */
  readonly error: number | null
  /** Two-sided, before and after the correction; null: nothing to test (fewer than two repeats, or no spread at all). */
  readonly p: number | null
  readonly pHolm: number | null
  /** Leaving it out made the objective worse (better), and that differs from the base at 5 %. */
  readonly verdict: 'worse' | 'better' | 'no difference shown' | 'failed'
  readonly parametersSaved: number | null
  readonly timeSavedMs: number | null
  /** Of a pair: its delta minus the deltas of its two alone. */
  readonly interaction: number | null
}

export interface AblationResult {
  readonly metric: string
  readonly direction: Direction
  readonly test: string
  readonly repeats: number
  readonly base: Group
  /** What is missed most comes first; what failed comes last. */
  readonly components: readonly Comparison[]
}

const level = 0.05

/** Pure: the same trials give the same result. */
export function ablationResult(
  trials: readonly AblationTrial[],
  components: readonly Component[],
  objective: Objective,
  repeats: number,
): AblationResult {
  const { metric, direction } = objective
  const groups = grouped(trials)
  const base = groupOf([], groups.get('[]') ?? [], metric)
  const order = new Map(components.map(({ name }, index) => [name, index]))
  groups.delete('[]')
  const singles = new Map<string, number | null>()
  const compared = [...groups.values()].map((group) => {
    const without = (group[0]?.ablated?.components ?? []).map(({ name }) => name)
    const comparison = compare(
      groupOf(without, group, metric),
      base,
      valuesOf(group, metric),
      baseValues(trials, metric),
    )
    if (without.length === 1) singles.set(without[0] ?? '', comparison.delta)
    return comparison
  })
  const corrected = holm(compared.map(({ p }) => p))
  const judged = compared.map((one, index): Comparison => {
    const pHolm = corrected[index] ?? null
    return { ...one, pHolm, verdict: verdictOf(one, pHolm, direction), interaction: interactionOf(one, singles) }
  })
  const missed = ({ delta }: Comparison) => (delta === null ? -Infinity : direction === 'minimize' ? delta : -delta)
  const place = ({ without }: Comparison) => order.get(without[0] ?? '') ?? 0
  judged.sort((a, b) => (missed(a) === missed(b) ? place(a) - place(b) : missed(b) - missed(a)))
  const test = 'Welch’s t-test, two-sided, Holm-corrected'
  return { metric, direction, test, repeats, base, components: judged }
}

function grouped<T extends AblationTrial>(trials: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const trial of trials) {
    if (trial.ablated === undefined) continue
    const key = JSON.stringify(trial.ablated.components.map(({ name }) => name).sort())
    groups.set(key, [...(groups.get(key) ?? []), trial])
  }
  return groups
}

const baseValues = (trials: readonly AblationTrial[], metric: string) =>
  valuesOf(
    trials.filter(({ ablated }) => ablated?.components.length === 0),
    metric,
  )

function valuesOf(trials: readonly AblationTrial[], metric: string): number[] {
  return trials
    .filter(({ state }) => state === 'done')
    .map(({ metrics }) => metrics[metric])
    .filter((value): value is number => typeof value === 'number' && Number.isFinite(value))
}

function groupOf(without: readonly string[], trials: readonly AblationTrial[], metric: string): Group {
  const values = valuesOf(trials, metric)
  const over = trials.filter(({ state }) => state === 'failed' || state === 'pruned' || state === 'cancelled')
  const done = trials.filter(({ state }) => state === 'done')
  const durations = done.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs]))
  const fault = trials.find(({ problem }) => problem !== undefined)?.problem
  return {
    without,
    trials: trials.map(({ trial }) => trial),
    done: done.length,
    failed: over.length,
    mean: meanOf(values),
    spread: values.length < 2 ? null : Math.sqrt(varianceOf(values)),
    parameters: done.find(({ parameters }) => parameters !== undefined)?.parameters ?? null,
    durationMs: meanOf(durations),
    problem: fault === undefined ? null : { code: fault.code, message: fault.message },
  }
}

function compare(
  group: Group,
  base: Group,
  values: readonly number[],
  ofBase: readonly number[],
): Omit<Comparison, 'pHolm' | 'verdict' | 'interaction'> {
  const delta = group.mean === null || base.mean === null ? null : group.mean - base.mean
  const saved = (of: number | null, mine: number | null) => (of === null || mine === null ? null : of - mine)
  const tested = welch(values, ofBase)
  return {
    ...group,
    delta,
    relative: delta === null || base.mean === null || base.mean === 0 ? null : delta / Math.abs(base.mean),
    error: tested?.error ?? null,
    p: tested?.p ?? null,
    parametersSaved: saved(base.parameters, group.parameters),
    timeSavedMs: saved(base.durationMs, group.durationMs),
  }
}

/** Welch's t-test with the Welch-Satterthwaite degrees of freedom; undefined where there is nothing to test. */
export function welch(a: readonly number[], b: readonly number[]): { p: number | null; error: number } | undefined {
  if (a.length < 2 || b.length < 2) return undefined
  const [ofA, ofB] = [varianceOf(a) / a.length, varianceOf(b) / b.length]
  const squared = ofA + ofB
  if (squared === 0) return { p: null, error: 0 }
  const freedom = squared ** 2 / (ofA ** 2 / (a.length - 1) + ofB ** 2 / (b.length - 1))
  const t = ((meanOf(a) ?? 0) - (meanOf(b) ?? 0)) / Math.sqrt(squared)
  return { p: twoSided(t, freedom), error: criticalT(level, freedom) * Math.sqrt(squared) }
}

/** Holm's step-down correction: each p is multiplied by the number of those not smaller, and never falls below one before it. */
export function holm(values: readonly (number | null)[]): (number | null)[] {
  const sorted = values
    .flatMap((p, index) => (p === null ? [] : [{ p, index }]))
    .sort((a, b) => a.p - b.p || a.index - b.index)
  const corrected: (number | null)[] = values.map(() => null)
  let floor = 0
  for (const [rank, { p, index }] of sorted.entries()) {
    floor = Math.max(floor, Math.min(1, p * (sorted.length - rank)))
    corrected[index] = floor
  }
  return corrected
}

function verdictOf(
  { delta }: Pick<Comparison, 'delta'>,
  pHolm: number | null,
  direction: Direction,
): Comparison['verdict'] {
  if (delta === null) return 'failed'
  if (pHolm === null || pHolm > level) return 'no difference shown'
  return delta > 0 === (direction === 'maximize') ? 'better' : 'worse'
}

function interactionOf(
  { without, delta }: Pick<Comparison, 'without' | 'delta'>,
  singles: ReadonlyMap<string, number | null>,
): number | null {
  if (without.length !== 2 || delta === null) return null
  const [first, second] = without.map((name) => singles.get(name) ?? null)
  return typeof first === 'number' && typeof second === 'number' ? delta - first - second : null
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Unbiased. */
function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values) ?? 0
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}
