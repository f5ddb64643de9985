/**
 * What a worker and its runners want of the object store, asked of drivers: they reach the store themselves in no way. A server lets
 * whoever may write bytes into a stream and read them back have them delivered to any subject (the reply subject of a request is
 * checked against no permission), so only drivers read what workers write.
 * Bytes travel in parts: `offset` says from where; the first part has offset 0.
 */
import { Type } from 'typebox'
import { Bytes, Count, Id, Metrics, Sha256 } from './common.ts'
import { call, few, kibibyte, mebibyte, version } from './conversation.ts'

const Attempt = Type.Integer({ minimum: 1 })

/** Bytes of a part: what fits in one message beside the rest, on any server. */
export const partBytes = 512 * 1024

export const Part = Type.Object({
  /** Of the whole. */
  bytes: Count,
  /** sha256 of the whole, in hex: another one than with the part before means that it was replaced meanwhile. */
  sha256: Sha256,
  /** From the offset on, as much as fits; none at the end. */
  data: Bytes,
})

export const readBundle = call({
  name: 'bundle.read',
  queue: 'driver',
  subject: `maggy.${version}.worker.{worker}.bundle.{bundle}`,
  payload: Type.Object({ offset: Count }),
  reply: Part,
  maxBytes: few,
  maxReplyBytes: mebibyte,
  speaks: 'worker',
  hears: 'driver',
  doc: 'Reads the code of an experiment, by its hash, a part at a time. Any driver answers (queue group `driver`). BUNDLE_MISSING: it is not in the store.',
  example: {
    params: { worker: 'w1', bundle: 'a'.repeat(64) },
    payload: { offset: 0 },
    reply: { bytes: 3, sha256: 'a'.repeat(64), data: new Uint8Array([1, 2, 3]) },
  },
})

export const checkBundle = call({
  name: 'bundle.check',
  queue: 'driver',
  subject: `maggy.${version}.call.driver.bundle`,
  payload: Type.Object({ sha256: Sha256 }),
  reply: Type.Object({ known: Type.Boolean() }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'client',
  hears: 'driver',
  doc: 'Does this code lie in the store already? A client writes it there before it submits, and cannot read what lies there.',
  example: { params: {}, payload: { sha256: 'a'.repeat(64) }, reply: { known: false } },
})

/** The attempt that a checkpoint is for. `ring`: the state of the ring that trains the trial, not what user code saved. */
const checkpoint = { trial: Count, attempt: Attempt, ring: Type.Boolean() }

export const writeCheckpoint = call({
  name: 'checkpoint.write',
  subject: `maggy.${version}.worker.{worker}.checkpoint.{experiment}.write`,
  payload: Type.Object({
    ...checkpoint,
    /** Of this writing, made up by the writer: parts with the same one belong together. */
    upload: Id,
    offset: Count,
    /** Of the whole. */
    bytes: Count,
    /** Of a ring: a member that its ring has gone on without replaces nothing of a later generation (BUS_SUPERSEDED). */
    generation: Type.Optional(Count),
    data: Bytes,
  }),
  reply: Type.Object({}),
  maxBytes: mebibyte,
  maxReplyBytes: few,
  speaks: 'runner',
  hears: 'driver',
  doc: "Saves a checkpoint in the place of the trial's last one, a part at a time and in order. The reply to the last part comes once it is kept. UPLOAD_UNKNOWN: begin again at offset 0 (the driver was started anew, or the part before is missing). Taken only from the worker to which the log assigned the attempt (CHECKPOINT_REFUSED).",
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a' },
    payload: { trial: 3, attempt: 1, ring: false, upload: 'u1', offset: 0, bytes: 3, data: new Uint8Array([1, 2, 3]) },
    reply: {},
  },
})

export const readCheckpoint = call({
  name: 'checkpoint.read',
  subject: `maggy.${version}.worker.{worker}.checkpoint.{experiment}.read`,
  payload: Type.Object({
    ...checkpoint,
    /** Another trial whose checkpoint is wanted: the one that this one continues. */
    of: Type.Optional(Count),
    offset: Count,
  }),
  reply: Type.Object({
    /** Null: there is none. */
    part: Type.Union([Part, Type.Null()]),
  }),
  maxBytes: few,
  maxReplyBytes: mebibyte,
  speaks: 'runner',
  hears: 'driver',
  doc: 'Reads the last checkpoint of a trial, a part at a time. Answered only to the worker to which the log assigned the attempt (CHECKPOINT_REFUSED).',
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a' },
    payload: { trial: 3, attempt: 2, ring: false, offset: 0 },
    reply: { part: { bytes: 3, sha256: 'a'.repeat(64), data: new Uint8Array([1, 2, 3]) } },
  },
})

export const readRecorded = call({
  name: 'trial.recorded',
  subject: `maggy.${version}.worker.{worker}.recorded.{experiment}`,
  payload: Type.Object({ trial: Count, attempt: Attempt }),
  reply: Type.Object({
    /** The last that it reported. */
    latest: Metrics,
    points: Count,
  }),
  maxBytes: few,
  maxReplyBytes: 256 * kibibyte,
  speaks: 'worker',
  hears: 'driver',
  doc: 'What had an attempt recorded whose runner went away? The driver that owns the experiment reads it from the telemetry stream.',
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a' },
    payload: { trial: 3, attempt: 1 },
    reply: { latest: { accuracy: 0.5 }, points: 12 },
  },
})
