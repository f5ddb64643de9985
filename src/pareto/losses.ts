/** Observations by what they came to, turned so that less is better. */
import { own, type Metrics, type Objective } from '../../protocol/index.ts'
import { limitsOf, violationOf } from './limits.ts'
import { crowdingDistance, nonDominatedSort } from './sort.ts'

/** The value of an objective, turned so that less is better; NaN if it is missing or not finite, or a limit is broken. */
export function lossOf(metrics: Metrics, { metric, direction, limits }: Objective): number {
  if (limits !== undefined && !(violationOf(metrics, limits) <= 0)) return NaN
  const value = own(metrics, metric)
  if (typeof value !== 'number' || !Number.isFinite(value)) return NaN
  return direction === 'minimize' ? value : -value
}

/** All of them; undefined if one is missing or not finite. */
export function lossesOf(metrics: Metrics, objectives: readonly Objective[]): number[] | undefined {
  const losses = objectives.map((objective) => lossOf(metrics, objective))
  return losses.some(Number.isNaN) ? undefined : losses
}

/**
 * The same trials, best first: by the one objective, or by front and then by room in it (the crowded-comparison operator of
 * NSGA-II, section III-B). Ties go to the one that stands first. What lacks a finite objective is left out.
 */
export function bestFirst<T extends { readonly metrics: Metrics }>(
  trials: readonly T[],
  objectives: readonly Objective[],
): T[] {
  const ranked = trials.flatMap((trial) => {
    const losses = lossesOf(trial.metrics, objectives)
    return losses === undefined ? [] : [{ trial, losses }]
  })
  if (objectives.length === 1) {
    return ranked.sort((a, b) => (a.losses[0] as number) - (b.losses[0] as number)).map(({ trial }) => trial)
  }
  return nonDominatedSort(ranked.map(({ losses }) => losses)).flatMap((front) => {
    const members = front.map((index) => ranked[index] as (typeof ranked)[number])
    const room = crowdingDistance(members.map(({ losses }) => losses))
    return members
      .map(({ trial }, index) => ({ trial, room: room[index] as number }))
      .sort((a, b) => (a.room === b.room ? 0 : b.room - a.room))
      .map(({ trial }) => trial)
  })
}

/**
 * The best first, and after all of them the trials that break a limit, the less they are beyond it the sooner: constrained domination (NSGA-II,
 * section VI). So there is an order where no trial keeps the limits yet.
 */
export function keepingFirst<T extends { readonly metrics: Metrics }>(
  trials: readonly T[],
  objectives: readonly Objective[],
): T[] {
  const keeping = bestFirst(trials, objectives)
  const limits = limitsOf(objectives)
  if (limits.length === 0) return keeping
  const beyond = trials
    .map((trial) => ({ trial, violation: violationOf(trial.metrics, limits) }))
    .filter(({ violation }) => violation > 0 && violation < Infinity)
    .sort((one, other) => one.violation - other.violation)
  return [...keeping, ...beyond.map(({ trial }) => trial)]
}
