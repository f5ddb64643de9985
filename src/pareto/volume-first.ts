/** Points in the order in which they matter to the hypervolume: by front, and inside of a front by what a greedy choice takes first. */
import { greedySubset } from './hypervolume.ts'
import { crowdingDistance, nonDominatedSort } from './sort.ts'

type Losses = readonly number[]

/** With more objectives, a volume takes too long, and the crowding distance stands for it. */
const mostObjectives = 4
/** Of a front with more points, only these with the most room are looked at. */
const mostWeighed = 200
/** How far the corner lies beyond the worst of a front, as a share of the front's extent: those at its ends count, too. */
const margin = 0.1

/** The indexes of all points; of the first `count`, every beginning is a good subset of its size. The others stand by front. */
export function volumeFirst(points: readonly Losses[], count: number): number[] {
  const order: number[] = []
  for (const front of nonDominatedSort(points)) {
    const left = count - order.length
    order.push(...(left > 0 && front.length > 1 ? arranged(front, points, left) : front))
  }
  return order
}

function arranged(front: readonly number[], points: readonly Losses[], count: number): number[] {
  const members = front.map((index) => points[index] as Losses)
  const objectives = members[0]?.length ?? 0
  const weighed = objectives <= mostObjectives && front.length <= mostWeighed
  const roomy = weighed ? [...front] : byRoom(front, members)
  if (objectives > mostObjectives) return roomy
  const few = roomy.slice(0, mostWeighed)
  const cube = unitCube(few.map((index) => points[index] as Losses))
  const chosen = greedySubset(cube, count, members[0]?.map(() => 1 + margin) ?? [])
  const first = chosen.map((place) => few[place] as number)
  const isFirst = new Set(first)
  return [...first, ...roomy.filter((index) => !isFirst.has(index))]
}

function byRoom(front: readonly number[], members: readonly Losses[]): number[] {
  const room = crowdingDistance(members)
  return front
    .map((index, place) => ({ index, room: room[place] as number }))
    .sort((one, other) => (one.room === other.room ? one.index - other.index : other.room - one.room))
    .map(({ index }) => index)
}

/** Each objective from 0, the least there is, to 1, the most. */
function unitCube(points: readonly Losses[]): number[][] {
  const made = points.map((): number[] => [])
  for (let objective = 0; objective < (points[0]?.length ?? 0); objective++) {
    // Halves, for the distance between two doubles may overflow.
    const halves = points.map((point) => 0.5 * (point[objective] as number))
    const least = halves.reduce((low, value) => Math.min(low, value), Infinity)
    const extent = halves.reduce((high, value) => Math.max(high, value), -Infinity) - least || 1
    for (const [index, half] of halves.entries()) made[index]?.push((half - least) / extent)
  }
  return made
}
