/**
 * What trials save for people: a model, a picture, a table. A runner hands it to the driver that owns the experiment, a part at a time,
 * and knows nothing of the store (see store.ts). The log lists what there is, with its hash; the bytes lie in a stream of their own.
 */
import { Type } from 'typebox'
import { Bytes, Count, Id, Ordinal, Sha256 } from './common.ts'
import { call, few, mebibyte, message, version } from './conversation.ts'

/** A name that is a file's on any host: no folder, no `..`, nothing hidden. */
export const artifactNamePattern = '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$'
/** Bytes of one artifact, and names that an attempt may use. */
export const artifactBytesAtMost = 8 * 2 ** 30
export const artifactsAtMost = 64

/**
 * A model is one run of bytes: the length of its `model.json` (four bytes, the highest first), the `model.json` that tfjs reads beside
 * a `weights.bin`, and that `weights.bin`. All else is bytes as they are.
 */
export const ArtifactKind = Type.Union([Type.Literal('bytes'), Type.Literal('model')])
export type ArtifactKind = Type.Static<typeof ArtifactKind>

export const artifactFields = {
  name: Type.String({ pattern: artifactNamePattern }),
  kind: ArtifactKind,
  bytes: Type.Integer({ minimum: 0, maximum: artifactBytesAtMost }),
  /** Of this writing, made up by the writer: its parts lie under it. */
  upload: Id,
}

export const writeArtifact = call({
  name: 'artifact.write',
  subject: `maggy.${version}.worker.{worker}.artifact.{experiment}.write`,
  payload: Type.Object({
    trial: Count,
    attempt: Ordinal,
    ...artifactFields,
    offset: Count,
    data: Bytes,
    /** With the part that ends it. */
    sha256: Type.Optional(Sha256),
  }),
  reply: Type.Object({
    next: Count,
    kept: Type.Boolean(),
  }),
  maxBytes: mebibyte,
  maxReplyBytes: few,
  speaks: 'runner',
  hears: 'driver',
  doc: 'Saves what is kept for people beside a trial’s numbers, a part at a time and in order, at most 512 KiB each. The reply says from which byte the driver goes on: where that is not the end of this part, the part was not taken (another driver has the experiment now, or an answer was lost), and the writer goes on from there. `kept`: all of it is in the store and its hash is in the log. An artifact of the same name and attempt is replaced. Taken only from the worker to which the log assigned the attempt (ARTIFACT_REFUSED). ARTIFACT_CORRUPT: what came has another hash than was said; begin again with another `upload`. What an attempt saved stays if the trial’s result is its: done, or stopped in order.',
  example: {
    params: { worker: 'w1', experiment: 'mnist-tune-7f3a' },
    payload: {
      trial: 3,
      attempt: 1,
      name: 'confusion.csv',
      kind: 'bytes',
      bytes: 3,
      upload: 'u1',
      offset: 0,
      data: new Uint8Array([1, 2, 3]),
      sha256: '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81',
    },
    reply: { next: 3, kept: true },
  },
})

export const artifactPart = message({
  name: 'artifact.part',
  subject: `maggy.${version}.artifact.{experiment}.{trial}.{attempt}.{upload}`,
  kept: 'artifacts',
  payload: Type.Object({ data: Bytes }),
  maxBytes: mebibyte,
  speaks: 'driver',
  hears: 'client',
  doc: 'A part of an artifact, in order: appended behind the one before it, or not at all. Read it from the stream. What the log does not list is no artifact: its upload is under way, or was given up.',
  example: {
    params: { experiment: 'mnist-tune-7f3a', trial: '3', attempt: '1', upload: 'u1' },
    payload: { data: new Uint8Array([1, 2, 3]) },
  },
})
