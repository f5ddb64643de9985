/**
 * Maggy's median rule (after Golovin et al., Google Vizier, 2017, section 3.2.1), at equal steps: a trial is stopped if its best
 * value so far is worse than the median, over the finished trials that got as far, of the mean of their values up to that step.
 * Finished: done or pruned. A trial that has reported nothing finite is worse than any median. Options:
 * - minFinished (10): it stops nothing until more than this many trials have finished. Ten is Maggy's; a short search wants less.
 * - against ('mean'): the value that it compares with. 'value': the median of the values at that step, over the trials that are done,
 *   without pruned ones (Optuna's median rule). It stops more trials where curves rise, for a mean up to a step lags behind.
 * - interval (1): it judges once in each interval of this many steps. startupSteps (0): not before this step.
 * - metric, direction: the metric it judges by; default: the objective. by: 'domination' (the default with several objectives): a trial
 *   is stopped if more than half of these means (or values) dominate its best so far.
 */
import { invalidOption, refuseUnknown, scheduleOf, watched, wholeOption, type PrunerOptions } from './options.ts'
import type { Pruner, PrunerPlugin, ReportedTrial } from './pruner.ts'
import { midpoint } from '../statistics/index.ts'
import { isDue, seriesReader, type Series } from './series.ts'
import { countBetter, viewOf, viewOptions, type View } from './view.ts'

/** More than any trial has steps that are judged between two ends of other trials; beyond it, medians are worked out again. */
const keptMedians = 4096

export const medianPruner: PrunerPlugin = {
  name: 'median',
  create({ objectives, options }) {
    refuseUnknown('median', options, ['minFinished', 'against', 'interval', 'startupSteps', ...viewOptions])
    const view = viewOf(objectives, options)
    const against = againstOf(options)
    if (view.objectives.length > 1) return byDomination(view, options, against)
    const { metric, direction } = watched(objectives, options)
    const minFinished = wholeOption(options, 'minFinished', 10, 0)
    const schedule = scheduleOf(options)
    const read = seriesReader(metric)
    const medians = medianCache(against.counts, (points, step) => against.worth(read(points), step))

    return (history, trial) => {
      const series = read(trial.points)
      if (!isDue(series, trial.points, schedule)) return 'continue'
      const finished = medians.over(history)
      if (finished <= minFinished) return 'continue'
      const median = medians.at(series.steps.at(-1) as number)
      if (median === undefined) return 'continue'
      const best = series.best(direction)
      const worse = best === undefined || (direction === 'minimize' ? best > median : best < median)
      return worse ? 'stop' : 'continue'
    }
  },
}

/** Which trials a trial is compared with, and the value that each of them has at a step. */
interface Against {
  readonly counts: (trial: ReportedTrial) => boolean
  readonly worth: (series: Series, step: number) => number | undefined
}

const mean: Against = {
  counts: ({ state }) => state === 'done' || state === 'pruned',
  worth: (series, step) => series.meanUpTo(step),
}
const value: Against = {
  counts: ({ state }) => state === 'done',
  worth: (series, step) => series.at(step) ?? undefined,
}

function againstOf(options: PrunerOptions): Against {
  const { against = 'mean' } = options
  if (against === 'mean') return mean
  if (against === 'value') return value
  throw invalidOption('against', `is ${JSON.stringify(against)}; it is 'mean' or 'value'`)
}

function byDomination(view: View, options: PrunerOptions, against: Against): Pruner {
  const minFinished = wholeOption(options, 'minFinished', 10, 0)
  const schedule = scheduleOf(options)
  return (history, { trial, points }) => {
    const series = view.read(points)
    if (!series.every((each) => isDue(each, points, schedule))) return 'continue'
    const finished = history.filter((other) => other.trial !== trial && against.counts(other))
    if (finished.length <= minFinished) return 'continue'
    const step = series[0]?.steps.at(-1) as number
    const others = finished.flatMap((other) => {
      const losses = view.read(other.points).map((each, index) => {
        const value = against.worth(each, step) ?? NaN
        return view.objectives[index]?.direction === 'minimize' ? value : -value
      })
      return losses.some(Number.isNaN) ? [] : [losses]
    })
    return countBetter(view.best(points), others) * 2 > others.length ? 'stop' : 'continue'
  }
}

/**
 * The medians by step over one set of finished trials. Trials end far more seldom than they report, so a median is good for many
 * reports. The cache is valid for the same finished trials only, so that the answers are those of a pure function.
 */
function medianCache(
  counts: Against['counts'],
  worth: (points: ReportedTrial['points'], step: number) => number | undefined,
) {
  let seen: readonly ReportedTrial[] | undefined
  let points: ReportedTrial['points'][] = []
  let byStep = new Map<number, number | undefined>()

  const unchanged = (history: readonly ReportedTrial[]): boolean => {
    let at = 0
    for (const trial of history) {
      if (!counts(trial)) continue
      if (points[at] !== trial.points) return false
      at++
    }
    return at === points.length
  }

  return {
    /** Turns to these trials; how many of them are finished. */
    over(history: readonly ReportedTrial[]): number {
      if (history !== seen && !unchanged(history)) {
        points = history.filter(counts).map((trial) => trial.points)
        byStep = new Map()
      }
      seen = history
      return points.length
    },
    at(step: number): number | undefined {
      if (byStep.has(step)) return byStep.get(step)
      if (byStep.size >= keptMedians) byStep = new Map()
      const values = points.map((each) => worth(each, step)).filter((value) => value !== undefined)
      const median = medianOf(Float64Array.from(values))
      byStep.set(step, median)
      return median
    },
  }
}

function medianOf(values: Float64Array): number | undefined {
  if (values.length === 0) return undefined
  values.sort()
  const middle = values.length >>> 1
  const upper = values[middle] as number
  return values.length % 2 === 1 ? upper : midpoint(values[middle - 1] as number, upper)
}
