/** A worker as it announces itself, where nothing but its name and its slots matters. */
import type { WorkerInfo } from '../../protocol/index.ts'

export const plainWorker: WorkerInfo = {
  worker: 'w1',
  host: 'h',
  pid: 1,
  slots: 1,
  labels: {},
  backend: 'simulated',
  cores: 1,
  memoryBytes: 1,
  versions: {},
  startedAt: 1,
}
