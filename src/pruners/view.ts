/**
 * The losses that a pruner compares: one metric, or all objectives at once, by domination. Less is better; NaN where nothing finite
 * was reported.
 */
import type { MetricPoint, Objective } from '../../protocol/index.ts'
import { bestFirst } from '../pareto/index.ts'
import { invalidOption, watched, type PrunerOptions } from './options.ts'
import { seriesReader, type Series } from './series.ts'

type Points = readonly MetricPoint[]

export interface View {
  readonly objectives: readonly Objective[]
  /** The series of each objective. */
  read(points: Points): Series[]
  /** The best so far of each objective. */
  best(points: Points): number[]
  /** The values at a step, or last before it; undefined if the trial did not get as far. */
  at(points: Points, step: number): number[] | undefined
  /** The values of the first reports at a step or after it; undefined if the trial did not get as far. */
  firstFrom(points: Points, step: number): number[] | undefined
}

/**
 * The options `by`, `metric` and `direction`: by one metric (the default for one objective, and where a metric is named), or by
 * domination (the default for several objectives).
 */
export function viewOf(objectives: readonly Objective[], options: PrunerOptions): View {
  const several = objectives.length > 1 && options['metric'] === undefined
  const { by = several ? 'domination' : 'metric' } = options
  if (by !== 'metric' && by !== 'domination') {
    throw invalidOption('by', `is ${JSON.stringify(by)}; it is 'metric' or 'domination'`)
  }
  if (by === 'domination' && options['metric'] !== undefined) {
    throw invalidOption('metric', 'stands beside by: domination, which looks at all objectives')
  }
  const compared = by === 'domination' ? objectives : [watched(objectives, options)]
  const readers = compared.map(({ metric }) => seriesReader(metric))
  const loss = (value: number | null | undefined, index: number) => {
    if (value === null || value === undefined) return NaN
    return compared[index]?.direction === 'minimize' ? value : -value
  }
  const read = (points: Points) => readers.map((reader) => reader(points))
  const lossesOf = (values: readonly (number | null | undefined)[]) =>
    values.includes(undefined) ? undefined : values.map(loss)
  return {
    objectives: compared,
    read,
    best: (points) =>
      read(points).map((series, index) => loss(series.best(compared[index]?.direction ?? 'minimize'), index)),
    at: (points, step) => lossesOf(read(points).map((series) => series.at(step))),
    firstFrom: (points, step) => lossesOf(read(points).map((series) => series.firstFrom(step))),
  }
}

/** How many of the others are better: in the one loss, or in one and no worse in all. Nothing finite is worse than anything. */
export function countBetter(mine: readonly number[], others: readonly (readonly number[])[]): number {
  const known = (loss: number) => (Number.isNaN(loss) ? Infinity : loss)
  return others.filter(
    (other) =>
      other.every((loss, index) => known(loss) <= known(mine[index] as number)) &&
      other.some((loss, index) => known(loss) < known(mine[index] as number)),
  ).length
}

/** Whether the first is among the best `places` of all, by loss, or by front and room in it. */
export function isAmongBest(mine: readonly number[], others: readonly (readonly number[])[], places: number): boolean {
  if (mine.some(Number.isNaN)) return false
  if (mine.length === 1) return countBetter(mine, others) < places
  const named = [mine, ...others].map((losses, index) => ({
    index,
    metrics: Object.fromEntries(losses.map((loss, place) => [String(place), loss])),
  }))
  const objectives = mine.map((_, place) => ({ metric: String(place), direction: 'minimize' as const }))
  return bestFirst(named, objectives)
    .slice(0, places)
    .some(({ index }) => index === 0)
}

export const viewOptions = ['by', 'metric', 'direction']
