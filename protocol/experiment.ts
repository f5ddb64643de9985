/** The client's words with the driver that owns an experiment. */
import { Type } from 'typebox'
import { AskedChange } from './change.ts'
import { Code, Count, Id, Instant, Label, mapOf, Metrics, Name, Sha256, Slot, State, Text } from './common.ts'
import { Context } from './context.ts'
import { Signature } from './signature.ts'
import { call, few, mebibyte, message, version, whole } from './conversation.ts'

/** A module's code, as it lies in the object store under its hash. */
export const Bundle = Type.Object({
  sha256: Sha256,
  bytes: Count,
  module: Type.String({ maxLength: 4096 }),
})
export type Bundle = Type.Static<typeof Bundle>

/** Where it was submitted from, for people who ask later; it decides nothing. */
export const Provenance = Type.Object({
  host: Label,
  user: Type.Optional(Label),
  /** Of maggy, node and tfjs where the client runs. */
  versions: mapOf(Label, 64),
  /** Of the repository that the module lies in. Left out: it lies in none. */
  git: Type.Optional(
    Type.Object({
      commit: Type.String({ pattern: '^[0-9a-f]{40,64}$' }),
      branch: Type.Optional(Label),
      /** Files had changed since that commit, or the module itself is not in it. */
      dirty: Type.Boolean(),
    }),
  ),
})
export type Provenance = Type.Static<typeof Provenance>

export const Submission = Type.Object({
  experiment: Id,
  name: Name,
  /** The context's name in the definition. */
  contextName: Label,
  context: Context,
  /** Left out: its code is not on the bus, and its trials go to workers that name it among their `experiments`. */
  bundle: Type.Optional(Bundle),
  /** Of the bundle, with all that decides what is run (signing.ts). Left out: workers that run signed code only do not run it. */
  signature: Type.Optional(Signature),
  provenance: Type.Optional(Provenance),
})
export type Submission = Type.Static<typeof Submission>

export const exampleContext = {
  kind: 'optimization' as const,
  optimizer: { name: 'random', options: {} },
  pruner: null,
  space: { lr: { type: 'double' as const, low: 0.0001, high: 0.1, log: true } },
  trials: 20,
  objectives: [{ metric: 'accuracy', direction: 'maximize' as const }],
  hparams: {},
  seed: 1,
  policy: { trialTimeoutMs: null, graceMs: 5000, maxAttempts: 3, maxFailed: null, parallel: null, labels: {} },
}

const exampleSubmission = {
  experiment: 'mnist-tune-7f3a',
  name: 'mnist',
  contextName: 'tune',
  context: exampleContext,
  bundle: { sha256: 'a'.repeat(64), bytes: 2048, module: 'mnist.ts' },
}

export const submit = call({
  name: 'experiment.submit',
  queue: 'driver',
  subject: `maggy.${version}.call.driver.submit`,
  payload: Submission,
  reply: Type.Object({ experiment: Id, driver: Id }),
  maxBytes: whole,
  maxReplyBytes: few,
  speaks: 'client',
  hears: 'driver',
  doc: 'Accepts an experiment. Any driver may take it (queue group `driver`); it is in the log before the reply. The client chooses the id, so a repeated call is the same experiment.',
  example: {
    params: {},
    payload: exampleSubmission,
    reply: { experiment: 'mnist-tune-7f3a', driver: 'd1' },
  },
})

export const passOn = call({
  name: 'experiment.pass',
  subject: `maggy.${version}.call.driver.{driver}.accept`,
  payload: Submission,
  reply: Type.Object({ experiment: Id, driver: Id }),
  maxBytes: whole,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'driver',
  doc: 'A driver passes a submission on to one that has fewer experiments, and answers the client with what that one says.',
  example: {
    params: { driver: 'd2' },
    payload: exampleSubmission,
    reply: { experiment: 'mnist-tune-7f3a', driver: 'd2' },
  },
})

export const handOver = call({
  name: 'experiment.handover',
  subject: `maggy.${version}.call.driver.{driver}.take`,
  payload: Type.Object({ experiment: Id }),
  reply: Type.Object({ taken: Type.Boolean() }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'driver',
  doc: 'A driver that ends has let go of an experiment, and asks another one to take it up now. Unanswered, or with `taken` false, it is found in the log as any that nobody owns.',
  example: { params: { driver: 'd2' }, payload: { experiment: 'mnist-tune-7f3a' }, reply: { taken: true } },
})

export const stopExperiment = call({
  name: 'experiment.stop',
  subject: `maggy.${version}.call.experiment.{experiment}.stop`,
  payload: Type.Object({
    /** finish: running trials end by themselves; cancel: they are stopped now. */
    mode: Type.Union([Type.Literal('finish'), Type.Literal('cancel')]),
  }),
  reply: Type.Object({ state: State }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'client',
  hears: 'driver',
  doc: 'Ends an experiment early. It can be resumed later. The driver that owns the experiment answers.',
  example: { params: { experiment: 'mnist-tune-7f3a' }, payload: { mode: 'finish' }, reply: { state: 'finishing' } },
})

export const resumeExperiment = call({
  name: 'experiment.resume',
  queue: 'driver',
  subject: `maggy.${version}.call.driver.resume`,
  payload: Type.Object({
    experiment: Id,
    /** Go on although the log has a hole. */
    force: Type.Optional(Type.Boolean()),
    /** Goes on with this changed; it stands in the log in the same entry. */
    change: Type.Optional(AskedChange),
  }),
  reply: Type.Object({ experiment: Id, driver: Id, state: State }),
  maxBytes: mebibyte,
  maxReplyBytes: few,
  speaks: 'client',
  hears: 'driver',
  doc: 'Takes up an experiment that was stopped, that is paused, or whose driver is gone; with a `change`, also one that is done. Any driver may take it (queue group `driver`); one that another driver has is asked by `experiment.change`. LOG_HOLE: part of its log is gone. CHANGE_REFUSED: nothing was done.',
  example: {
    params: {},
    payload: { experiment: 'mnist-tune-7f3a' },
    reply: { experiment: 'mnist-tune-7f3a', driver: 'd1', state: 'searching' },
  },
})

export const signExperiment = call({
  name: 'experiment.sign',
  subject: `maggy.${version}.call.experiment.{experiment}.sign`,
  payload: Type.Object({ signature: Signature }),
  reply: Type.Object({}),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'client',
  hears: 'driver',
  doc: 'Another signature of what was submitted, in the place of one of the same key, of one that has expired, or of none. It is in the log before the reply. The driver that owns the experiment answers. SIGNATURE_INVALID: it is of something else.',
  example: {
    params: { experiment: 'mnist-tune-7f3a' },
    payload: {
      signature: {
        key: 'A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg',
        expiresAt: 1_702_592_000_000,
        value: 'fojgkqB2gz-5AUOF2IJMvOeNFD4N3SnbKxjyP6Yu5U7cMnVN5Tj8ugy1c6aygDW0xPIMbZHdcK4e8msz27i5BA',
      },
    },
    reply: {},
  },
})

export const Counts = Type.Object({
  queued: Count,
  running: Count,
  done: Count,
  pruned: Count,
  failed: Count,
  cancelled: Count,
})
export type Counts = Type.Static<typeof Counts>

/** How a ring stands. */
export const RingStanding = Type.Object({
  state: State,
  generation: Count,
  /** In the order of their ranks. */
  members: Type.Array(Id, { maxItems: 1024 }),
  wanted: Count,
  /** The last step that all have finished. */
  step: Type.Union([Count, Type.Null()]),
  /** Over all members. */
  samplesPerSecond: Type.Number({ minimum: 0 }),
  /** Of a step's time, what was spent waiting for the ring: 0 to 1. */
  communication: Type.Number({ minimum: 0, maximum: 1 }),
  /** A member that the others wait for, and how many times as long it computes. */
  straggler: Type.Union([Type.Object({ worker: Id, times: Type.Number() }), Type.Null()]),
})
export type RingStanding = Type.Static<typeof RingStanding>

export const progress = message({
  name: 'experiment.progress',
  subject: `maggy.${version}.experiment.{experiment}.progress`,
  payload: Type.Object({
    driver: Id,
    state: State,
    at: Instant,
    trials: Count,
    counts: Counts,
    best: Type.Union([Type.Object({ trial: Count, metrics: Metrics }), Type.Null()]),
    running: Type.Array(
      Type.Object({
        trial: Count,
        attempt: Count,
        worker: Id,
        slot: Slot,
        startedAt: Type.Union([Instant, Type.Null()]),
        step: Type.Union([Count, Type.Null()]),
        metrics: Metrics,
        ring: Type.Optional(RingStanding),
      }),
      { maxItems: 256 },
    ),
    /** Workers known to this driver. */
    workers: Count,
    /** Why nothing goes on, if nothing does: an error code (no worker, no optimizer). */
    waiting: Type.Union([Type.Object({ code: Code, message: Text, sinceMs: Count }), Type.Null()]),
  }),
  maxBytes: mebibyte,
  speaks: 'driver',
  hears: ['client', 'board'],
  doc: 'How an experiment stands, for people who watch. Not kept; the log is what counts.',
  example: {
    params: { experiment: 'mnist-tune-7f3a' },
    payload: {
      driver: 'd1',
      state: 'searching',
      at: 1_700_000_000_000,
      trials: 20,
      counts: { queued: 0, running: 1, done: 3, pruned: 0, failed: 0, cancelled: 0 },
      best: { trial: 2, metrics: { accuracy: 0.97 } },
      running: [
        {
          trial: 3,
          attempt: 1,
          worker: 'w1',
          slot: 0,
          startedAt: 1_700_000_000_000,
          step: 4,
          metrics: { accuracy: 0.5 },
        },
      ],
      workers: 2,
      waiting: null,
    },
  },
})
