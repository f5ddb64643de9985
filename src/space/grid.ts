/** The points of a grid over a search space, by their number: mixed radix, the last parameter turns fastest. */
import type { HparamValue, Hparams, Parameter, SearchSpace } from '../../protocol/index.ts'
import { withoutInactive } from './draw.ts'
import { countOf, valueAt } from './parameter.ts'
import { keeps, relationsOf } from './relations.ts'

/** The values of one parameter on a grid. */
export interface Axis {
  readonly count: number
  at(index: number): HparamValue
}

/**
 * A parameter's values, or `levels` of them, evenly spread from end to end (in log space with `log`; one level is the middle).
 * undefined for a double without a step and without levels: it has no end.
 */
export function axisOf(parameter: Parameter, levels?: number): Axis | undefined {
  const count = countOf(parameter)
  if (levels === undefined || count <= levels) {
    return count === Infinity ? undefined : { count, at: (index) => valueAt(parameter, index) }
  }
  if (parameter.type !== 'double' && parameter.type !== 'integer') {
    return { count: levels, at: (index) => valueAt(parameter, Math.round(share(index, levels) * (count - 1))) }
  }
  const { low, high, log } = parameter
  const exact = (index: number): number => {
    const at = share(index, levels)
    const value = log ? Math.exp(Math.log(low) * (1 - at) + Math.log(high) * at) : low * (1 - at) + high * at
    // 15 digits, so that short decimals stay short.
    return Math.min(high, Math.max(low, Number(value.toPrecision(15))))
  }
  const step = parameter.step ?? 1
  const onAxis = (index: number): HparamValue =>
    count === Infinity ? exact(index) : valueAt(parameter, Math.min(count - 1, Math.round((exact(index) - low) / step)))
  // Each value once: on a narrow or logarithmic range, neighbouring levels may meet.
  const values = [...new Set(Array.from({ length: levels }, (_, index) => onAxis(index)))]
  return { count: values.length, at: (index) => values[index] as HparamValue }
}

const share = (index: number, levels: number): number => (levels === 1 ? 0.5 : index / (levels - 1))

export interface Grid {
  /** How many points; beyond 2^53 it is rounded. */
  readonly size: number
  /** The index-th point; throws RangeError outside of [0, size). */
  at(index: number): Hparams
}

export function gridOf(axes: Readonly<Record<string, Axis>>): Grid {
  const columns = Object.entries(axes)
  const size = columns.reduce((product, [, axis]) => product * axis.count, 1)
  return {
    size,
    at(index) {
      if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new RangeError(`point ${index} of ${size}`)
      let rest = index
      const values = new Map<string, HparamValue>()
      for (const [name, axis] of columns.toReversed()) {
        values.set(name, axis.at(rest % axis.count))
        rest = Math.floor(rest / axis.count)
      }
      return Object.fromEntries(columns.map(([name]) => [name, values.get(name) as HparamValue]))
    },
  }
}

/** The largest grid whose points are checked one by one, to number those that keep conditions and constraints. */
const largestScan = 1_000_000

/**
 * The points of a grid over a space that keep its conditions and constraints, each once, in the grid's order. undefined for a grid
 * of more than a million points, conditions and constraints aside.
 */
export function gridIn(space: SearchSpace, axes: Readonly<Record<string, Axis>>): Grid | undefined {
  const whole = gridOf(axes)
  const { conditional, constraints } = relationsOf(space)
  if (!conditional && constraints.length === 0) return whole
  if (whole.size > largestScan) return undefined
  const indices: number[] = []
  for (let index = 0; index < whole.size; index++) {
    const values = whole.at(index)
    const active = withoutInactive(space, values)
    // Points that differ only in parameters that are not active are the same point: the first one counts.
    const first = Object.keys(values).every(
      (name) => Object.hasOwn(active, name) || values[name] === (axes[name] as Axis).at(0),
    )
    if (first && keeps(space, active)) indices.push(index)
  }
  return {
    size: indices.length,
    at(index) {
      const place = indices[index]
      if (place === undefined) throw new RangeError(`point ${index} of ${indices.length}`)
      return withoutInactive(space, whole.at(place))
    },
  }
}

/** All points of a space whose parameters all have an end; undefined otherwise, or if `gridIn` cannot number them. */
export function enumerate(space: SearchSpace): Grid | undefined {
  const axes: Record<string, Axis> = {}
  for (const [name, parameter] of Object.entries(space)) {
    const axis = axisOf(parameter)
    if (axis === undefined) return undefined
    axes[name] = axis
  }
  return gridIn(space, axes)
}
