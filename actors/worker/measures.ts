/** A worker in numbers. */
import type { WorkerStatus } from '../../protocol/index.ts'
import type { Measure } from '../../src/actor/index.ts'

export function* workerMeasures(status: WorkerStatus, outcomes: ReadonlyMap<string, number>): Iterable<Measure> {
  const gauge = (name: Measure['name'], help: string, value: number): Measure => ({ name, kind: 'gauge', help, value })
  yield gauge('maggy_worker_slots', 'Slots that it offers', status.slots.length)
  const busy = status.slots.filter(({ running }) => running !== null).length
  yield gauge('maggy_worker_slots_busy', 'Slots in which something runs', busy)
  yield gauge('maggy_worker_results_waiting', 'Results that no driver has acknowledged', status.unacknowledged.length)
  yield gauge('maggy_worker_draining', '1: it takes nothing new', status.draining ? 1 : 0)
  const help = 'Attempts that have ended here'
  for (const [outcome, value] of outcomes) {
    yield { name: 'maggy_worker_attempts_total', kind: 'counter', help, value, labels: { outcome } }
  }
}
