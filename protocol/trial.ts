/** A trial's way between driver and worker. */
import { Type } from 'typebox'
import { Ablated } from './ablation.ts'
import {
  Count,
  Duration,
  Hparams,
  Id,
  Instant,
  Label,
  mapOf,
  MetricPoint,
  Metrics,
  Name,
  Ordinal,
  Patience,
  ProblemSchema,
  Slot,
  Text,
} from './common.ts'
import { AttemptRef } from './discovery.ts'
import { namesAtMost } from './names.ts'
import { call, few, kibibyte, mebibyte, message, version, whole } from './conversation.ts'
import { RingSettings } from './context.ts'
import { Bundle } from './experiment.ts'
import { Signed } from './signing.ts'

/** The ring that trains a trial. The runner says `ring.join` when train comes to its first gradient. */
export const RingSeat = Type.Object({
  /** `<experiment>-<trial>`. */
  ring: Id,
  settings: RingSettings,
  /** Left out: one less than the attempt. */
  seat: Type.Optional(Count),
})
export type RingSeat = Type.Static<typeof RingSeat>

export const Assignment = Type.Object({
  attempt: AttemptRef,
  driver: Id,
  slot: Slot,
  /** Left out: of an experiment whose code is not on the bus. */
  bundle: Type.Optional(Bundle),
  /** The context's name in the definition, for the reporter's and the user's eyes. */
  contextName: Label,
  hparams: Hparams,
  /** The trial whose checkpoint this one continues, until it has one of its own. */
  resumeFrom: Type.Optional(Count),
  /** Derived from experiment and trial, never from the clock. */
  seed: Count,
  /** Metrics that train must return. */
  objectives: Type.Array(Name, { maxItems: 64 }),
  trialTimeoutMs: Type.Union([Duration, Type.Null()]),
  graceMs: Patience,
  /** In an ablation: what this trial does without. */
  ablated: Type.Optional(Ablated),
  /** Other workers have the same trial, each with an attempt of its own. */
  ring: Type.Optional(RingSeat),
  /** Of an experiment that is signed: who vouches for this code, and within which bounds. */
  signed: Type.Optional(Signed),
})
export type Assignment = Type.Static<typeof Assignment>

/** Assignments, or results, in one message. */
export const severalAtMost = 64

const Position = Type.Union([Type.Literal('running'), Type.Literal('next')])

const attempt = { experiment: 'mnist-tune-7f3a', trial: 3, attempt: 1 }

export const assign = call({
  name: 'trial.assign',
  subject: `maggy.${version}.call.worker.{worker}.assign`,
  payload: Assignment,
  reply: Type.Object({ position: Position }),
  maxBytes: whole,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'worker',
  doc: 'Hands an attempt to a leased slot; others wait behind the first (prefetch), in order, as many as the worker says (`ahead`). Repeating the call is the same as making it once.',
  example: {
    params: { worker: 'w1' },
    payload: {
      attempt,
      driver: 'd1',
      slot: 0,
      bundle: { sha256: 'a'.repeat(64), bytes: 2048, module: 'mnist.ts' },
      contextName: 'tune',
      hparams: { lr: 0.01 },
      seed: 42,
      objectives: ['accuracy'],
      trialTimeoutMs: null,
      graceMs: 5000,
    },
    reply: { position: 'running' },
  },
})

export const assignSeveral = call({
  name: 'trial.assign-several',
  subject: `maggy.${version}.call.worker.{worker}.assign-several`,
  payload: Type.Object({ assignments: Type.Array(Assignment, { minItems: 1, maxItems: severalAtMost }) }),
  reply: Type.Object({
    /** To each assignment, in order. */
    answers: Type.Array(Type.Union([Type.Object({ position: Position }), Type.Object({ problem: ProblemSchema })]), {
      maxItems: severalAtMost,
    }),
  }),
  maxBytes: whole,
  maxReplyBytes: mebibyte,
  speaks: 'driver',
  hears: 'worker',
  doc: 'Several calls of trial.assign in one, taken in order. Asked of workers that say `ahead`: for trials of milliseconds the messages cost more than the trials.',
  example: {
    params: { worker: 'w1' },
    payload: {
      assignments: [
        {
          attempt,
          driver: 'd1',
          slot: 0,
          bundle: { sha256: 'a'.repeat(64), bytes: 2048, module: 'mnist.ts' },
          contextName: 'tune',
          hparams: { lr: 0.01 },
          seed: 42,
          objectives: ['accuracy'],
          trialTimeoutMs: null,
          graceMs: 5000,
        },
      ],
    },
    reply: { answers: [{ position: 'running' }] },
  },
})

export const StopReason = Type.Union([Type.Literal('pruned'), Type.Literal('cancelled'), Type.Literal('superseded')])
export type StopReason = Type.Static<typeof StopReason>

export const stopTrial = call({
  name: 'trial.stop',
  subject: `maggy.${version}.call.worker.{worker}.stop`,
  payload: Type.Object({
    attempt: AttemptRef,
    reason: StopReason,
    /** Only if it waits behind another attempt: what has begun goes on. */
    ifWaiting: Type.Optional(Type.Literal(true)),
  }),
  reply: Type.Object({ known: Type.Boolean() }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'worker',
  doc: 'Stops an attempt: the next report throws EarlyStop in the training function. What waits behind another attempt is handed back; with `ifWaiting` nothing else is done.',
  example: { params: { worker: 'w1' }, payload: { attempt, reason: 'pruned' }, reply: { known: true } },
})

export const started = message({
  name: 'trial.started',
  subject: `maggy.${version}.worker.{worker}.started.{experiment}`,
  payload: Type.Object({ trial: Count, attempt: Ordinal, slot: Slot, at: Instant }),
  maxBytes: few,
  speaks: 'worker',
  hears: 'driver',
  doc: 'The runner has begun with an attempt. It may be left out of one that ends within a second: its result says when it began.',
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a' },
    payload: { trial: 3, attempt: 1, slot: 0, at: 1_700_000_000_000 },
  },
})

/** How an attempt ended, as the worker saw it. */
export const AttemptOutcome = Type.Union([
  /** train returned these numbers. */
  Type.Object({
    kind: Type.Literal('done'),
    metrics: mapOf(Type.Number(), namesAtMost),
    /** In an ablation: how many parameters the model had that train worked with. */
    parameters: Type.Optional(Count),
  }),
  /** It was stopped; the metrics are the last that were reported. */
  Type.Object({
    kind: Type.Literal('stopped'),
    reason: StopReason,
    metrics: Metrics,
  }),
  /** train threw or returned what it must not, or its time was up: trying again would end alike. */
  Type.Object({ kind: Type.Literal('failed'), problem: ProblemSchema }),
  /** The runner died under it: it may be tried again. */
  Type.Object({ kind: Type.Literal('crashed'), problem: ProblemSchema }),
  /** Handed back (the worker drains, or the slot changed hands before it began): it costs no attempt. */
  Type.Object({ kind: Type.Literal('returned'), reason: Text }),
])
export type AttemptOutcome = Type.Static<typeof AttemptOutcome>

const Result = Type.Object({
  trial: Count,
  attempt: Ordinal,
  slot: Slot,
  outcome: AttemptOutcome,
  startedAt: Type.Union([Instant, Type.Null()]),
  endedAt: Instant,
  /** How many metric points the attempt reported: so many lie in the telemetry stream. */
  points: Count,
  /** The trial has a checkpoint in the object store. */
  checkpoint: Type.Optional(Type.Boolean()),
})

export const done = call({
  name: 'trial.done',
  subject: `maggy.${version}.worker.{worker}.done.{experiment}`,
  payload: Result,
  reply: Type.Object({}),
  maxBytes: 256 * kibibyte,
  maxReplyBytes: few,
  speaks: 'worker',
  hears: 'driver',
  doc: 'An attempt has ended. The reply comes once it is in the log; until then the worker keeps the result and says it again, so a result outlives an absent driver.',
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a' },
    payload: {
      trial: 3,
      attempt: 1,
      slot: 0,
      outcome: { kind: 'done', metrics: { accuracy: 0.975 } },
      startedAt: 1_700_000_000_000,
      endedAt: 1_700_000_060_000,
      points: 12,
    },
    reply: {},
  },
})

export const doneSeveral = call({
  name: 'trial.done-several',
  subject: `maggy.${version}.worker.{worker}.done-several.{experiment}`,
  payload: Type.Object({ results: Type.Array(Result, { minItems: 1, maxItems: severalAtMost }) }),
  reply: Type.Object({
    /** To each result, in order: null where it is in the log. */
    refusals: Type.Array(Type.Union([Type.Null(), ProblemSchema]), { maxItems: severalAtMost }),
  }),
  maxBytes: mebibyte,
  maxReplyBytes: mebibyte,
  speaks: 'worker',
  hears: 'driver',
  doc: 'Several calls of trial.done in one. The reply comes once all that are taken are in the log.',
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a' },
    payload: {
      results: [
        {
          trial: 3,
          attempt: 1,
          slot: 0,
          outcome: { kind: 'done', metrics: { accuracy: 0.975 } },
          startedAt: 1_700_000_000_000,
          endedAt: 1_700_000_060_000,
          points: 12,
        },
      ],
    },
    reply: { refusals: [null] },
  },
})

export const metrics = message({
  name: 'trial.metrics',
  subject: `maggy.${version}.worker.{worker}.metrics.{experiment}.{trial}`,
  kept: 'telemetry',
  payload: Type.Object({
    attempt: Ordinal,
    /** The index of the first point within the attempt: what was heard already is dropped by it. */
    first: Count,
    points: Type.Array(MetricPoint, { maxItems: 4096 }),
  }),
  maxBytes: mebibyte,
  speaks: 'runner',
  hears: ['driver', 'client', 'board'],
  doc: 'What train reported, in batches, kept in the telemetry stream (not synced); said again until the stream has acknowledged it.',
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a', trial: '3' },
    payload: {
      attempt: 1,
      first: 0,
      points: [{ step: 0, at: 1_700_000_000_000, values: { accuracy: 0.1, loss: null } }],
    },
  },
})

export const output = message({
  name: 'trial.output',
  subject: `maggy.${version}.worker.{worker}.output.{experiment}.{trial}`,
  kept: 'telemetry',
  payload: Type.Object({
    attempt: Ordinal,
    lines: Type.Array(
      Type.Object({
        at: Instant,
        from: Type.Union([Type.Literal('stdout'), Type.Literal('stderr'), Type.Literal('log')]),
        text: Text,
      }),
      { maxItems: 4096 },
    ),
  }),
  maxBytes: mebibyte,
  speaks: ['runner', 'worker'],
  hears: ['client', 'board'],
  doc: 'What user code printed or logged, by trial.',
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a', trial: '3' },
    payload: { attempt: 1, lines: [{ at: 1_700_000_000_000, from: 'log', text: 'epoch 1' }] },
  },
})

export const runnerBeat = message({
  name: 'runner.beat',
  subject: `maggy.${version}.worker.{worker}.runner.{runner}.beat`,
  payload: Type.Object({
    pid: Count,
    attempt: Type.Union([AttemptRef, Type.Null()]),
    /** After a notice: what there was to keep of the attempt is kept, and it waits to be handed back. */
    kept: Type.Optional(Type.Boolean()),
  }),
  maxBytes: few,
  speaks: 'runner',
  hears: 'worker',
  doc: "The runner's second thread is alive, however long the training loop blocks the first.",
  example: { params: { worker: 'w1', runner: '0' }, payload: { pid: 4712, attempt } },
})

export const runnerStop = message({
  name: 'runner.stop',
  subject: `maggy.${version}.worker.{worker}.runner.{runner}.stop`,
  payload: Type.Object({ attempt: AttemptRef, reason: Type.Union([StopReason, Type.Literal('timeout')]) }),
  maxBytes: few,
  speaks: 'worker',
  hears: 'runner',
  doc: 'Stops what the runner has, however long the training loop blocks its first thread: the next report throws EarlyStop.',
  example: { params: { worker: 'w1', runner: '0' }, payload: { attempt, reason: 'pruned' } },
})

export const runnerNotice = message({
  name: 'runner.notice',
  subject: `maggy.${version}.worker.{worker}.runner.{runner}.notice`,
  payload: Type.Object({ attempt: AttemptRef }),
  maxBytes: few,
  speaks: 'worker',
  hears: 'runner',
  doc: 'The host goes within seconds: the attempt is handed back after its next checkpoint. Said again each second; its beat says when that is kept.',
  example: { params: { worker: 'w1', runner: '0' }, payload: { attempt } },
})
