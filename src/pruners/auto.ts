/**
 * Stops a trial that is not worth going on with, as far as the trials that came to their end tell: at each sixteenth of their length it
 * asks how likely the trial is to end better than the best of them, by its reports so far (forecast.ts), and how likely a fresh one is.
 * The trial is stopped if a step more of it is worth less than a step of a fresh one: if its P(best), divided by the part that is left of
 * it, is less than `rate` times that of a fresh one, which as a rule is stopped early itself. Nothing is stopped where reports say little
 * about results (a metric that begins badly, or noise), or where nothing is reported. It looks at one objective, and takes a trial for what
 * train returned. Options:
 * - minFinished (4): it stops nothing before so many trials have come to their end. rate (1.5): more stops earlier.
 */
import { own, problem, type Objective } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'
import { forecastOf, type Pair } from './forecast.ts'
import { invalidOption, numberOption, refuseUnknown, wholeOption, type PrunerOptions } from './options.ts'
import type { PrunerPlugin, ReportedTrial } from './pruner.ts'
import { seriesReader, type Series } from './series.ts'

/** It stops nothing before so many trials have come to their end, if nobody says otherwise. */
export const leastFinished = 4
/** It judges a trial so many times at most. */
const parts = 16
/** It looks at the mean of the reports in this last share of what a trial has done. */
const lately = 0.5
/** It learns from so many trials at most, the last ones; the best is the best of all. */
const learnsFrom = 256
/** A line that fits as well by chance is taken for none. */
const significant = 0.05

export const autoPruner: PrunerPlugin = {
  name: 'auto',
  pointsAtMost: 16 * parts,
  create({ objectives, options }) {
    const [objective, ...others] = objectives
    refuseUnknown('auto', options, ['minFinished', 'rate'])
    if (objective === undefined || others.length > 0) {
      throw problem('CONTEXT_INVALID', {
        path: 'pruner',
        reason: 'is auto, which looks at one objective; name another',
      })
    }
    const minFinished = leastOf(options)
    const rate = numberOption(options, 'rate') ?? 1.5
    if (rate <= 0) throw invalidOption('rate', `is ${rate}, not above 0`)
    const read = seriesReader(objective.metric)
    const wholeOf = wholeTrials(objective, read)

    return (history, { points }) => {
      const series = read(points)
      const step = series.steps.at(-1)
      if (step === undefined || step !== points.at(-1)?.step) return 'continue'
      const known = wholeOf(history)
      if (known.trials.length < minFinished || known.best === Infinity) return 'continue'
      const partAt = (at: number) => Math.floor(known.partOf(at) * parts + 1e-9)
      const part = partAt(step)
      if (part < 1 || part >= parts || partAt(series.steps.at(-2) ?? -Infinity) >= part) return 'continue'
      const levelAt = (one: Series) =>
        one.reaches(step) ? levelOf(one, known.lookBack(step), step, objective) : undefined
      const pairs = known.trials.flatMap(({ series: other, result }): Pair[] => {
        const level = levelAt(other)
        return level === undefined ? [] : [{ level, result }]
      })
      const forecast = pairs.length < minFinished ? undefined : forecastOf(pairs)
      if (forecast === undefined || forecast.chance >= significant) return 'continue'
      const left = 1 - known.partOf(step)
      const here = forecast.below(known.best, levelAt(series) ?? Infinity)
      return here < rate * left * forecast.freshBelow(known.best) ? 'stop' : 'continue'
    }
  },
  begins({ objectives: [objective], options }) {
    if (objective === undefined) return () => undefined
    const minFinished = leastOf(options)
    const wholeOf = wholeTrials(objective, seriesReader(objective.metric))
    return (history) =>
      wholeOf(history).trials.length < minFinished
        ? undefined
        : `auto may stop trials early from here on: ${minFinished} have come to their end and reported ${objective.metric} on the way`
  },
  notes: ({ objectives: [objective], options }) => [
    `auto stops hopeless trials early, once ${leastOf(options)} have reported ${objective?.metric} up to their end`,
  ],
}

const leastOf = (options: PrunerOptions): number => wholeOption(options, 'minFinished', leastFinished, 3)

interface Whole {
  readonly trials: readonly { readonly series: Series; readonly result: number }[]
  /** The best result that keeps the limits; Infinity if there is none. */
  readonly best: number
  /** Which part of a usual trial has passed at a step, from 0 to 1 and beyond. */
  partOf(step: number): number
  /** The step after which reports count at a step. */
  lookBack(step: number): number
}

/** The trials that came to their end, as long as they are the same ones. */
function wholeTrials(objective: Objective, read: (points: ReportedTrial['points']) => Series) {
  let seen: readonly ReportedTrial[] | undefined
  let known: readonly ReportedTrial[] = []
  let found: Whole = summaryOf([], objective, read)
  return (history: readonly ReportedTrial[]): Whole => {
    if (history === seen) return found
    seen = history
    const done = history.filter(({ state }) => state === 'done')
    if (done.length === known.length && done.every((trial, at) => trial.points === known[at]?.points)) return found
    known = done
    return (found = summaryOf(done, objective, read))
  }
}

function summaryOf(
  done: readonly ReportedTrial[],
  objective: Objective,
  read: (points: ReportedTrial['points']) => Series,
): Whole {
  const { metric, direction } = objective
  const reported = done.filter(({ points }) => read(points).steps.length > 0)
  const results = reported.map(({ points, metrics = {} }) => {
    const series = read(points)
    // Where trials come without their results, what they reported last stands for these.
    const returned = own(metrics, metric) === undefined ? { [metric]: series.last ?? null } : metrics
    const result = lossOf(returned, { metric, direction })
    return { series, result: Number.isNaN(result) ? Infinity : result, loss: lossOf(returned, objective) }
  })
  const trials = results.slice(-learnsFrom)
  const best = results.reduce((least, { loss }) => (loss < least ? loss : least), Infinity)
  const first = medianOf(trials.map(({ series }) => series.steps[0] as number))
  const last = medianOf(trials.map(({ series }) => series.steps.at(-1) as number))
  // Steps may begin at 0 or at 500: a trial has begun one report before its first one.
  const gap = medianOf(trials.map(({ series: { steps } }) => (last - first) / Math.max(1, steps.length - 1)))
  const origin = first - gap
  const length = last - origin
  return {
    trials,
    best,
    partOf: (step) => (length > 0 ? (step - origin) / length : 1),
    lookBack: (step) => step - lately * (step - origin),
  }
}

/** Nothing finite is worse than anything. */
function levelOf(series: Series, after: number, upTo: number, { direction }: Objective): number {
  const mean = series.meanBetween(after, upTo)
  if (mean === undefined) return Infinity
  return direction === 'minimize' ? mean : -mean
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
