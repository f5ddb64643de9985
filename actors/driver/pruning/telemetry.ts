/** Reads back what trials reported, for a driver that was not there or missed a batch. */
import { decodePayload, metrics, paramsFrom, subjectFor } from '../../../protocol/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import type { History } from '../../../src/history/index.ts'
import type { MetricBook } from './metric-book.ts'

/** Fills the book from the telemetry stream: one trial, or all of them (settled ones become the pruner's history). */
export async function refill(bus: Bus, book: MetricBook, history: History, only?: number): Promise<void> {
  const filter = subjectFor(metrics, {
    worker: '*',
    experiment: history.submission.experiment,
    trial: only === undefined ? '*' : String(only),
  })
  for await (const { subject, data } of bus.streams.read('telemetry', filter)) {
    const trial = Number(paramsFrom(metrics, subject)?.trial)
    const current = history.trial(trial)
    const batch = decodePayload(metrics.payload, data, subject)
    if (current !== undefined && history.counts(trial, batch.attempt)) {
      book.hear(trial, batch, history.shared)
    }
  }
  if (only !== undefined) return
  for (const [trial, { value, context }] of history.trials) {
    if (value === 'done' || value === 'pruned' || value === 'failed' || value === 'cancelled')
      book.settle(trial, value, context.end?.heard ?? null)
  }
}
