/**
 * Hypervolume: the volume that points dominate below a corner. By slices along the last objective, and by a sweep for two; exact, and meant
 * for some dozens of points in few objectives. Subset selection: the greedy choice, whose volume is at least 1 - 1/e of the best subset's
 * (G. Nemhauser, L. Wolsey, M. Fisher, 1978), with gains worked out only where an older, larger one might still be the best (M. Minoux, 1978;
 * A. Guerreiro, C. Fonseca, L. Paquete, "Greedy Hypervolume Subset Selection in Low Dimensions", 2016).
 */
import { undominated } from './sort.ts'

type Losses = readonly number[]

/** The volume that the points dominate below the corner. Points that do not lie below it in each objective count for nothing. */
export function hypervolume(points: readonly Losses[], corner: Losses): number {
  const inside = points.filter((point) => point.every((value, objective) => value < (corner[objective] as number)))
  return volume(inside, corner, corner.length)
}

/** Of the first `objectives` of points that all lie below the corner. */
function volume(points: readonly Losses[], corner: Losses, objectives: number): number {
  const last = objectives - 1
  if (points.length === 0) return 0
  if (objectives === 1) return (corner[0] as number) - points.reduce((least, [at = 0]) => Math.min(least, at), Infinity)
  const sorted = points.toSorted((one, other) => (one[last] as number) - (other[last] as number))
  if (objectives === 2) return area(sorted, corner)
  let sum = 0
  let below: Losses[] = []
  for (const [index, point] of sorted.entries()) {
    // Of what lies in a slice, only the front of the objectives that are left matters.
    if (!below.some((other) => covers(other, point, last))) {
      below = below.filter((other) => !covers(point, other, last))
      below.push(point)
    }
    const depth = ((sorted[index + 1] ?? corner)[last] as number) - (point[last] as number)
    if (depth > 0) sum += depth * volume(below, corner, last)
  }
  return sum
}

/** `sorted` by the second objective. */
function area(sorted: readonly Losses[], corner: Losses): number {
  let sum = 0
  let right = corner[0] as number
  for (const [first = 0, second = 0] of sorted) {
    if (first >= right) continue
    sum += (right - first) * ((corner[1] as number) - second)
    right = first
  }
  return sum
}

const covers = (one: Losses, other: Losses, objectives: number): boolean => {
  for (let index = 0; index < objectives; index++) if ((one[index] as number) > (other[index] as number)) return false
  return true
}

/** The volume that one point adds to others: its own, less that part of it which they dominate. */
function gain(point: Losses, others: readonly Losses[], corner: Losses): number {
  const own = point.reduce((product, value, objective) => product * ((corner[objective] as number) - value), 1)
  if (others.length === 0) return own
  const limited = others.map((other) => other.map((value, index) => Math.max(value, point[index] as number)))
  const front = undominated(limited).map((index) => limited[index] as Losses)
  return own - volume(front, corner, corner.length)
}

/**
 * The indexes of `count` points that dominate as much together as a greedy choice finds, in the order in which they were chosen, so that
 * those of a smaller count come first. Points lie below the corner.
 */
export function greedySubset(points: readonly Losses[], count: number, corner: Losses): number[] {
  const chosen: number[] = []
  const taken: Losses[] = []
  // What a point adds never grows as others are chosen, so what it added at first bounds it from above.
  const left = points
    .map((point, index) => ({ index, point, adds: gain(point, [], corner), known: 0 }))
    .sort((one, other) => other.adds - one.adds || one.index - other.index)
  while (chosen.length < count && left.length > 0) {
    const first = left.shift() as (typeof left)[number]
    if (first.known < taken.length) {
      first.adds = Math.min(first.adds, gain(first.point, taken, corner))
      first.known = taken.length
      let place = 0
      while (place < left.length) {
        const other = left[place] as (typeof left)[number]
        if (first.adds > other.adds || (first.adds === other.adds && first.index < other.index)) break
        place++
      }
      left.splice(place, 0, first)
      continue
    }
    chosen.push(first.index)
    taken.push(first.point)
  }
  return chosen
}
