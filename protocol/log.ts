/** The log of events that must not be lost: one subject per experiment, one writer at a time, fenced by the expected last sequence. */
import { Type } from 'typebox'
import { Ablated } from './ablation.ts'
import { artifactFields } from './artifact.ts'
import {
  Code,
  Count,
  Hparams,
  Id,
  Instant,
  Label,
  mapOf,
  Metrics,
  Name,
  Ordinal,
  ProblemSchema,
  Sentence,
  Sha256,
  Slot,
  Text,
} from './common.ts'
import { Change } from './change.ts'
import { Plugin } from './context.ts'
import { message, version, whole } from './conversation.ts'
import { Submission } from './experiment.ts'
import { annotationFields } from './keeping.ts'
import { Signature } from './signature.ts'
import { Fidelity } from './suggest.ts'
import { AttemptOutcome, StopReason } from './trial.ts'

const at = Instant
const trial = Count
const attempt = Ordinal

/** Why an experiment is over before all its trials have run: a rule of its context was met. */
export const Conclusion = Type.Union([Type.Literal('time'), Type.Literal('target'), Type.Literal('no-improvement')])
export type Conclusion = Type.Static<typeof Conclusion>

/** How many events of the log an optimizer's or an ablator's decision rests on: it knew every trial that had settled by then. */
const told = Type.Optional(Count)
/** How many points of the trial's last attempt the driver had heard when it settled: other trials are compared with these. */
const heard = Type.Optional(Count)

/** The reports that a pruner's decision rests on. */
export const Seen = Type.Object({
  /** Points of the trial itself, the one that was judged included. */
  own: Count,
  /** Of the trials that had not settled: number, points, number, points, and so on. */
  others: Type.Array(Count, { maxItems: 65_536 }),
})
export type Seen = Type.Static<typeof Seen>

/** An event of the log is an event of the driver's machines, by the same name. */
const PrunerState = Type.Union([Type.Literal('fails'), Type.Literal('judges')])
export type PrunerState = Type.Static<typeof PrunerState>

export const LogEvent = Type.Union([
  Type.Object({ type: Type.Literal('experiment.accepted'), at, submission: Submission }),
  /** A driver took the experiment; the driver that wrote before it is fenced off. */
  Type.Object({
    type: Type.Literal('experiment.adopted'),
    at,
    driver: Id,
    /** How many holes the log had; a user said to go on all the same. */
    holes: Type.Optional(Count),
  }),
  Type.Object({
    type: Type.Literal('optimizer.opened'),
    at,
    instance: Id,
    adaptive: Type.Boolean(),
    /** The optimizer's sentences about its choices. */
    notes: Type.Optional(Type.Array(Sentence, { maxItems: 64 })),
  }),
  /** As `experiment.changed` with another optimizer: in logs from before there was that. */
  Type.Object({ type: Type.Literal('optimizer.swapped'), at, optimizer: Plugin }),
  /** What an optimizer that is asked on the side would have tried in the place of a trial. It changes nothing. */
  Type.Object({ type: Type.Literal('shadow.proposed'), at, trial, optimizer: Id, hparams: Hparams }),
  /** The optimizer has nothing more to suggest. */
  Type.Object({ type: Type.Literal('optimizer.exhausted'), at, told }),
  Type.Object({
    type: Type.Literal('trial.suggested'),
    at,
    trial,
    hparams: Hparams,
    seed: Count,
    fidelity: Type.Optional(Fidelity),
    /** In an ablation: the components that the trial leaves out. */
    ablated: Type.Optional(Ablated),
    /** It is the first of so many trials of this configuration, numbered one after the other; left out: it is the only one. */
    repeats: Type.Optional(Type.Integer({ minimum: 2, maximum: 256 })),
    told,
  }),
  Type.Object({
    type: Type.Literal('trial.assigned'),
    at,
    trial,
    attempt,
    worker: Id,
    slot: Slot,
    /** In a ring. */
    seat: Type.Optional(Count),
  }),
  /** The driver decided to stop an attempt. */
  Type.Object({
    type: Type.Literal('trial.stopping'),
    at,
    trial,
    attempt,
    reason: StopReason,
    step: Type.Union([Count, Type.Null()]),
    seen: Type.Optional(Seen),
    /** The repeat of the same configuration that was pruned, and this one with it. */
    with: Type.Optional(Count),
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
    /** The last step that the driver had heard of. */
    step: Type.Optional(Count),
    /** It ran out of memory: so many bytes its slot had. */
    memoryBytes: Type.Optional(Count),
    heard,
  }),
  /** A checkpoint of the trial was received, and is about to be kept: whoever loads one finds its hash here. */
  Type.Object({
    type: Type.Literal('trial.saved'),
    at,
    trial,
    attempt,
    worker: Id,
    /** The state of the ring that trains the trial, and not what user code saved. */
    ring: Type.Boolean(),
    sha256: Sha256,
    bytes: Count,
  }),
  /** All parts of an artifact of the trial are kept. It replaces what the same attempt had kept under this name. */
  Type.Object({
    type: Type.Literal('trial.artifact'),
    at,
    trial,
    attempt,
    worker: Id,
    ...artifactFields,
    sha256: Sha256,
  }),
  /** A worker is about to get its first trial of this experiment: what it runs on, for people who ask later. */
  Type.Object({
    type: Type.Literal('worker.introduced'),
    at,
    worker: Id,
    host: Label,
    backend: Name,
    versions: mapOf(Label, 64),
  }),
  /** The worker went away with the attempt. */
  Type.Object({ type: Type.Literal('trial.lost'), at, trial, attempt, worker: Id, reason: Text, heard }),
  /** A ring's new generation, written before its members hear of it, so that another driver can take the ring over. */
  Type.Object({
    type: Type.Literal('ring.formed'),
    at,
    trial,
    generation: Count,
    /** In the order of their ranks. */
    members: Type.Array(Type.Object({ worker: Id, slot: Slot, attempt }), { minItems: 1, maxItems: 1024 }),
  }),
  Type.Object({
    type: Type.Literal('experiment.stopping'),
    at,
    mode: Type.Union([Type.Literal('finish'), Type.Literal('cancel')]),
    /** The rule of the context that was met: the experiment ends as done. Without it, a user stopped it. */
    reason: Type.Optional(Conclusion),
  }),
  Type.Object({ type: Type.Literal('experiment.resumed'), at }),
  /** No more trials are handed out until it is resumed; `now`: those under way are handed back. */
  Type.Object({ type: Type.Literal('experiment.paused'), at, now: Type.Optional(Type.Boolean()) }),
  /** A user changed the context: from here on it is another. `id`: of the request. */
  Type.Object({
    type: Type.Literal('experiment.changed'),
    at,
    id: Id,
    change: Change,
    /** Of the changed context, where it goes beyond what was signed before. */
    signature: Type.Optional(Signature),
  }),
  /** Another signature in the place of the one that it was submitted with. */
  Type.Object({ type: Type.Literal('experiment.signed'), at, signature: Signature }),
  /** A sentence for people while the experiment goes on; it changes nothing. */
  Type.Object({
    type: Type.Literal('experiment.noted'),
    at,
    note: Sentence,
    /** What the note says of the pruner: it does not judge from now on, or it judges again. */
    pruner: Type.Optional(PrunerState),
    /** Of the error that it failed with. */
    code: Type.Optional(Code),
  }),
  /** A user gave it a note, or tags, or took tags from it; also after its end. */
  Type.Object({ type: Type.Literal('experiment.annotated'), at, ...annotationFields }),
  /** It is being removed: nothing follows, and whoever finds this goes on with the removal. */
  Type.Object({ type: Type.Literal('experiment.removing'), at }),
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
  payload: Type.Object({
    /** The number of the first of these events, counted from 0. Entries from before 0.2 have none. A gap is a hole in the log. */
    first: Type.Optional(Count),
    events: Type.Array(LogEvent, { minItems: 1, maxItems: 4096 }),
  }),
  maxBytes: whole,
  speaks: 'driver',
  hears: ['client', 'board'],
  doc: 'The log of an experiment. Read it from the stream, never from the subject: what the stream refused was said on the subject too.',
  example: {
    params: { experiment: 'mnist-tune-7f3a' },
    payload: {
      first: 3,
      events: [
        { type: 'trial.suggested', at: 1_700_000_000_000, trial: 0, hparams: { lr: 0.01 }, seed: 42, told: 3 },
        { type: 'trial.assigned', at: 1_700_000_000_000, trial: 0, attempt: 1, worker: 'w1', slot: 0 },
      ],
    },
  },
})
