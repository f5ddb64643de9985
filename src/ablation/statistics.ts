/**
 * The result of an ablation: the base, and each component compared with it.
 * The test is Welch's t-test (unequal variances; Welch 1947), two-sided, and its p-values are corrected for the number of
 * comparisons by Holm's step-down method (Holm 1979). Trials of one repeat share their seed; where that makes them alike, the test
 * errs towards finding no difference.
 */
import {
  own,
  type Ablated,
  type Component,
  type Direction,
  type Impossible,
  type Metrics,
  type Objective,
} from '../../protocol/index.ts'
import { criticalT, mean, twoSided } from '../statistics/index.ts'
import { timesOf, type Times } from './durations.ts'
import { finite, meanOf, sizeOf, spreadOf } from './moments.ts'

/** A trial as the statistics need it. */
export interface AblationTrial {
  readonly trial: number
  readonly state: string
  readonly metrics: Metrics
  readonly durationMs: number | null
  /** Where and when it ran: whether it warmed up its runner. Where this is not told, it did not. */
  readonly worker?: string | null
  readonly startedAt?: number | null
  readonly endedAt?: number | null
  readonly attempts?: number
  readonly ablated?: Ablated | undefined
  readonly parameters?: number | undefined
  readonly problem?: { readonly code: string; readonly message: string } | undefined
}

/** The repeats of one removal. */
export interface Group {
  /** The components that it does without; empty: the base. */
  readonly without: readonly string[]
  readonly trials: readonly number[]
  /** Trials that are done, and those that ended otherwise; a trial that was refused, for it is not possible, is neither. */
  readonly done: number
  readonly failed: number
  /** The objective over the trials that are done; null: none is. */
  readonly mean: number | null
  /** Sample standard deviation over the repeats; null: fewer than two. */
  readonly spread: number | null
  /** Of the model; null: train asked for none. */
  readonly parameters: number | null
  /** Mean training time: of trials in runners that were warm, if there are any. */
  readonly durationMs: number | null
  /** Why it failed or is not possible, if so. */
  readonly problem: Fault | null
}

interface Fault {
  readonly code: string
  readonly message: string
}

/** The result of a removal; `base failed` and `no base`: there is nothing to compare it with; `pending`: it has yet to end. */
type Verdict =
  'worse' | 'better' | 'no difference shown' | 'failed' | 'not possible' | 'base failed' | 'no base' | 'pending'

/** A removal against the base. */
export interface Comparison extends Group {
  /** Mean minus the base's mean, in units of the metric; null also where it is too large for a number. */
  readonly delta: number | null
  /** delta as a part of the base's absolute mean. */
  readonly relative: number | null
  /** Half the width of the 95 % confidence interval of delta (Welch); null: fewer than two repeats of either. */
  readonly error: number | null
  /** Two-sided, before and after the correction; null: nothing to test (fewer than two repeats, or no spread at all). */
  readonly p: number | null
  readonly pHolm: number | null
  /** Leaving it out made the objective worse (better), and that differs from the base at 5 %. */
  readonly verdict: Verdict
  /** Why there is nothing to compare it with. */
  readonly baseProblem: Fault | null
  readonly parametersSaved: number | null
  /** Warm runners against warm ones, or else fresh ones against fresh ones; null: there is but one of each kind. */
  readonly timeSavedMs: number | null
  /** Other differences of the model: a layer that had to begin anew, a state that was missing. */
  readonly notes: readonly string[]
  /** Of a pair: its delta minus the deltas of its two alone. */
  readonly interaction: number | null
}

export interface AblationResult {
  readonly metric: string
  readonly direction: Direction
  readonly test: string
  readonly repeats: number
  readonly base: Group
  /** The component that is missed most comes first; failed removals come last. */
  readonly components: readonly Comparison[]
}

const level = 0.05

/** Pure: the same trials give the same result. `impossible`: what was found to be so before the first trial. */
export function ablationResult(
  trials: readonly AblationTrial[],
  components: readonly Component[],
  objective: Objective,
  repeats: number,
  impossible: readonly Impossible[] = [],
): AblationResult {
  const { metric, direction } = objective
  const groups = grouped(trials)
  const times = timesOf(trials)
  const ofBase = groups.get('[]') ?? []
  const base = sampleOf([], ofBase, metric, times)
  groups.delete('[]')
  const compared = [...groups.values()].map((group) => {
    const without = (group[0]?.ablated?.components ?? []).map(({ name }) => name)
    const parts = group[0]?.ablated?.components ?? []
    const notes = parts.flatMap((one) => (one.kind === 'layers' ? (one.notes ?? []) : []))
    return { ...compare(sampleOf(without, group, metric, times), base), notes: [...new Set(notes)] }
  })
  const alone = compared.filter(({ without }) => without.length === 1)
  const singles = new Map(alone.map(({ without, delta }) => [without[0], delta]))
  const corrected = holm(compared.map(({ p }) => p))
  const judged = compared.map(({ sign, ...one }, index) => {
    const pHolm = corrected[index] ?? null
    const verdict = verdictOf(one.verdict, sign, pHolm, direction)
    const row: Comparison = { ...one, pHolm, verdict, interaction: interactionOf(one, singles) }
    return { row, sign }
  })
  const order = new Map(components.map(({ name }, index) => [name, index]))
  const place = ({ row }: (typeof judged)[number]) => order.get(row.without[0] ?? '') ?? 0
  const missed = ({ row: { mean: value, delta }, sign }: (typeof judged)[number]) => {
    if (value === null || base.group.mean === null) return -Infinity
    const change = delta ?? sign * Number.MAX_VALUE
    return direction === 'minimize' ? change : -change
  }
  judged.sort((a, b) => (missed(a) === missed(b) ? place(a) - place(b) : missed(b) - missed(a)))
  const test = 'Welch’s t-test, two-sided, Holm-corrected'
  const never = impossible.map(({ without, problem }) => notPossible(without, problem, faultOf(base)))
  return { metric, direction, test, repeats, base: base.group, components: [...judged.map(({ row }) => row), ...never] }
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

function valuesOf(trials: readonly AblationTrial[], metric: string): number[] {
  return trials
    .filter(({ state }) => state === 'done')
    .map(({ metrics }) => own(metrics, metric))
    .filter((value): value is number => typeof value === 'number' && Number.isFinite(value))
}

/** The trials of one removal, as they are compared. */
interface Sample {
  readonly group: Group
  readonly values: readonly number[]
  readonly times: { readonly warm: number | null; readonly fresh: number | null }
  readonly open: boolean
}

const refusal = 'SURGERY_REFUSED'

function sampleOf(without: readonly string[], trials: readonly AblationTrial[], metric: string, times: Times): Sample {
  const values = valuesOf(trials, metric)
  const refused = ({ problem }: AblationTrial) => problem?.code === refusal
  const over = trials.filter(({ state }) => state === 'failed' || state === 'pruned' || state === 'cancelled')
  const done = trials.filter(({ state }) => state === 'done')
  const fault = trials.find(({ problem }) => problem !== undefined)?.problem
  const taken = times.of(done)
  return {
    values,
    times: taken,
    open: done.length + over.length < trials.length,
    group: {
      without,
      trials: trials.map(({ trial }) => trial),
      done: done.length,
      failed: over.filter((trial) => !refused(trial)).length,
      mean: meanOf(values),
      spread: spreadOf(values),
      parameters: done.find(({ parameters }) => parameters !== undefined)?.parameters ?? null,
      durationMs: taken.warm ?? taken.fresh,
      problem: fault === undefined ? null : { code: fault.code, message: fault.message },
    },
  }
}

/** Why there is no base to compare with; null: there is one, or may yet be. */
function faultOf({ group, open }: Sample): Fault | null {
  if (group.mean !== null || open || group.trials.length === 0) return null
  return group.problem ?? { code: 'CANCELLED', message: 'the base has no result' }
}

type Compared = Omit<Comparison, 'pHolm' | 'interaction' | 'notes'> & {
  /** Of the difference, which may be too large for a number. */
  readonly sign: number
}

function compare({ group, values, times, open }: Sample, base: Sample): Compared {
  const { mean: ofBase } = base.group
  const delta = group.mean === null || ofBase === null ? null : finite(group.mean - ofBase)
  const saved = (of: number | null, mine: number | null) => (of === null || mine === null ? null : of - mine)
  const tested = welch(values, base.values)
  return {
    ...group,
    delta,
    relative: relativeTo(ofBase, group.mean),
    error: tested?.error ?? null,
    p: tested?.p ?? null,
    sign: group.mean === null || ofBase === null ? 0 : Math.sign(group.mean / 2 - ofBase / 2),
    verdict: standing(group, open, base),
    baseProblem: faultOf(base),
    parametersSaved: saved(base.group.parameters, group.parameters),
    timeSavedMs: saved(base.times.warm, times.warm) ?? saved(base.times.fresh, times.fresh),
  }
}

/** The cases that need no statistical test. */
function standing({ mean: value, problem, trials }: Group, open: boolean, base: Sample): Verdict {
  if (value === null && problem?.code === refusal) return 'not possible'
  if (value === null) return open || trials.length === 0 ? 'pending' : 'failed'
  if (base.group.mean !== null) return 'no difference shown'
  if (base.group.trials.length === 0) return 'no base'
  return base.open ? 'pending' : 'base failed'
}

function relativeTo(base: number | null, value: number | null): number | null {
  if (base === null || value === null || base === 0) return null
  const part = (value - base) / Math.abs(base)
  return finite(Number.isFinite(part) ? part : value / Math.abs(base) - Math.sign(base))
}

function notPossible(without: readonly string[], { code, message }: Fault, baseProblem: Fault | null): Comparison {
  return {
    without,
    trials: [],
    done: 0,
    failed: 0,
    mean: null,
    spread: null,
    parameters: null,
    durationMs: null,
    problem: { code, message },
    delta: null,
    relative: null,
    error: null,
    p: null,
    pHolm: null,
    verdict: 'not possible',
    baseProblem,
    parametersSaved: null,
    timeSavedMs: null,
    notes: [],
    interaction: null,
  }
}

/**
 * Welch's t-test with the Welch-Satterthwaite degrees of freedom; undefined where there is nothing to test. What cannot be told as a
 * number is null.
 */
export function welch(
  a: readonly number[],
  b: readonly number[],
): { p: number | null; error: number | null } | undefined {
  if (a.length < 2 || b.length < 2) return undefined
  const size = sizeOf([...a, ...b])
  const [first, second] = [a, b].map((values) => values.map((value) => value / size))
  if (first === undefined || second === undefined) return undefined
  const [ofA, ofB] = [(spreadOf(first) ?? 0) ** 2 / a.length, (spreadOf(second) ?? 0) ** 2 / b.length]
  const squared = ofA + ofB
  if (squared === 0) return { p: null, error: 0 }
  // As parts of the sum: their squares alone could underflow.
  const [partA, partB] = [ofA / squared, ofB / squared]
  const freedom = 1 / (partA ** 2 / (a.length - 1) + partB ** 2 / (b.length - 1))
  const t = (mean(first) - mean(second)) / Math.sqrt(squared)
  return { p: finite(twoSided(t, freedom)), error: finite(size * (criticalT(level, freedom) * Math.sqrt(squared))) }
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

function verdictOf(standing: Verdict, sign: number, pHolm: number | null, direction: Direction): Verdict {
  if (standing !== 'no difference shown' || pHolm === null || pHolm > level) return standing
  return sign > 0 === (direction === 'maximize') ? 'better' : 'worse'
}

function interactionOf(
  { without, delta }: Pick<Comparison, 'without' | 'delta'>,
  singles: ReadonlyMap<string | undefined, number | null>,
): number | null {
  if (without.length !== 2 || delta === null) return null
  const [first, second] = without.map((name) => singles.get(name) ?? null)
  return typeof first === 'number' && typeof second === 'number' ? finite(delta - first - second) : null
}
