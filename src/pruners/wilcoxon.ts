/**
 * For trials whose steps are the same problems over and over (folds, instances, seeds): stops one that is worse than the best finished
 * trial at the same steps, by Wilcoxon's signed-rank test, unless its mean over them is better all the same. The best finished trial:
 * that with the best mean of its reports. Options:
 * - threshold (0.1): the probability under which it is no chance. startupSteps (2): problems that must be compared at least.
 * - interval (1), metric, direction.
 */
import { own } from '../../protocol/index.ts'
import { invalidOption, numberOption, refuseUnknown, watched, wholeOption } from './options.ts'
import type { PrunerPlugin, ReportedTrial } from './pruner.ts'
import { mean } from '../statistics/index.ts'
import { isDue, seriesReader } from './series.ts'
import { signedRankAbove } from './signed-rank.ts'

export const wilcoxonPruner: PrunerPlugin = {
  name: 'wilcoxon',
  create({ objectives, options }) {
    refuseUnknown('wilcoxon', options, ['threshold', 'startupSteps', 'interval', 'metric', 'direction'])
    const { metric, direction } = watched(objectives, options)
    const threshold = numberOption(options, 'threshold') ?? 0.1
    if (threshold <= 0 || threshold >= 1) throw invalidOption('threshold', `is ${threshold}, not between 0 and 1`)
    const least = wholeOption(options, 'startupSteps', 2, 1)
    const schedule = { interval: wholeOption(options, 'interval', 1, 1), startupSteps: 0 }
    const read = seriesReader(metric)
    const sign = direction === 'minimize' ? 1 : -1
    const meanOf = ({ points }: ReportedTrial) => {
      const series = read(points)
      const mean = series.meanUpTo(series.steps.at(-1) ?? 0)
      return mean === undefined ? Infinity : sign * mean
    }

    return (history, { trial, points }) => {
      if (!isDue(read(points), points, schedule)) return 'continue'
      let best: ReportedTrial | undefined
      for (const other of history) {
        if (other.trial === trial || other.state !== 'done' || meanOf(other) === Infinity) continue
        if (best === undefined || meanOf(other) < meanOf(best)) best = other
      }
      if (best === undefined) return 'continue'
      const theirs = new Map(best.points.map(({ step, values }) => [step, own(values, metric)]))
      const worse: number[] = []
      for (const { step, values } of points) {
        const mine = own(values, metric)
        const other = theirs.get(step)
        if (mine === undefined || other === undefined || other === null) continue
        // A value that is not finite is worse than any other.
        const difference = mine === null ? Infinity : sign * (mine - other)
        // A difference that overflows counts as the largest number.
        worse.push(Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, difference)))
      }
      if (worse.length < least || mean(worse) <= 0) return 'continue'
      return signedRankAbove(worse) < threshold ? 'stop' : 'continue'
    }
  },
}
