/**
 * Non-dominated sort: Zhang, Tian, Cheng, Jin, "An Efficient Approach to Nondominated Sorting for Evolutionary Multiobjective
 * Optimization", 2015 (ENS-BS), which finds the fronts of NSGA-II's sort without its lists of dominated points. Crowding distance: Deb,
 * Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002, section III-B.
 */
type Losses = readonly number[]

/** No worse in any objective, and better in one. */
export function dominates(one: Losses, other: Losses): boolean {
  let better = false
  for (let index = 0; index < one.length; index++) {
    const a = one[index] as number
    const b = other[index] as number
    if (a > b) return false
    if (a < b) better = true
  }
  return better
}

/** The indexes of each front, the undominated first. Memory O(n); time O(n log n) for two objectives, O(n^2) at worst for more. */
export function nonDominatedSort(points: readonly Losses[]): number[][] {
  const at = (index: number) => points[index] as Losses
  const fronts: number[][] = []
  // In this order, no point dominates one before it.
  for (const index of points.map((_, place) => place).sort((a, b) => compare(at(a), at(b)) || a - b)) {
    const point = at(index)
    // With two objectives, the last point of a front has the least second loss: if any point of the front dominates, it does.
    const beaten = (front: readonly number[]) =>
      point.length <= 2
        ? dominates(at(front.at(-1) as number), point)
        : front.findLast((other) => dominates(at(other), point)) !== undefined
    // A point that a front dominates is dominated by every front before it, so the fronts can be searched by halves.
    let low = 0
    let high = fronts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (beaten(fronts[middle] as number[])) low = middle + 1
      else high = middle
    }
    const front = (fronts[low] ??= [])
    front.push(index)
  }
  return fronts.map((front) => front.sort((a, b) => a - b))
}

/** The first front alone, by index: each point is compared with that front only. */
export function undominated(points: readonly Losses[]): number[] {
  const at = (index: number) => points[index] as Losses
  const front: number[] = []
  for (const index of points.map((_, place) => place).sort((a, b) => compare(at(a), at(b)) || a - b)) {
    // Of two objectives, the last one of the front has the least second.
    const rivals = at(index).length <= 2 ? front.slice(-1) : front
    if (rivals.findLast((other) => dominates(at(other), at(index))) === undefined) front.push(index)
  }
  return front.sort((a, b) => a - b)
}

/** By the first objective, then by the next. */
function compare(one: Losses, other: Losses): number {
  for (let index = 0; index < one.length; index++) {
    const [a, b] = [one[index] as number, other[index] as number]
    if (a !== b) return a < b ? -1 : 1
  }
  return 0
}

/** How much room each point of one front has to its neighbours, each objective scaled to 1; Infinity at the ends. */
export function crowdingDistance(front: readonly Losses[]): number[] {
  const distance = front.map(() => 0)
  const objectives = front[0]?.length ?? 0
  for (let objective = 0; objective < objectives; objective++) {
    const at = (index: number) => front[index]?.[objective] as number
    const order = front.map((_, index) => index).sort((a, b) => at(a) - at(b) || a - b)
    const first = order[0] as number
    const last = order.at(-1) as number
    distance[first] = Infinity
    distance[last] = Infinity
    // Halves, for the distance between two doubles may overflow.
    const half = at(last) - at(first) === Infinity ? 0.5 : 1
    const range = half * at(last) - half * at(first)
    if (!(range > 0)) continue
    for (let place = 1; place < order.length - 1; place++) {
      const index = order[place] as number
      const gap = half * at(order[place + 1] as number) - half * at(order[place - 1] as number)
      distance[index] = (distance[index] as number) + gap / range
    }
  }
  return distance
}
