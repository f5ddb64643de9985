/**
 * A ring: the workers that train one model together.
 * A ring has an id for its whole life, and a generation for each membership it has had. In a generation the members have ranks 0 to
 * N - 1. What belongs to a generation has its number in the subject; members unsubscribe from old ones, so a stale sender finds no listener.
 * The life of a generation: every member has said `join`; the driver sends `form` to each; each leaves its old generation, listens on
 * the new one, and answers with what it holds; when all have answered, the driver sends `start` to each. The members then compare
 * what they hold (an exchange among themselves), hand over or run again the step that was under way, and go on.
 * A driver that dies stops no ring: it is needed only when the membership changes.
 */
import { Type } from 'typebox'
import { Bytes, Code, Count, Id, Sentence, Slot } from './common.ts'
import { call, few, kibibyte, message, version, whole } from './conversation.ts'

export const RingAlgorithm = Type.Union([Type.Literal('ring'), Type.Literal('direct')])
export type RingAlgorithm = Type.Static<typeof RingAlgorithm>
export const RingEncoding = Type.Union([Type.Literal('float32'), Type.Literal('bfloat16'), Type.Literal('int8')])
export type RingEncoding = Type.Static<typeof RingEncoding>

export const RingMember = Type.Object({ worker: Id, slot: Slot })
export type RingMember = Type.Static<typeof RingMember>

const Wait = Type.Number({ minimum: 1, maximum: 2 ** 31 - 1 })
/** Bytes that a chunk carries at most. */
export const ChunkBytes = Type.Integer({ minimum: 4, maximum: 8 * 2 ** 20 })

/** How long members wait, in milliseconds. Within these bounds, the patience of a hop follows its measured round trips. */
export const RingTiming = Type.Object({
  /** The shortest and the longest wait for one answer. */
  hopMinMs: Wait,
  hopMaxMs: Wait,
  /** A neighbour that listens but does not answer for this long is reported. */
  silentMs: Wait,
  /** A neighbour for which no process listens for this long is reported. */
  absentMs: Wait,
})
export type RingTiming = Type.Static<typeof RingTiming>

/** How far a member has come: enough to know which step is to be run again, or handed over. */
export const RingHolding = Type.Object({
  /** The last step whose reduced vector it has; -1: none. */
  finished: Type.Integer({ minimum: -1 }),
  /** The step whose local gradient it holds, not yet reduced. */
  pending: Type.Union([Count, Type.Null()]),
  /** It comes new, and needs weights, optimizer state and step from another. */
  fresh: Type.Boolean(),
  /** Its next step is its first, for which it has a batch of no shard of its own: its gradient counts only if all others' would not, either. */
  late: Type.Optional(Type.Boolean()),
})
export type RingHolding = Type.Static<typeof RingHolding>

const secretBytes = 16
/** A secret, or bytes that prove that somebody knows one. */
const Secret = Type.Refine(Bytes, (value) => value.length === secretBytes)

export const RingPlan = Type.Object({
  generation: Count,
  /** Made anew for each generation, and told to its members only: what they tell all is sealed with it (`shard`). */
  key: Secret,
  /** In the order of their ranks. */
  members: Type.Array(RingMember, { minItems: 1, maxItems: 1024 }),
  rank: Count,
  algorithm: RingAlgorithm,
  encoding: RingEncoding,
  chunkBytes: ChunkBytes,
  /** Chunks under way to one member without an answer. */
  window: Type.Integer({ minimum: 1, maximum: 64 }),
  timing: RingTiming,
})
export type RingPlan = Type.Static<typeof RingPlan>

const exampleKey = new Uint8Array(16).fill(7)
const exampleTiming = { hopMinMs: 250, hopMaxMs: 2_000, silentMs: 4_000, absentMs: 400 }
const example = { worker: 'w1', ring: 'mnist-training-7f3a' }
const addressed = { ...example, slot: '0' }
const inGeneration = { ...example, generation: '2', member: 'w2', rank: '1' }

export const joinRing = call({
  name: 'ring.join',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.join`,
  payload: Type.Object({
    slot: Slot,
    /** sha256 over names, shapes and dtypes of all variables, in order. */
    manifest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    holding: RingHolding,
    /** Gradient steps that it has passed, and how often it was sent ahead before. */
    step: Count,
    chases: Count,
  }),
  reply: Type.Object({
    /** How many members there are, and how many there must be. */
    joined: Count,
    wanted: Count,
    /** A ring that is at work waits for nobody who is far behind: come to a step by yourself first, and then ask again. */
    ahead: Type.Union([
      Type.Object({
        /** The gradient step to come to. */
        step: Count,
        /** The worker of a member that can be asked what came of the collectives until then (`recall`). */
        member: Id,
        /** To be shown to it. */
        pass: Secret,
      }),
      Type.Null(),
    ]),
  }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'runner',
  hears: 'driver',
  doc: 'A runner whose training function has come to its first step asks to be a member. `form` follows, now or at a boundary between two steps, unless it is sent ahead. Said again until it does; the same as saying it once.',
  example: {
    params: example,
    payload: {
      slot: 0,
      manifest: 'a'.repeat(64),
      holding: { finished: -1, pending: 0, fresh: true },
      step: 0,
      chases: 0,
    },
    reply: { joined: 1, wanted: 2, ahead: null },
  },
})

export const formRing = call({
  name: 'ring.form',
  subject: `maggy.${version}.call.worker.{worker}.ring.{ring}.{slot}.form`,
  payload: RingPlan,
  reply: Type.Object({ generation: Count, holding: RingHolding }),
  maxBytes: 512 * kibibyte,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'runner',
  doc: 'A new generation. The member gives up the step under way (its gradient stays), leaves older generations, listens on this one, and answers: ready. A generation that is not newer than its own is refused (RING_STALE). Repeating the call is the same as making it once.',
  example: {
    params: addressed,
    payload: {
      generation: 2,
      key: exampleKey,
      members: [
        { worker: 'w1', slot: 0 },
        { worker: 'w2', slot: 0 },
      ],
      rank: 0,
      algorithm: 'ring',
      encoding: 'float32',
      chunkBytes: 524_288,
      window: 4,
      timing: exampleTiming,
    },
    reply: { generation: 2, holding: { finished: 41, pending: 42, fresh: false } },
  },
})

export const startRing = call({
  name: 'ring.start',
  subject: `maggy.${version}.call.worker.{worker}.ring.{ring}.{slot}.start`,
  payload: Type.Object({ generation: Count }),
  reply: Type.Object({}),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'driver',
  hears: 'runner',
  doc: 'All members of the generation listen: go on. Refused (RING_STALE) for another generation than the one formed last.',
  example: { params: addressed, payload: { generation: 2 }, reply: {} },
})

export const suspectMember = call({
  name: 'ring.suspect',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.suspect`,
  payload: Type.Object({
    generation: Count,
    rank: Count,
    /** The rank that is suspected; null: the fault is not another member's. */
    suspect: Type.Union([Count, Type.Null()]),
    code: Code,
    step: Type.Integer({ minimum: -1 }),
  }),
  reply: Type.Object({}),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'runner',
  hears: 'driver',
  doc: 'The generation cannot go on from where this member stands, and why. The driver looks after the suspect and forms the next generation, with it or without. Said again until `form` comes.',
  example: {
    params: example,
    payload: { generation: 2, rank: 0, suspect: 1, code: 'RING_PEER_LOST', step: 42 },
    reply: {},
  },
})

export const leaveRing = call({
  name: 'ring.leave',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.leave`,
  payload: Type.Object({
    generation: Count,
    rank: Count,
    finished: Type.Integer({ minimum: -1 }),
    reason: Type.Union([Type.Literal('done'), Type.Literal('draining'), Type.Literal('failed')]),
  }),
  reply: Type.Object({}),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'runner',
  hears: 'driver',
  doc: 'A member goes, between two steps. The others learn it by the next generation.',
  example: { params: example, payload: { generation: 2, rank: 1, finished: 41, reason: 'draining' }, reply: {} },
})

export const ringProgress = message({
  name: 'ring.progress',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.progress`,
  payload: Type.Object({
    generation: Count,
    rank: Count,
    finished: Type.Integer({ minimum: -1 }),
    /** Since the ring began, on this member. */
    samples: Count,
    /** Of the last second's steps: milliseconds a step, and how many of these were spent waiting for the ring. */
    stepMs: Type.Number({ minimum: 0 }),
    waitMs: Type.Number({ minimum: 0 }),
    /** Milliseconds a step that it waited for its predecessor, and for nobody else: the straggler is the one before where this is long. */
    predecessorMs: Type.Number({ minimum: 0 }),
  }),
  maxBytes: few,
  speaks: 'runner',
  hears: 'driver',
  doc: 'How far a member is, every second at most.',
  example: {
    params: example,
    payload: { generation: 2, rank: 0, finished: 41, samples: 2688, stepMs: 61.5, waitMs: 8.2, predecessorMs: 5.1 },
  },
})

/** reduce: reduce-scatter; gather: all-gather; broadcast: one member's bytes to all; exchange: small bytes of each to all. */
export const ChunkPhase = Type.Union([
  Type.Literal('reduce'),
  Type.Literal('gather'),
  Type.Literal('broadcast'),
  Type.Literal('exchange'),
])
export type ChunkPhase = Type.Static<typeof ChunkPhase>

/** Generation, step, phase, hop and index are the chunk's key: two chunks with the same key are the same, and count once. */
export const Chunk = Type.Object({
  generation: Count,
  /** Of training for reduce and gather; otherwise the how-manieth collective of its kind in this generation. */
  step: Count,
  phase: ChunkPhase,
  hop: Count,
  index: Count,
  /** The sender's rank. */
  from: Count,
  /** Elements of the whole vector, or bytes of the whole broadcast: the same on all ranks. */
  length: Count,
  /** Samples that have been added to what it carries so far. */
  weight: Type.Number({ minimum: 0 }),
  /**
   * CRC-32 (zlib) over the data's length, generation, step, the phase's number (reduce 0, gather 1, broadcast 2, exchange 3), hop,
   * index, from and length as big-endian uint32, the weight as a big-endian float64, and 16 lanes as big-endian uint32. These begin
   * as 0; for each 64 bytes of the data, the last filled up with zeros, lane = lane * 16777619 + word (modulo 2^32), with the
   * how-manieth of the 16 words, little-endian, for each lane.
   */
  checksum: Count,
  data: Bytes,
})
export type Chunk = Type.Static<typeof Chunk>

const chunkExample: Chunk = {
  generation: 2,
  step: 42,
  phase: 'reduce',
  hop: 0,
  index: 3,
  from: 0,
  length: 2,
  weight: 64,
  checksum: 3897645507,
  data: new Uint8Array([0, 0, 128, 63, 0, 0, 0, 64]),
}

export const chunk = call({
  name: 'ring.chunk',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.to.{member}.{generation}.{rank}.chunk`,
  payload: Chunk,
  reply: Type.Object({}),
  maxBytes: whole,
  maxReplyBytes: few,
  speaks: 'runner',
  hears: 'runner',
  doc: 'A chunk for the member of that rank, which is on the worker {member}, from the worker {worker}. Only members of the generation are answered (else RING_OUTSIDER). The reply is credit for another. A chunk that came before is answered alike and not added again; one that was damaged on the way is refused (RING_CHUNK_CORRUPT) and sent again; so is one of a step to which the member has not come yet, once it keeps as many of these as it has room for (RING_EARLY); one of another generation is refused (RING_STALE).',
  example: { params: inGeneration, payload: chunkExample, reply: {} },
})

export const shard = message({
  name: 'ring.shard',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.{generation}.shard`,
  payload: Type.Object({
    from: Count,
    step: Count,
    index: Count,
    /**
     * The chunk's msgpack bytes under AES-128-GCM with the generation's key, and the 16 bytes of the tag after them. The nonce is from,
     * step and index, modulo 2^32, as big-endian uint32.
     */
    sealed: Bytes,
  }),
  maxBytes: whole,
  speaks: 'runner',
  hears: 'runner',
  doc: 'Algorithm `direct`: the owner of a segment tells it to all, once, and the server fans it out. Every runner could hear it; only members of the generation have the key. Who misses it asks by `ring.fetch`.',
  example: {
    params: { ...example, generation: '2' },
    payload: { from: 0, step: 42, index: 3, sealed: new Uint8Array(24).fill(9) },
  },
})

export const fetchShard = call({
  name: 'ring.fetch',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.to.{member}.{generation}.{rank}.fetch`,
  payload: Type.Object({ step: Count, index: Count }),
  reply: Type.Object({
    /** Null: not reduced yet. */
    chunk: Type.Union([Chunk, Type.Null()]),
  }),
  maxBytes: few,
  maxReplyBytes: whole,
  speaks: 'runner',
  hears: 'runner',
  doc: 'Asks the member of that rank for a chunk of the segment that it owns, of this step or the one before. RING_OUTSIDER: who asks is no member of the generation.',
  example: { params: inGeneration, payload: { step: 42, index: 3 }, reply: { chunk: null } },
})

export const recallRing = call({
  name: 'ring.recall',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.to.{member}.recall`,
  payload: Type.Object({
    /** That of the reply to `join`: HMAC-SHA256 with the generation's key over the ring, a full stop and the worker that asks, 16 bytes of it. */
    pass: Secret,
    /** The first collective that it does not know of. */
    from: Count,
  }),
  reply: Type.Object({
    /** What user code was told by the collectives from that one on, as many as fit; none: that is all. */
    part: Bytes,
    /** The first collective that is not in it. */
    next: Count,
  }),
  maxBytes: few,
  maxReplyBytes: whole,
  speaks: 'runner',
  hears: 'runner',
  doc: 'Asks the member that the driver named what came of the collectives that are over (means of losses and metrics, epoch by epoch and step by step). A newcomer runs the training function from its start, and user code is told the same as on the others. RING_OUTSIDER: the pass is none of this generation.',
  example: {
    params: { ...example, member: 'w2' },
    payload: { pass: exampleKey, from: 40 },
    reply: { part: new Uint8Array([128]), next: 42 },
  },
})

export const probeMember = call({
  name: 'ring.probe',
  subject: `maggy.${version}.worker.{worker}.ring.{ring}.to.{member}.{generation}.{rank}.probe`,
  payload: Type.Object({}),
  reply: Type.Object({
    /** The step it has given to the ring and waits for; null: it still computes. */
    reducing: Type.Union([Count, Type.Null()]),
    finished: Type.Integer({ minimum: -1 }),
    /** The collective that its training function has reached, in words; null: none. */
    doing: Type.Optional(Type.Union([Sentence, Type.Null()])),
  }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'runner',
  hears: 'runner',
  doc: 'Is this member there? Asked when nothing comes from it. A member that computes for a long time answers; one that is gone does not. RING_OUTSIDER: who asks is no member of the generation.',
  example: { params: inGeneration, payload: {}, reply: { reducing: null, finished: 41, doing: null } },
})
