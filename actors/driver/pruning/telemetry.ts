/** Reads back what trials reported, for a driver that was not there or missed a batch. */
import {
  codeOf,
  decodePayload,
  metrics,
  paramsFrom,
  subjectFor,
  type PayloadOf,
  type Seen,
} from '../../../protocol/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { isFinal, type History, type TrialSnapshot } from '../../../src/history/index.ts'
import type { MetricBook } from './metric-book.ts'

/** A stop that a pruner decides on what was read back. */
export interface Recalled {
  readonly trial: number
  readonly attempt: number
  readonly step: number
  readonly seen: Seen
}

/**
 * Fills the book from the telemetry stream: one trial, or all of them (settled ones become the pruner's history). Gives what the
 * pruner says of it for trials that run.
 */
export async function refill(bus: Bus, book: MetricBook, history: History, only?: number): Promise<Recalled[]> {
  const stops = new Map<number, Recalled>()
  const filter = subjectFor(metrics, {
    worker: '*',
    experiment: history.submission.experiment,
    trial: only === undefined ? '*' : String(only),
  })
  for await (const { subject, data } of bus.streams.read('telemetry', filter)) {
    const { worker = '', trial: token } = paramsFrom(metrics, subject) ?? {}
    const trial = Number(token)
    const current = history.trial(trial)
    const batch = readable(data, subject)
    if (batch === undefined || current === undefined || !history.counts(trial, batch.attempt)) continue
    // Another worker's word for it counts for nothing.
    if (history.records.holders.holderOf(trial, batch.attempt) !== worker) continue
    const heard = book.hear(trial, upTo(batch, history.shared ? null : heardBefore(current)), history.shared)
    if (heard.kind !== 'stop' || stops.has(trial)) continue
    stops.set(trial, { trial, attempt: batch.attempt, step: heard.step, seen: heard.seen })
  }
  const running = [...stops.values()].filter(({ trial }) => history.held.has(trial))
  if (only !== undefined) return running
  for (const [trial, { value, context }] of history.trials) {
    if (value === 'done' || value === 'pruned' || value === 'failed' || value === 'cancelled')
      book.settle(trial, value, context.metrics, heardOf(context.end))
  }
  return running
}

/** Of a trial that has settled, how many of its points had been heard by then; null: all count. */
function heardBefore({ value, context }: TrialSnapshot): number | null {
  return isFinal(value) ? heardOf(context.end) : null
}

/** What came after its trial had settled was not looked at, and is not thinned with the rest. */
function upTo(batch: PayloadOf<typeof metrics>, heard: number | null): PayloadOf<typeof metrics> {
  return heard === null || batch.first + batch.points.length <= heard
    ? batch
    : { ...batch, points: batch.points.slice(0, Math.max(0, heard - batch.first)) }
}

/** Where nobody judged when it settled, all counts that its worker said it had reported. */
function heardOf(end: TrialSnapshot['context']['end']): number | null {
  return end === null ? null : (end.heard ?? end.points)
}

/** A batch that is damaged, or of a version that this one cannot read, is as one that never came. */
function readable(data: Uint8Array, subject: string): PayloadOf<typeof metrics> | undefined {
  try {
    return decodePayload(metrics, data, subject)
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    return undefined
  }
}
