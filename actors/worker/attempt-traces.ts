/** The worker's part of a trial's trace: an attempt from its assignment to its result, and within it what its runner did. */
import { attemptKey, type AttemptRef, type done, type PayloadOf } from '../../protocol/index.ts'
import { beginSpan, type Clock, type Span } from '../../src/actor/index.ts'
import { traced } from '../../src/tracing/index.ts'

interface AttemptTraces {
  assigned(attempt: AttemptRef): void
  ended(experiment: string, result: PayloadOf<typeof done>): void
}

/** An attempt that is handed back has no result here, and is forgotten when so many others have come. */
const mostOpen = 4096

export function createAttemptTraces(worker: string, clock: Clock): AttemptTraces {
  const assigned = new Map<string, Span>()
  return {
    assigned(attempt) {
      const [oldest] = assigned.keys()
      if (assigned.size >= mostOpen && oldest !== undefined) assigned.delete(oldest)
      assigned.set(attemptKey(attempt), beginSpan(clock))
    },
    ended(experiment, { trial, attempt, outcome, startedAt: began, endedAt: over }) {
      const key = attemptKey({ experiment, trial, attempt })
      const span = assigned.get(key) ?? beginSpan(clock, began ?? over)
      assigned.delete(key)
      const { startedAt } = span
      const endedAt = span.endedAt()
      const failed = outcome.kind === 'failed' || outcome.kind === 'crashed'
      const attributes = { 'maggy.worker': worker, 'maggy.attempt': attempt, 'maggy.outcome': outcome.kind }
      const name = `attempt-${attempt}`
      traced(() => ({ experiment, trial, name, below: 'trial', startedAt, endedAt, failed, attributes }))
      if (began === null) return
      const train = { experiment, trial, name: `train-${attempt}`, below: name, startedAt: began, endedAt: over }
      traced(() => ({ ...train, failed, attributes: { ...attributes, 'maggy.process': 'runner' } }))
    },
  }
}
