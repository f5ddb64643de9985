/** What a user may change of an experiment after it was accepted, and how its driver is asked to. */
import { Type } from 'typebox'
import { Count, Hparams, Id, Ordinal, State } from './common.ts'
import { Plugin, Policy, StopRule } from './context.ts'
import { call, few, mebibyte, version } from './conversation.ts'
import { Signature } from './signature.ts'

const changes = {
  optimizer: Type.Optional(Plugin),
  pruner: Type.Optional(Type.Union([Plugin, Type.Null()])),
  /** In the place of the one before; empty: none. */
  stop: Type.Optional(StopRule),
  /** Fields of the policy, each in the place of the one before. */
  policy: Type.Optional(Type.Partial(Policy)),
  /** Tried next, in this order, each in a trial that comes on top of those that were asked for. */
  enqueue: Type.Optional(Type.Array(Hparams, { minItems: 1, maxItems: 4096 })),
  /** Trials that have failed are open again: they get new attempts. */
  failed: Type.Optional(Type.Literal(true)),
}

/** A change as the log keeps it. */
export const Change = Type.Object({
  ...changes,
  /** How many trials there are to be, in all. */
  trials: Type.Optional(Ordinal),
})
export type Change = Type.Static<typeof Change>

/** A change as it is asked for. */
export const AskedChange = Type.Object({
  /** The client makes it up: a change that is asked for twice is made once. */
  id: Id,
  ...changes,
  /** In all, or so many more than there are. */
  trials: Type.Optional(Type.Union([Ordinal, Type.Object({ more: Ordinal })])),
  /** It also goes on, if it is paused. */
  resume: Type.Optional(Type.Boolean()),
  /** Of what it is then, where it is signed and the change goes beyond what was signed. */
  signature: Type.Optional(Signature),
})
export type AskedChange = Type.Static<typeof AskedChange>

export const changeExperiment = call({
  name: 'experiment.change',
  subject: `maggy.${version}.call.experiment.{experiment}.change`,
  payload: AskedChange,
  reply: Type.Object({ state: State, trials: Count }),
  maxBytes: mebibyte,
  maxReplyBytes: few,
  speaks: 'client',
  hears: 'driver',
  doc: 'Changes an experiment that goes on or is paused. The driver that owns it answers, once the change is kept (`experiment.changed`). Another optimizer is opened first: OPTIMIZER_UNAVAILABLE, OPTIMIZER_UNFIT, HPARAMS_INVALID (what is enqueued) and CHANGE_REFUSED leave all as it was. EXPERIMENT_BUSY: it is ending; ask `experiment.resume` once it has ended.',
  example: {
    params: { experiment: 'mnist-tune-7f3a' },
    payload: { id: 'change-5b1e', trials: { more: 50 }, optimizer: { name: 'tpe', options: {} } },
    reply: { state: 'opening', trials: 70 },
  },
})

export const pauseExperiment = call({
  name: 'experiment.pause',
  subject: `maggy.${version}.call.experiment.{experiment}.pause`,
  payload: Type.Object({
    /** Trials under way are handed back too, at no cost: they go on from their checkpoints when it does. */
    now: Type.Optional(Type.Boolean()),
  }),
  reply: Type.Object({ state: State }),
  maxBytes: few,
  maxReplyBytes: few,
  speaks: 'client',
  hears: 'driver',
  doc: 'Hands out no more trials of an experiment until it is resumed. The driver that owns it answers, once that is kept.',
  example: { params: { experiment: 'mnist-tune-7f3a' }, payload: {}, reply: { state: 'paused' } },
})
