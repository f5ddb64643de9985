/**
 * Stops a trial whose metric leaves a range, or is not finite. Options:
 * - lower, upper: the range; a value on its edge is inside.
 * - nonFinite ('stop'): whether a value that is not finite stops the trial; or 'continue'.
 * - interval (1), startupSteps (0), metric (default: the first objective's).
 */
import { invalidOption, numberOption, refuseUnknown, scheduleOf, watchedMetric } from './options.ts'
import type { PrunerPlugin } from './pruner.ts'
import { isDue, seriesReader } from './series.ts'

export const thresholdPruner: PrunerPlugin = {
  name: 'threshold',
  create({ objectives, options }) {
    refuseUnknown('threshold', options, ['lower', 'upper', 'nonFinite', 'interval', 'startupSteps', 'metric'])
    const lower = numberOption(options, 'lower') ?? -Infinity
    const upper = numberOption(options, 'upper') ?? Infinity
    if (lower > upper) throw invalidOption('lower', `is ${lower}, above upper, which is ${upper}`)
    const { nonFinite = 'stop' } = options
    if (nonFinite !== 'stop' && nonFinite !== 'continue') {
      throw invalidOption('nonFinite', `is ${JSON.stringify(nonFinite)}; it is 'stop' or 'continue'`)
    }
    const schedule = scheduleOf(options)
    const read = seriesReader(watchedMetric(objectives, options))

    return (_, { points }) => {
      const series = read(points)
      const { last } = series
      if (last === undefined || !isDue(series, points, schedule)) return 'continue'
      if (last === null) return nonFinite
      return last < lower || last > upper ? 'stop' : 'continue'
    }
  },
}
