/** What must not be lost: one subject per experiment, one writer at a time, fenced by the expected last sequence. */
import { Type } from 'typebox'
import { Ablated } from './ablation.ts'
import { Count, Hparams, Id, Instant, Metrics, ProblemSchema } from './common.ts'
import { message, version } from './conversation.ts'
import { Submission } from './experiment.ts'
import { Fidelity } from './suggest.ts'
import { AttemptOutcome, StopReason } from './trial.ts'

const at = Instant
const trial = Count
const attempt = Type.Integer({ minimum: 1 })

/** Why an experiment is over before all its trials have run: a rule of its context was met. */
export const Conclusion = Type.Union([Type.Literal('time'), Type.Literal('target'), Type.Literal('no-improvement')])
export type Conclusion = Type.Static<typeof Conclusion>

/** An event of the log is an event of the driver's machines, by the same name. */
export const LogEvent = Type.Union([
  Type.Object({ type: Type.Literal('experiment.accepted'), at, submission: Submission }),
  /** A driver took the experiment; whoever wrote last before it is fenced off. */
  Type.Object({ type: Type.Literal('experiment.adopted'), at, driver: Id }),
  Type.Object({
    type: Type.Literal('optimizer.opened'),
    at,
    instance: Id,
    adaptive: Type.Boolean(),
    /** What the optimizer says of its choices. */
    notes: Type.Optional(Type.Array(Type.String())),
  }),
  /** The optimizer has nothing more to suggest. */
  Type.Object({ type: Type.Literal('optimizer.exhausted'), at }),
  Type.Object({
    type: Type.Literal('trial.suggested'),
    at,
    trial,
    hparams: Hparams,
    seed: Count,
    fidelity: Type.Optional(Fidelity),
    /** In an ablation: what the trial does without. */
    ablated: Type.Optional(Ablated),
  }),
  Type.Object({ type: Type.Literal('trial.assigned'), at, trial, attempt, worker: Id, slot: Count }),
  /** The driver decided to stop an attempt. */
  Type.Object({
    type: Type.Literal('trial.stopping'),
    at,
    trial,
    attempt,
    reason: StopReason,
    step: Type.Union([Count, Type.Null()]),
  }),
  /** A worker said how an attempt ended. */
  Type.Object({
    type: Type.Literal('trial.ended'),
    at,
    trial,
    attempt,
    worker: Id,
    outcome: AttemptOutcome,
    startedAt: Type.Union([Instant, Type.Null()]),
    endedAt: Instant,
    points: Count,
    checkpoint: Type.Optional(Type.Boolean()),
  }),
  /** The worker went away with the attempt. */
  Type.Object({ type: Type.Literal('trial.lost'), at, trial, attempt, worker: Id, reason: Type.String() }),
  /** A ring's new generation, before its members hear of it: what a driver needs to take a ring over. */
  Type.Object({
    type: Type.Literal('ring.formed'),
    at,
    trial,
    generation: Count,
    /** In the order of their ranks. */
    members: Type.Array(Type.Object({ worker: Id, slot: Count, attempt }), { minItems: 1, maxItems: 1024 }),
  }),
  Type.Object({
    type: Type.Literal('experiment.stopping'),
    at,
    mode: Type.Union([Type.Literal('finish'), Type.Literal('cancel')]),
    /** The rule of the context that was met: the experiment ends as done. Without it, somebody said stop. */
    reason: Type.Optional(Conclusion),
  }),
  Type.Object({ type: Type.Literal('experiment.resumed'), at }),
  /** It cannot go on: given up, or its optimizer refuses it. */
  Type.Object({ type: Type.Literal('experiment.failing'), at, problem: ProblemSchema }),
  Type.Object({
    type: Type.Literal('experiment.ended'),
    at,
    state: Type.Union([Type.Literal('done'), Type.Literal('stopped'), Type.Literal('failed')]),
    best: Type.Union([Type.Object({ trial: Count, metrics: Metrics }), Type.Null()]),
  }),
])
export type LogEvent = Type.Static<typeof LogEvent>

/** The events of one turn of the writer's loop, appended and synced as one. */
export const log = message({
  name: 'experiment.log',
  subject: `maggy.${version}.log.{experiment}`,
  kept: 'log',
  payload: Type.Object({ events: Type.Array(LogEvent, { minItems: 1 }) }),
  speaks: 'driver',
  hears: 'client',
  doc: 'The log of an experiment. Read it from the stream, never from the subject: what the stream refused was said on the subject too.',
  example: {
    params: { experiment: 'mnist-tune-7f3a' },
    payload: {
      events: [
        { type: 'trial.suggested', at: 1_700_000_000_000, trial: 0, hparams: { lr: 0.01 }, seed: 42 },
        { type: 'trial.assigned', at: 1_700_000_000_000, trial: 0, attempt: 1, worker: 'w1', slot: 0 },
      ],
    },
  },
})
