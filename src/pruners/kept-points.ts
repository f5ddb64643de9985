/** The reports of a trial that are kept for pruners: at most so many points, evenly thinned beyond that. Pure, so that a replay keeps the same. */
import type { MetricPoint } from '../../protocol/index.ts'

const pointsPerTrial = 10_000

/** Adds a point; beyond the limit every second of the points goes. The list may be a new one. `most`: where the pruner needs fewer. */
export function keepPoint(points: MetricPoint[], point: MetricPoint, most = pointsPerTrial): MetricPoint[] {
  points.push(point)
  return points.length > most ? points.filter((_, index) => index % 2 === 1) : points
}
