/**
 * Stops a trial that gets no better: if the best of its last `patience` reports is no better, by more than `minDelta`, than the best
 * before them. Options:
 * - patience (10), minDelta (0), startupSteps (0), interval (1).
 * - metric, direction, or by: 'domination': no objective gets better.
 */
import { invalidOption, numberOption, refuseUnknown, scheduleOf, wholeOption } from './options.ts'
import type { PrunerPlugin } from './pruner.ts'
import { isDue } from './series.ts'
import { viewOf, viewOptions } from './view.ts'

export const patiencePruner: PrunerPlugin = {
  name: 'patience',
  create({ objectives, options }) {
    refuseUnknown('patience', options, ['patience', 'minDelta', 'interval', 'startupSteps', ...viewOptions])
    const patience = wholeOption(options, 'patience', 10, 1)
    const minDelta = numberOption(options, 'minDelta') ?? 0
    if (minDelta < 0) throw invalidOption('minDelta', `is ${minDelta}, below 0`)
    const schedule = scheduleOf(options)
    const view = viewOf(objectives, options)

    return (_, { points }) => {
      const series = view.read(points)
      if (!series.every((each) => isDue(each, points, schedule))) return 'continue'
      const stale = series.every((each, index) => {
        const reports = each.steps.length
        if (reports <= patience) return false
        const { direction } = view.objectives[index] as (typeof view.objectives)[number]
        const before = each.bestOf(direction, 0, reports - patience)
        const lately = each.bestOf(direction, reports - patience, reports)
        if (lately === undefined) return true
        if (before === undefined) return false
        return direction === 'minimize' ? lately >= before - minDelta : lately <= before + minDelta
      })
      return stale ? 'stop' : 'continue'
    }
  },
}
