/** Events as fast-check draws them: of one trial, of an experiment, and whole logs. */
import * as fc from 'fast-check'
import type { AttemptOutcome, LogEvent } from '../../protocol/index.ts'
import type { ExperimentEvent } from '../../src/history/experiment.machine.ts'
import type { TrialEvent } from '../../src/history/trial.machine.ts'

const at = fc.integer({ min: 0, max: 1000 })
const worker = fc.constantFrom('w1', 'w2')
const attempt = fc.integer({ min: 1, max: 4 })
const fault = { code: 'TRAIN_FAILED', message: 'no' }
const metrics = fc.record({ value: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(null)) })

export const outcomes: fc.Arbitrary<AttemptOutcome> = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map((value) => ({ kind: 'done' as const, metrics: { value } })),
  fc.constant({ kind: 'failed' as const, problem: fault }),
  fc.constant({ kind: 'crashed' as const, problem: { code: 'RUNNER_CRASHED', message: 'gone' } }),
  fc.constant({ kind: 'returned' as const, reason: 'drain' }),
  fc
    .constantFrom('pruned' as const, 'cancelled' as const, 'superseded' as const)
    .chain((reason) => metrics.map((told) => ({ kind: 'stopped' as const, reason, metrics: told }))),
)

const ended = (trial: fc.Arbitrary<number>) =>
  fc.record({
    type: fc.constant('trial.ended' as const),
    at,
    trial,
    attempt,
    worker,
    outcome: outcomes,
    startedAt: fc.option(at),
    endedAt: at,
    points: fc.nat(5),
  })
const lost = (trial: fc.Arbitrary<number>) =>
  fc.record({ type: fc.constant('trial.lost' as const), at, trial, attempt, worker, reason: fc.constant('gone') })
const assigned = (trial: fc.Arbitrary<number>) =>
  fc.record({ type: fc.constant('trial.assigned' as const), at, trial, attempt, worker, slot: fc.nat(1) })
const stopping = (trial: fc.Arbitrary<number>) =>
  fc.record({
    type: fc.constant('trial.stopping' as const),
    at,
    trial,
    attempt,
    reason: fc.constant('pruned' as const),
    step: fc.nat(5),
  })

const zero = fc.constant(0)
/** Of one trial, in any order. */
export const trialEvents: fc.Arbitrary<TrialEvent> = fc.oneof(
  ended(zero),
  lost(zero),
  assigned(zero),
  stopping(zero),
  fc.record({ type: fc.constant('trial.started' as const), attempt, at }),
  fc.constant({ type: 'trial.cancelled' as const }),
  fc.constant({ type: 'experiment.resumed' as const }),
)

const trial = fc.nat(3)
const ofExperiment = fc.oneof(
  at.map((now) => ({ type: 'optimizer.opened' as const, at: now, instance: 'o1', adaptive: true })),
  at.map((now) => ({ type: 'optimizer.exhausted' as const, at: now })),
  fc.record({
    type: fc.constant('trial.suggested' as const),
    at,
    trial,
    hparams: fc.constant({}),
    seed: fc.nat(9),
  }),
  fc
    .tuple(at, fc.constantFrom('finish' as const, 'cancel' as const), fc.constantFrom(undefined, 'target' as const))
    .map(([now, mode, reason]) => ({
      type: 'experiment.stopping' as const,
      at: now,
      mode,
      ...(reason === undefined ? {} : { reason }),
    })),
  at.map((now) => ({ type: 'experiment.failing' as const, at: now, problem: fault })),
  at.map((now) => ({ type: 'experiment.resumed' as const, at: now })),
  fc.tuple(at, fc.constantFrom('done' as const, 'stopped' as const, 'failed' as const)).map(([now, state]) => ({
    type: 'experiment.ended' as const,
    at: now,
    state,
    best: null,
  })),
)

/** What moves the experiment's machine, in any order. */
export const experimentEvents: fc.Arbitrary<ExperimentEvent> = fc.oneof(
  { weight: 3, arbitrary: ofExperiment },
  fc.constant({ type: 'optimizer.lost' as const }),
  fc.constantFrom('done' as const, 'pruned' as const, 'failed' as const, 'cancelled' as const).map((state) => ({
    type: 'trial.settled' as const,
    state,
  })),
  fc.constant({ type: 'trial.reopened' as const }),
)

/** Any event that may stand behind the first of a log. */
export const logEvents: fc.Arbitrary<LogEvent> = fc.oneof(
  { weight: 2, arbitrary: ofExperiment },
  ended(trial),
  lost(trial),
  assigned(trial),
  stopping(trial),
  at.map((now) => ({ type: 'experiment.adopted' as const, at: now, driver: 'd1' })),
  at.map((now) => ({ type: 'experiment.noted' as const, at: now, note: 'a note' })),
  at.map((now) => ({
    type: 'experiment.signed' as const,
    at: now,
    signature: { key: 'k'.repeat(43), expiresAt: now, value: 's'.repeat(86) },
  })),
  fc.tuple(at, fc.constantFrom('fails' as const, 'judges' as const)).map(([now, pruner]) => ({
    type: 'experiment.noted' as const,
    at: now,
    note: `the pruner ${pruner}`,
    pruner,
  })),
  fc
    .tuple(at, trial, fc.array(fc.record({ worker, slot: fc.nat(1), attempt }), { minLength: 1, maxLength: 3 }))
    .map(([now, of, members]) => ({
      type: 'ring.formed' as const,
      at: now,
      trial: of,
      generation: 1,
      members,
    })),
)
