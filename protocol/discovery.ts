/** How workers and drivers find each other, and how a driver comes to hold a slot. */
import { Type } from 'typebox'
import { Count, Duration, Id, Instant, Label, mapOf, Name, Ordinal, Sentence, Slot } from './common.ts'
import { PublicKey } from './signature.ts'
import { call, few, kibibyte, mebibyte, message, version } from './conversation.ts'

/**
 * What a worker can do beside running trials, by the fields of trial.assign that it heeds: `bundle` (it runs the experiment's own code,
 * whatever that is), `ablated` (it leaves out components), `ring` (it trains together with others), `resumeFrom` (it keeps checkpoints,
 * and continues those of other trials). `artifacts` is no field of it: it saves them (artifact.write) if its trials make any.
 */
export const Capability = Type.Union([
  Type.Literal('bundle'),
  Type.Literal('ablated'),
  Type.Literal('ring'),
  Type.Literal('resumeFrom'),
  Type.Literal('artifacts'),
])
export type Capability = Type.Static<typeof Capability>

export const WorkerInfo = Type.Object({
  worker: Id,
  host: Label,
  pid: Count,
  slots: Type.Integer({ minimum: 1, maximum: 1024 }),
  labels: mapOf(Label, 64),
  backend: Name,
  cores: Count,
  memoryBytes: Count,
  /** Left out: none. */
  gpus: Type.Optional(Type.Number({ minimum: 0 })),
  versions: mapOf(Label, 64),
  startedAt: Instant,
  /** It is not asked for more than this. Left out: for none of it. */
  can: Type.Optional(Type.Array(Capability, { maxItems: 16 })),
  /** Experiments, by their names, whose trials it runs by code of its own; one that runs bundles needs to name none. */
  experiments: Type.Optional(Type.Array(Name, { maxItems: 1024 })),
  /** So many attempts may wait in each slot behind the one that runs. Left out: one. */
  ahead: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
  /** It runs only what one of these keys has signed. Left out: whatever it is given. */
  trusts: Type.Optional(Type.Array(PublicKey, { maxItems: 1024 })),
})
export type WorkerInfo = Type.Static<typeof WorkerInfo>

/** One try at one trial. */
export const AttemptRef = Type.Object({ experiment: Id, trial: Count, attempt: Ordinal })
export type AttemptRef = Type.Static<typeof AttemptRef>
/** An attempt's name in maps, and between a worker and its runner. */
export const attemptKey = ({ experiment, trial, attempt }: AttemptRef): string => `${experiment}/${trial}/${attempt}`

/** The state of a slot: the attempt that runs, those that wait behind it, and the driver that leased it. */
export const SlotStatus = Type.Object({
  slot: Slot,
  driver: Type.Union([Id, Type.Null()]),
  running: Type.Union([AttemptRef, Type.Null()]),
  next: Type.Union([AttemptRef, Type.Null()]),
  /** What waits behind the next one, in order. Left out: nothing. */
  behind: Type.Optional(Type.Array(AttemptRef, { maxItems: 64 })),
})
export type SlotStatus = Type.Static<typeof SlotStatus>

/** Results that one status names, the oldest first. Where there are as many, there may be more: an attempt that is not named is not gone. */
export const unacknowledgedAtMost = 1024

export const WorkerStatus = Type.Object({
  slots: Type.Array(SlotStatus, { maxItems: 1024 }),
  /** Results that no driver has acknowledged yet. */
  unacknowledged: Type.Array(AttemptRef, { maxItems: unacknowledgedAtMost }),
  draining: Type.Boolean(),
})
export type WorkerStatus = Type.Static<typeof WorkerStatus>

const attempt = { experiment: 'mnist-tune-7f3a', trial: 3, attempt: 1 }
const status = {
  slots: [{ slot: 0, driver: 'd1', running: attempt, next: null }],
  unacknowledged: [],
  draining: false,
}
const info = {
  worker: 'w1',
  host: 'host-a',
  pid: 4711,
  slots: 1,
  labels: { gpu: 'no' },
  backend: 'tensorflow',
  cores: 2,
  memoryBytes: 8_000_000_000,
  versions: { maggy: '0.1.0', node: '20.20.2', tfjs: '4.22.0' },
  startedAt: 1_700_000_000_000,
  can: ['bundle' as const, 'ablated' as const, 'ring' as const, 'resumeFrom' as const],
}

export const announce = message({
  name: 'worker.announce',
  subject: `maggy.${version}.worker.{worker}.announce`,
  payload: Type.Object({ info: WorkerInfo, status: WorkerStatus }),
  maxBytes: 512 * kibibyte,
  speaks: 'worker',
  hears: ['driver', 'client', 'board'],
  doc: 'A worker says that it is here: when it starts, when it reconnects, and when a driver calls the roll.',
  example: { params: { worker: 'w1' }, payload: { info, status } },
})

export const beat = message({
  name: 'worker.beat',
  subject: `maggy.${version}.worker.{worker}.beat`,
  payload: WorkerStatus,
  maxBytes: 512 * kibibyte,
  speaks: 'worker',
  hears: ['driver', 'board'],
  doc: 'A worker is still here, and what its slots hold. Every second, and at once when a slot falls free.',
  example: { params: { worker: 'w1' }, payload: status },
})

export const leave = message({
  name: 'worker.leave',
  subject: `maggy.${version}.worker.{worker}.leave`,
  payload: Type.Object({ reason: Sentence }),
  maxBytes: few,
  speaks: 'worker',
  hears: ['driver', 'board'],
  doc: 'A worker has drained and goes.',
  example: { params: { worker: 'w1' }, payload: { reason: 'SIGTERM' } },
})

export const rollCall = message({
  name: 'driver.rollcall',
  subject: `maggy.${version}.driver.{driver}.rollcall`,
  payload: Type.Object({
    /** Each worker picks a moment within this time. Left out: at once. */
    spreadMs: Type.Optional(Duration),
  }),
  maxBytes: few,
  speaks: 'driver',
  hears: 'worker',
  doc: 'Every worker that hears it announces itself.',
  example: { params: { driver: 'd1' }, payload: {} },
})

export const driverBeat = message({
  name: 'driver.beat',
  subject: `maggy.${version}.driver.{driver}.beat`,
  payload: Type.Object({
    /** Experiments that this driver owns; others leave them alone as long as it beats. */
    experiments: Type.Array(Id, { maxItems: 4096 }),
  }),
  maxBytes: mebibyte,
  speaks: 'driver',
  hears: ['worker', 'driver', 'client', 'board'],
  doc: 'A driver is still here. Every second. When its beats stop, its leases end and another driver may take its experiments.',
  example: { params: { driver: 'd1' }, payload: { experiments: ['mnist-tune-7f3a'] } },
})

/** Claims that one message holds, slots that a claim asks for, and workers that it names, at most. */
export const claimsAtMost = 64
export const claimedSlotsAtMost = 65_536
export const claimedWorkersAtMost = 256

export const claims = message({
  name: 'driver.claims',
  subject: `maggy.${version}.driver.{driver}.claims`,
  payload: Type.Object({
    by: Id,
    claims: Type.Array(
      Type.Object({
        experiment: Id,
        /** It could use so many slots beside those that it has. */
        slots: Type.Integer({ minimum: 1, maximum: claimedSlotsAtMost }),
        /** They are of use only all together. */
        together: Type.Boolean(),
        /** On these workers. */
        workers: Type.Array(Id, { minItems: 1, maxItems: claimedWorkersAtMost }),
        /** Slots that it has. */
        holds: Count,
        priority: Type.Integer({ minimum: -1000, maximum: 1000 }),
        share: Type.Number({ minimum: 0.001, maximum: 1000 }),
        /** Time of slots that it has used. */
        usedMs: Duration,
      }),
      { maxItems: claimsAtMost },
    ),
  }),
  maxBytes: mebibyte,
  speaks: 'driver',
  hears: 'driver',
  doc: 'A driver has experiments that could use slots which this driver holds. Every second while that is so, all of them each time, and none once it is over. Whose turn it is, by priority, share and use, gets a slot as soon as it falls free, whichever driver has the experiment.',
  example: {
    params: { driver: 'd1' },
    payload: {
      by: 'd2',
      claims: [
        {
          experiment: 'mnist-tune-7f3a',
          slots: 3,
          together: false,
          workers: ['w1'],
          holds: 0,
          priority: 5,
          share: 1,
          usedMs: 1200,
        },
      ],
    },
  },
})

export const lease = call({
  name: 'worker.lease',
  subject: `maggy.${version}.call.worker.{worker}.lease`,
  payload: Type.Object({ driver: Id, slot: Slot }),
  reply: Type.Object({ slot: Slot, status: SlotStatus }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'worker',
  doc: 'A driver asks for a slot. The first to ask holds it (SLOT_TAKEN for the others) until it releases it or its beats stop.',
  example: {
    params: { worker: 'w1' },
    payload: { driver: 'd1', slot: 0 },
    reply: { slot: 0, status: { slot: 0, driver: 'd1', running: null, next: null } },
  },
})

export const release = call({
  name: 'worker.release',
  subject: `maggy.${version}.call.worker.{worker}.release`,
  payload: Type.Object({ driver: Id, slot: Slot }),
  reply: Type.Object({}),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'worker',
  doc: 'A driver has no more use for a slot.',
  example: { params: { worker: 'w1' }, payload: { driver: 'd1', slot: 0 }, reply: {} },
})

export const ping = call({
  name: 'worker.ping',
  subject: `maggy.${version}.call.worker.{worker}.ping`,
  payload: Type.Object({}),
  reply: WorkerStatus,
  maxBytes: few,
  maxReplyBytes: 512 * kibibyte,
  speaks: 'driver',
  hears: 'worker',
  doc: 'Is this worker still there? Asked when its beats stay out: no responders means that its connection is gone.',
  example: { params: { worker: 'w1' }, payload: {}, reply: status },
})

export const namesake = message({
  name: 'worker.namesake',
  subject: `maggy.${version}.worker.{worker}.namesake`,
  payload: Type.Object({ instance: Id, there: Type.Boolean() }),
  maxBytes: few,
  speaks: 'worker',
  hears: 'worker',
  doc: 'Is there a worker of this name already? Asked by one that starts, for drivers would take the two for one; whoever was there before says so.',
  example: { params: { worker: 'w1' }, payload: { instance: 'instance-k3v0q7ta', there: false } },
})

export const driverPing = call({
  name: 'driver.ping',
  subject: `maggy.${version}.call.driver.{driver}.ping`,
  payload: Type.Object({}),
  reply: Type.Object({}),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: ['driver', 'worker'],
  hears: 'driver',
  doc: 'Is this driver still there? Asked before its experiments or its slots are taken: no responders means that its connection is gone. Workers ask it too.',
  example: { params: { driver: 'd1' }, payload: {}, reply: {} },
})
