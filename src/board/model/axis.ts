/** The axis of a column of trials: where the search space names its range that one, else what the trials have. Pure. */
import type { Parameter, SearchSpace } from '../../../protocol/index.ts'
import { choices, linear, logarithmic, type Scale } from '../drawing/scale.ts'
import { parameterOf, type Trials } from './trials.ts'

/** `log`: columns that a person wants logarithmic. */
export function axisOf(trials: Trials, column: string, space: SearchSpace, log: readonly string[]): Scale {
  const wantsLog = log.includes(column)
  const parameter = column.startsWith('hparams.') ? parameterOf(space, column.slice(8)) : undefined
  const known = parameter === undefined ? undefined : scaleOf(parameter, wantsLog)
  if (known !== undefined) return known
  let [low, high] = [Infinity, -Infinity]
  const others = new Set<string>()
  const valueAt = trials.column(column)
  for (let place = 0; place < trials.count; place += 1) {
    const value = valueAt(place)
    if (typeof value === 'number') [low, high] = [Math.min(low, value), Math.max(high, value)]
    else if (value !== null && value !== undefined && others.size < mostChoices) others.add(JSON.stringify(value))
  }
  if (others.size > 0) return choices([...others].sort().map((text) => JSON.parse(text) as unknown))
  return wantsLog && low > 0 ? logarithmic(low, high) : linear(low, high, column.startsWith('metrics.') ? 0.04 : 0)
}

const mostChoices = 64

function scaleOf(parameter: Parameter, wantsLog: boolean): Scale | undefined {
  switch (parameter.type) {
    case 'double':
    case 'integer':
      return (parameter.log ?? false) !== wantsLog
        ? logarithmic(parameter.low, parameter.high)
        : linear(parameter.low, parameter.high)
    case 'discrete':
      return choices(parameter.values)
    case 'categorical':
      return choices(parameter.choices)
    default:
      return undefined
  }
}
