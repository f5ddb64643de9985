/**
 * Fast non-dominated sort and crowding distance: Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic
 * algorithm: NSGA-II", 2002, section III.
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

/** The indexes of each front, the undominated first; O(objectives x n^2). */
export function nonDominatedSort(points: readonly Losses[]): number[][] {
  const beaten: number[][] = points.map(() => [])
  const beatenBy = new Int32Array(points.length)
  for (let p = 0; p < points.length; p++) {
    for (let q = p + 1; q < points.length; q++) {
      const [winner, loser] = dominates(points[p] as Losses, points[q] as Losses) ? [p, q] : [q, p]
      if (winner === q && !dominates(points[q] as Losses, points[p] as Losses)) continue
      beaten[winner]?.push(loser)
      beatenBy[loser] = (beatenBy[loser] as number) + 1
    }
  }
  const fronts: number[][] = []
  let front = points.flatMap((_, index) => (beatenBy[index] === 0 ? [index] : []))
  while (front.length > 0) {
    fronts.push(front)
    const next: number[] = []
    for (const p of front) {
      for (const q of beaten[p] ?? []) {
        const left = (beatenBy[q] as number) - 1
        beatenBy[q] = left
        if (left === 0) next.push(q)
      }
    }
    front = next.sort((a, b) => a - b)
  }
  return fronts
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
    const range = at(last) - at(first)
    if (!(range > 0) || range === Infinity) continue
    for (let place = 1; place < order.length - 1; place++) {
      const index = order[place] as number
      const gap = at(order[place + 1] as number) - at(order[place - 1] as number)
      distance[index] = (distance[index] as number) + gap / range
    }
  }
  return distance
}
