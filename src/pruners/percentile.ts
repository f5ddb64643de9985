/**
 * Keeps those that would be among the best so many percent: a trial is stopped if, of the finished trials that got as far, more than
 * `percentile` percent had at this step a value better than its best so far. Finished: done or pruned. Options:
 * - percentile (25): how many percent stay. minFinished (10): it stops nothing until more than this many trials have finished.
 * - interval (1), startupSteps (0). metric, direction, or by: 'domination' (a better one is one that dominates).
 */
import { invalidOption, numberOption, refuseUnknown, scheduleOf, wholeOption } from './options.ts'
import type { PrunerPlugin } from './pruner.ts'
import { isDue } from './series.ts'
import { countBetter, viewOf, viewOptions } from './view.ts'

export const percentilePruner: PrunerPlugin = {
  name: 'percentile',
  create({ objectives, options }) {
    refuseUnknown('percentile', options, ['percentile', 'minFinished', 'interval', 'startupSteps', ...viewOptions])
    const percentile = numberOption(options, 'percentile') ?? 25
    if (percentile < 0 || percentile > 100) throw invalidOption('percentile', `is ${percentile}, not from 0 to 100`)
    const minFinished = wholeOption(options, 'minFinished', 10, 0)
    const schedule = scheduleOf(options)
    const view = viewOf(objectives, options)

    return (history, { trial, points }) => {
      const series = view.read(points)
      if (!series.every((each) => isDue(each, points, schedule))) return 'continue'
      const finished = history.filter(
        (other) => other.trial !== trial && (other.state === 'done' || other.state === 'pruned'),
      )
      if (finished.length <= minFinished) return 'continue'
      const step = series[0]?.steps.at(-1) as number
      const others = finished.flatMap((other) => {
        const losses = view.at(other.points, step)
        return losses === undefined ? [] : [losses]
      })
      return countBetter(view.best(points), others) > (percentile / 100) * others.length ? 'stop' : 'continue'
    }
  },
}
