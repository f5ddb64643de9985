/** Events of a log, for tests: one worker, one slot, times that can be given. */
import type { AttemptOutcome, HparamValue, LogEvent, Objective } from '../../protocol/index.ts'

export interface Accepting {
  readonly experiment?: string
  readonly trials?: number
  readonly objectives?: Objective[]
  readonly maxAttempts?: number
}

export function accepted({ experiment = 'e', trials = 1, objectives, maxAttempts = 3 }: Accepting): LogEvent {
  return {
    type: 'experiment.accepted',
    at: 0,
    submission: {
      experiment,
      name: 'mnist',
      contextName: 'tune',
      context: {
        kind: 'optimization',
        optimizer: { name: 'random', options: {} },
        pruner: null,
        space: { lr: { type: 'double', low: 0, high: 1 } },
        trials,
        objectives: objectives ?? [{ metric: 'accuracy', direction: 'maximize' }],
        hparams: {},
        seed: 7,
        policy: { trialTimeoutMs: null, graceMs: 5000, maxAttempts, maxFailed: null, parallel: null, labels: {} },
      },
      bundle: { sha256: 'a'.repeat(64), bytes: 1, module: 'mnist.ts' },
    },
  }
}

export function suggested(trial: number, hparams: Record<string, HparamValue> = { lr: 0.1 }): LogEvent {
  return { type: 'trial.suggested', at: 1, trial, hparams, seed: 1 }
}

export function assigned(trial: number, attempt = 1, at = 1): LogEvent {
  return { type: 'trial.assigned', at, trial, attempt, worker: 'w1', slot: 0 }
}

export function ended(
  trial: number,
  outcome: AttemptOutcome,
  attempt = 1,
  { startedAt = 10, endedAt = 20, points = 0 } = {},
): LogEvent {
  return { type: 'trial.ended', at: endedAt, trial, attempt, worker: 'w1', outcome, startedAt, endedAt, points }
}

export function lost(trial: number, attempt = 1): LogEvent {
  return { type: 'trial.lost', at: 15, trial, attempt, worker: 'w1', reason: 'no beat' }
}
