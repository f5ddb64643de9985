/**
 * A search space as a cube of unit intervals, for samplers that compute distances. A number is one column (in log space with `log`), a
 * categorical has one column for each choice (one-hot: no choice lies between two others), and a parameter with one value has none.
 * I1 toCube(fromCube(x)) is the nearest point of the space; fromCube(toCube(hparams)) is hparams, but for rounding.
 * I2 A parameter that is not active stands in the middle of its columns.
 */
import type { HparamValue, Hparams, Parameter, SearchSpace } from '../../protocol/index.ts'
import { withoutInactive } from './draw.ts'
import { countOf, fromUnit, indexOf, toUnit, valueAt } from './parameter.ts'

interface Column {
  readonly name: string
  readonly parameter: Parameter
  /** Where its columns begin. */
  readonly at: number
  /** 1, or for a categorical the number of its choices. */
  readonly width: number
}

export interface Cube {
  /** How many columns. */
  readonly size: number
  readonly columns: readonly Column[]
  toCube(hparams: Hparams): Float64Array
  fromCube(point: ArrayLike<number>): Hparams
}

export function cubeOf(space: SearchSpace): Cube {
  const columns: Column[] = []
  let size = 0
  for (const [name, parameter] of Object.entries(space)) {
    const count = countOf(parameter)
    if (count === 1) continue
    const width = parameter.type === 'categorical' ? count : 1
    columns.push({ name, parameter, at: size, width })
    size += width
  }
  const byName = new Map(columns.map((column) => [column.name, column]))
  return {
    size,
    columns,
    toCube(hparams) {
      const point = new Float64Array(size).fill(0.5)
      for (const { name, parameter, at, width } of columns) {
        const value = Object.hasOwn(hparams, name) ? hparams[name] : undefined
        if (width === 1) point[at] = value === undefined ? 0.5 : toUnit(parameter, value)
        else {
          const chosen = value === undefined ? undefined : indexOf(parameter, value)
          for (let choice = 0; choice < width; choice++) {
            point[at + choice] = chosen === undefined ? 1 / width : Number(choice === chosen)
          }
        }
      }
      return point
    },
    fromCube(point) {
      const values: Record<string, HparamValue> = {}
      for (const [name, parameter] of Object.entries(space)) {
        const column = byName.get(name)
        if (column === undefined) values[name] = valueAt(parameter, 0)
        else if (column.width === 1) values[name] = fromUnit(parameter, point[column.at] ?? 0.5)
        else values[name] = valueAt(parameter, largest(point, column.at, column.width))
      }
      return withoutInactive(space, values)
    },
  }
}

function largest(point: ArrayLike<number>, at: number, width: number): number {
  let best = 0
  for (let index = 1; index < width; index++) {
    if ((point[at + index] ?? 0) > (point[at + best] ?? 0)) best = index
  }
  return best
}
