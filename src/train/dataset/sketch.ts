/**
 * A few numbers that stand for an array: random projections of what it holds at places spread over it, beside its kind and shape.
 * Projections rather than a hash, for hosts differ in the last digits of what they compute, and that is no difference.
 */
import { createRandom, deriveSeed } from '../../random/index.ts'
import type { Tf } from '../backend.ts'
import { rowsIn } from './cut-rows.ts'
import { isPlain, isTensor, isTyped, type Tensor } from './kinds.ts'

/** Numbers in a sketch; each is about as large as a standard normal number. */
export const sketchLength = 2

/** Rows, and numbers of each row, that are looked at. */
const rowsSeen = 64
const numbersSeen = 1024

export type Sketch = readonly [number, number]

/** Of an array, a tensor, or an element of a dataset. `label`: what must be alike beside the numbers. */
export function sketchOf(tf: Tf, value: unknown, label: string): Sketch {
  const numbers: number[] = []
  const shape = describe(tf, value, numbers, rowsSeen)
  return projected(numbers, deriveSeed(`${label} ${shape}`))
}

/** Puts numbers that stand for the value into `into`, and says what kind of value it is. */
function describe(tf: Tf, value: unknown, into: number[], rows: number): string {
  if (typeof value === 'number') return (into.push(value), 'number')
  if (typeof value === 'boolean') return (into.push(Number(value)), 'boolean')
  if (typeof value === 'string') return (into.push(ofText(value)), 'string')
  if (typeof value !== 'object' || value === null) return typeof value
  if (isTensor(value)) {
    for (const entry of numbersOf(tf, value, rows)) describe(tf, entry, into, rows)
    return `${value.dtype} ${value.shape.join('x')}`
  }
  if (isTyped(value)) {
    for (const at of places(value.length, rows * 16)) into.push(value[at] ?? 0)
    return `numbers ${value.length}`
  }
  if (Array.isArray(value)) {
    const all: readonly unknown[] = value
    const kinds = places(all.length, rows).map((at) => describe(tf, all[at], into, inner(rows)))
    return `list ${all.length} of ${kinds[0] ?? 'nothing'}`
  }
  if (!isPlain(value)) return 'object'
  return Object.keys(value)
    .sort()
    .map((name) => `${name}: ${describe(tf, value[name], into, inner(rows))}`)
    .join(', ')
}

/** A file may lie in another folder on another host. */
const ofText = (text: string): number => deriveSeed(text.split(/[\\/]/).at(-1) ?? '') / 2 ** 31 - 1

const inner = (rows: number): number => Math.max(4, Math.floor(rows / 2))

/** Whole numbers below `length`, at most so many, spread evenly; the first and the last are among them. */
function places(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, at) => at)
  return Array.from({ length: most }, (_, at) => Math.round((at * (length - 1)) / (most - 1)))
}

/** Only what is looked at is fetched: a large tensor may be on another device. */
function numbersOf(tf: Tf, value: Tensor, rows: number): readonly unknown[] {
  const [length = 1] = value.shape
  if (value.size === 0) return []
  if (value.rank === 0 || value.size <= rows * numbersSeen) return spread(value.dataSync(), rows * 16)
  const chosen = rowsIn(tf, value, Int32Array.from(places(length, rows)))
  const seen = spread(chosen.dataSync(), rows * 16)
  chosen.dispose()
  return seen
}

const spread = (data: ArrayLike<unknown>, most: number): unknown[] => places(data.length, most).map((at) => data[at])

/** Signs drawn at random, and what stands at the places: as if drawn from a standard normal law, whatever the scale. */
function projected(numbers: readonly number[], seed: number): Sketch {
  const random = createRandom(seed, 'sketch')
  // Numbers that are not finite have no size to compare.
  const values = numbers.map((value) => (Number.isFinite(value) ? value : 0))
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const scaled = largest === 0 ? values : values.map((value) => value / largest)
  const length = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0))
  const sums: [number, number] = [random.normal(), random.normal()]
  if (length === 0) return sums
  for (const value of scaled) {
    sums[0] += (value / length) * random.normal()
    sums[1] += (value / length) * random.normal()
  }
  return sums
}
