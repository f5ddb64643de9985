/** What becomes of experiments beside their running: notes and tags, the code that was run, and their removal. */
import { Type } from 'typebox'
import { Count, Id, Sha256, Text } from './common.ts'
import { call, few, kibibyte, mebibyte, version } from './conversation.ts'
import { Part } from './store.ts'

/** A word that people give to experiments, to find them again. */
export const tagPattern = '^[A-Za-z0-9_][A-Za-z0-9._:/=-]{0,63}$'
const Tag = Type.String({ pattern: tagPattern })
/** Experiments with this tag survive all retention. */
export const pinnedTag = 'pinned'
/** Tags, and remarks, that an experiment may have. */
export const tagsAtMost = 64
export const remarksAtMost = 256

export const annotationFields = {
  /** A note of a user's. */
  remark: Type.Optional(Text),
  tag: Type.Optional(Type.Array(Tag, { maxItems: tagsAtMost })),
  untag: Type.Optional(Type.Array(Tag, { maxItems: tagsAtMost })),
}

const annotated = Type.Object({ tags: Type.Array(Tag, { maxItems: tagsAtMost }) })
const payload = { remark: 'the one for the paper', tag: ['paper'] }

export const annotateExperiment = call({
  name: 'experiment.annotate',
  subject: `maggy.${version}.call.experiment.{experiment}.annotate`,
  payload: Type.Object(annotationFields),
  reply: annotated,
  maxBytes: 32 * kibibyte,
  maxReplyBytes: 16 * kibibyte,
  speaks: 'client',
  hears: 'driver',
  doc: 'Gives an experiment a note, or tags, or takes tags from it. The driver that owns the experiment answers, once it is in the log; one that has ended is nobody’s: ask `archive.annotate`.',
  example: { params: { experiment: 'mnist-tune-7f3a' }, payload, reply: { tags: ['paper'] } },
})

export const annotateArchived = call({
  name: 'archive.annotate',
  queue: 'driver',
  subject: `maggy.${version}.call.driver.annotate`,
  payload: Type.Object({ experiment: Id, ...annotationFields }),
  reply: annotated,
  maxBytes: 32 * kibibyte,
  maxReplyBytes: 16 * kibibyte,
  speaks: 'client',
  hears: 'driver',
  doc: 'The same for an experiment that has ended. Any driver may do it (queue group `driver`). EXPERIMENT_BUSY: a driver has it.',
  example: { params: {}, payload: { experiment: 'mnist-tune-7f3a', ...payload }, reply: { tags: ['paper'] } },
})

export const removeArchived = call({
  name: 'archive.remove',
  queue: 'driver',
  subject: `maggy.${version}.call.driver.remove`,
  payload: Type.Object({ experiment: Id }),
  reply: Type.Object({ bundle: Type.Boolean() }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'client',
  hears: 'driver',
  doc: 'Removes an experiment that has ended: its metrics and output, checkpoints, artifacts, its code if no other experiment has the same, and its log last. Any driver may do it (queue group `driver`); one that is interrupted is taken up by the next. EXPERIMENT_BUSY: a driver has it. EXPERIMENT_PINNED: it has the tag `pinned`.',
  example: { params: {}, payload: { experiment: 'mnist-tune-7f3a' }, reply: { bundle: true } },
})

export const readSource = call({
  name: 'bundle.source',
  queue: 'driver',
  subject: `maggy.${version}.call.driver.source`,
  payload: Type.Object({ bundle: Sha256, offset: Count }),
  reply: Part,
  maxBytes: few,
  maxReplyBytes: mebibyte,
  speaks: 'client',
  hears: 'driver',
  doc: 'Reads the code of an experiment for people who want to see what was run, a part at a time, as workers do. Any driver answers (queue group `driver`). BUNDLE_MISSING: it is not in the store.',
  example: {
    params: {},
    payload: { bundle: 'a'.repeat(64), offset: 0 },
    reply: { bytes: 3, sha256: 'a'.repeat(64), data: new Uint8Array([1, 2, 3]) },
  },
})
