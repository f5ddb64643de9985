/** The sources of a replay: the log of an experiment, and its trials' reports as far as they are kept. */
import type { MetricPoint } from '../../protocol/index.ts'
import { readLog } from '../archive/index.ts'
import type { Bus } from '../bus/index.ts'
import { LogOrder, type LogEntry } from '../history/index.ts'
import { readAllPoints, type KeptPoint } from '../store/index.ts'
import type { PointsOf } from './pruning.ts'

export interface ReplaySource {
  readonly experiment: string
  readonly entries: readonly LogEntry[]
  readonly pointsOf: PointsOf
  /** The log has a hole: what stood there is not known to the decisions that follow. */
  readonly fault?: string
}

/** Reads both from the bus. */
export async function sourceOf(bus: Bus, experiment: string): Promise<ReplaySource> {
  const entries: LogEntry[] = []
  const order = new LogOrder()
  for await (const { entry } of readLog(bus, experiment)) {
    if (entry === undefined) order.damaged()
    else {
      order.take(entry)
      entries.push(entry)
    }
  }
  const points = await readAllPoints(bus, experiment)
  const pointsOf: PointsOf = (trial, attempt) => wholeFrom(points.get(trial) ?? [], attempt)
  return { experiment, entries, pointsOf, ...(order.holes === 0 ? {} : { fault: order.fault }) }
}

/** The points of an attempt up to the first that is missing. */
function wholeFrom(points: readonly KeptPoint[], attempt: number): readonly MetricPoint[] {
  const own = points.filter((point) => point.attempt === attempt)
  const gap = own.findIndex(({ index }, place) => index !== place)
  return gap < 0 ? own : own.slice(0, gap)
}
