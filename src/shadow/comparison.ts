/**
 * How the optimizers that were asked on the side compare with the one whose trials were run. Nothing of theirs was tried, so two measures
 * that rest on what was:
 * - expected: what the points of an optimizer would have come to. Of each point it is the mean of the 5 nearest trials that are done, the
 *   trial in whose place it was proposed left out, each weighted by 1 / (distance + 1e-6); of the optimizer it is the mean over its points.
 *   The points that were run are measured the same way, so that the two can be compared.
 * - agreement: Spearman's rank correlation, over trials, of the distance between what was run and what the optimizer proposed with how bad
 *   the trial came out. 1: the farther from its proposal, the worse; so it knew where it is good. 0: it knew nothing of that; below: it
 *   pointed elsewhere.
 * The distance of two points is the mean over the parameters that either of them has: of numbers the difference of their places in the unit
 * interval (by the parameter's law), of all others 0 where they are equal and 1 where not, and 1 where only one of the points has it.
 * Pure.
 */
import { own, type Hparams, type Objective, type Parameter, type SearchSpace } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'
import { countOf, toUnit } from '../space/index.ts'

interface ShadowRow {
  readonly optimizer: string
  /** Whether its points were run. */
  readonly ran: boolean
  /** Trials that it proposed a point for, and that are done. */
  readonly proposed: number
  /** In the units of the metric; null: fewer than 6 trials are done. */
  readonly expected: number | null
  /** null: of the optimizer that ran, and where fewer than 5 trials can be compared, or nothing differs. */
  readonly agreement: number | null
}

export interface ShadowComparison {
  readonly metric: string
  readonly rows: readonly ShadowRow[]
  /** The proposal in the place of each trial. */
  readonly proposals: readonly { readonly trial: number; readonly optimizer: string; readonly hparams: Hparams }[]
}

/** A trial that is done, by the values of the search space alone. */
export interface Tried {
  readonly trial: number
  readonly hparams: Hparams
  readonly metrics: Readonly<Record<string, number | null>>
}

const neighbours = 5
const leastCompared = 5
/** Trials that are looked at, the last ones: the time grows with their square. */
const mostCompared = 1000

export type Proposals = ReadonlyMap<string, ReadonlyMap<number, Hparams>>

/** `ran`: the optimizer whose points were run. */
export function compareShadows(
  space: SearchSpace,
  objective: Objective,
  done: readonly Tried[],
  ran: string,
  proposals: Proposals,
): ShadowComparison {
  const finite = done.filter(({ metrics }) => Number.isFinite(lossOf(metrics, objective))).slice(-mostCompared)
  const valueOf = ({ metrics }: Tried) => own(metrics, objective.metric) ?? 0
  const expectedOf = (points: readonly (readonly [number, Hparams])[]): number | null => {
    if (finite.length <= neighbours || points.length === 0) return null
    const values = points.map(([trial, hparams]) => {
      const near = finite
        .filter((each) => each.trial !== trial)
        .map((each) => ({ trial: each.trial, value: valueOf(each), distance: distance(space, each.hparams, hparams) }))
        .sort((a, b) => a.distance - b.distance || a.trial - b.trial)
        .slice(0, neighbours)
      const weights = near.map((each) => 1 / (each.distance + 1e-6))
      return near.reduce((sum, { value }, index) => sum + value * (weights[index] ?? 0), 0) / sumOf(weights)
    })
    return sumOf(values) / values.length
  }
  const rowOf = (optimizer: string, points: ReadonlyMap<number, Hparams>): ShadowRow => {
    const compared = finite.filter(({ trial }) => points.has(trial))
    const placed = compared.map(({ trial }) => [trial, points.get(trial) ?? {}] as const)
    const distances = compared.map(({ hparams }, index) => distance(space, hparams, placed[index]?.[1] ?? {}))
    const losses = compared.map(({ metrics }) => lossOf(metrics, objective))
    const agreement = compared.length < leastCompared ? null : spearman(distances, losses)
    return { optimizer, ran: false, proposed: compared.length, expected: expectedOf(placed), agreement }
  }
  const run: ShadowRow = {
    optimizer: ran,
    ran: true,
    proposed: finite.length,
    expected: expectedOf(finite.map(({ trial, hparams }) => [trial, hparams])),
    agreement: null,
  }
  return {
    metric: objective.metric,
    rows: [run, ...[...proposals].map(([optimizer, points]) => rowOf(optimizer, points))],
    proposals: [...proposals]
      .flatMap(([optimizer, points]) => [...points].map(([trial, hparams]) => ({ trial, optimizer, hparams })))
      .sort((a, b) => a.trial - b.trial),
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** From 0 to 1. */
export function distance(space: SearchSpace, one: Hparams, other: Hparams): number {
  let sum = 0
  let count = 0
  for (const [name, parameter] of Object.entries(space)) {
    const has = [one, other].filter((point) => Object.hasOwn(point, name)).length
    if (has === 0 || countOf(parameter) === 1) continue
    count += 1
    sum += has === 1 ? 1 : apart(parameter, one[name], other[name])
  }
  return count === 0 ? 0 : sum / count
}

function apart(parameter: Parameter, one: Hparams[string] | undefined, other: Hparams[string] | undefined): number {
  if (typeof one !== 'number' || typeof other !== 'number' || parameter.type === 'categorical')
    return one === other ? 0 : 1
  return Math.abs(toUnit(parameter, one) - toUnit(parameter, other))
}

/** The correlation of ranks, equal values at the mean of theirs; null: one of them does not differ. */
export function spearman(one: readonly number[], other: readonly number[]): number | null {
  const a = ranksOf(one)
  const b = ranksOf(other)
  const mean = (a.length + 1) / 2
  const products = sumOf(a.map((rank, index) => (rank - mean) * ((b[index] ?? mean) - mean)))
  const squares = (ranks: readonly number[]) => sumOf(ranks.map((rank) => (rank - mean) ** 2))
  const scale = Math.sqrt(squares(a) * squares(b))
  return scale === 0 ? null : products / scale
}

function ranksOf(values: readonly number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value)
  const ranks = values.map(() => 0)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to + 1 < order.length && order[to + 1]?.value === order[from]?.value) to += 1
    for (let at = from; at <= to; at += 1) ranks[order[at]?.index ?? 0] = (from + to) / 2 + 1
    from = to + 1
  }
  return ranks
}
