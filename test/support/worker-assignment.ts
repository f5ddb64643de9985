/** An assignment for tests of the worker. */
import type { Assignment } from '../../protocol/index.ts'

export const assignmentOf = (trial: number, change: Partial<Assignment> = {}): Assignment => ({
  attempt: { experiment: 'x', trial, attempt: 1 },
  driver: 'd1',
  slot: 0,
  bundle: { sha256: 'a'.repeat(64), bytes: 1, module: 'm.ts' },
  contextName: 'tune',
  hparams: {},
  seed: 1,
  objectives: ['value'],
  trialTimeoutMs: null,
  graceMs: 1_000,
  ...change,
})
